package ordering

import (
	"reflect"
	"strconv"
	"testing"

	"github.com/brokerbridge/bridge/ordering/lane"
)

// TestI6_BusyLanesAreLookedThroughRarely: however many lanes are busy, a new one
// does not make all of them be looked at.
func TestI6_BusyLanesAreLookedThroughRarely(t *testing.T) {
	const most, busy = 100, 5000
	rules := &lane.Rules{First: 1, MaxAhead: 1, MaxHeld: 1}
	l := newLanes(most)
	looks, looked := 0, 0
	for i := range busy {
		e := &entry{lane: lane.New(rules, lane.Fresh(rules)), pending: &change{}}
		old, was := len(l.old), reflect.ValueOf(l.old).Pointer()
		if l.put(laneKey{name: strconv.Itoa(i)}, e); reflect.ValueOf(l.old).Pointer() != was {
			looks++
			looked += old
		}
	}
	if n := len(l.young) + len(l.old); n != busy {
		t.Errorf("%d of %d busy lanes are in memory", n, busy)
	}
	if looked > 100*busy {
		t.Errorf("%d looks at %d lanes for %d new ones", looks, looked, busy)
	}
}
