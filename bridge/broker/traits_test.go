package broker_test

import (
	"reflect"
	"testing"

	"github.com/brokerbridge/bridge/bridge/broker"
)

// Every trait has a row, at its place.
func TestEveryTraitHasARow(t *testing.T) {
	fields := reflect.TypeFor[broker.Traits]().NumField()
	if len(broker.AllTraits) != fields {
		t.Fatalf("%d rows for %d traits", len(broker.AllTraits), fields)
	}
	for i := range fields {
		var one broker.Traits
		reflect.ValueOf(&one).Elem().Field(i).SetBool(true)
		for j, row := range broker.AllTraits {
			if row.Has(one) != (i == j) {
				t.Errorf("row %d (%s) is not of field %d", j, row.Says, i)
			}
		}
	}
}
