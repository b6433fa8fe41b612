package bulk_test

import (
	"testing"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/bulk"
)

func TestR14_IDsOfOperations(t *testing.T) {
	o := newOffice(t, unordered)
	o.dead(1, 1)
	for range 600 {
		if _, err := o.Start(t.Context(), bulk.Request{Action: ordering.ActDiscard, By: "x", Reason: "y"}); err != nil {
			t.Fatal(err)
		}
	}
	ops, _ := o.List(t.Context())
	sorted := true
	for i := 1; i < len(ops); i++ {
		sorted = sorted && !ops[i].Began.Before(ops[i-1].Began)
	}
	if len(ops) != 600 || !sorted {
		t.Errorf("%d of 600 are left, oldest first: %v", len(ops), sorted)
	}
}
