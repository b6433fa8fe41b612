package ordering

import (
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// TestI6_DrainLeavesRoom: what comes while ten calls' worth of parked heads are
// ready is in the next calls, and so are some of these.
func TestI6_DrainLeavesRoom(t *testing.T) {
	for name, perCall := range map[string]int{"batches": mostPerCall, "one by one": 1} {
		t.Run(name, func(t *testing.T) {
			s := memory.New()
			park(t, s, 10*mostPerCall, 1, store.Message{})
			l := still(t, s)
			l.handler.Load().perCall = perCall
			for range 100 {
				l.ready.push(&item{msg: message.NewMessage("", nil)})
			}
			came, parked := 0, 0
			for range 2 {
				for _, it := range l.board() {
					if it.origin == fromSource {
						came++
					} else {
						parked++
					}
				}
			}
			if want := min(100, perCall); came != want || parked != 2*perCall-want {
				t.Errorf("two calls have %d fresh messages, want %d, and %d parked ones", came, want, parked)
			}
		})
	}
}

// TestDrainGetsRoom: nor does a flood of fresh messages keep the parked waiting.
func TestDrainGetsRoom(t *testing.T) {
	s := memory.New()
	park(t, s, mostPerCall, 1, store.Message{})
	l := still(t, s)
	for range 10 * mostPerCall {
		l.ready.push(&item{msg: message.NewMessage("", nil)})
	}
	for range 2 {
		l.board()
	}
	if left := len(l.ready.stored); left != 0 {
		t.Errorf("%d of %d parked heads are not in the first two calls", left, mostPerCall)
	}
}
