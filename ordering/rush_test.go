package ordering

import (
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// flow lets messages of one key arrive.
func flow(l *loop, from, to lane.Revision) {
	for r := from; r <= to; r++ {
		l.intake([]*item{{
			id: ID{Key: "k", Revision: r}, print: lane.Print(r), msg: message.NewMessage("", nil),
		}})
	}
}

// rushed is a lane of which so many messages wait, and the loop it is in. Nothing
// is delivered.
func rushed(t *testing.T, waiting int) (*loop, *entry) {
	t.Helper()
	l := still(t, memory.New())
	l.now = time.Now()
	flow(l, 1, lane.Revision(waiting)+1)
	e, _ := l.lanes.peek(laneKey{name: "k"})
	return l, e
}

// look lets time pass until the next look, and so many be delivered meanwhile, as
// far as that can see.
func look(l *loop, e *entry, after time.Duration, delivered int) {
	l.now = l.now.Add(after)
	e.mark = e.lane.Next - lane.Revision(delivered)
	l.judgeRush()
}

// TestRush: a lane that delivers a window in half a second may hold more than a
// quarter of it, until it is no longer so fast.
func TestRush(t *testing.T) {
	quarter := still(t, memory.New()).rules.MaxHeld
	l, e := rushed(t, quarter+10)
	fast := l.cfg.Window / 5
	expect := func(when string, held, parked int) {
		t.Helper()
		if e.lane.Held() != held || e.lane.Parked != parked {
			t.Errorf("%s: %d are held and %d parked, want %d and %d", when, e.lane.Held(), e.lane.Parked, held, parked)
		}
	}
	expect("before the first look", quarter+10, 0)
	look(l, e, rushLook, fast)
	flow(l, lane.Revision(quarter)+12, 2*lane.Revision(quarter)+1)
	expect("while it is fast", 2*quarter, 0)
	look(l, e, rushLook, fast-1)
	expect("when it is slow", 0, 2*quarter)
	if len(l.rush.lanes) != 0 || !l.rush.next.IsZero() {
		t.Error("a lane that holds nothing is still watched")
	}
	flow(l, 2*lane.Revision(quarter)+2, 3*lane.Revision(quarter)+11)
	expect("a lane that was slow", quarter, 2*quarter+10)
	look(l, e, rushLook, fast)
	flow(l, 3*lane.Revision(quarter)+12, 3*lane.Revision(quarter)+21)
	expect("when it has shown that it is fast again", quarter+10, 2*quarter+10)
}

// TestRush_LateLook: whoever looks late sees more delivered, which is no sign of
// being fast.
func TestRush_LateLook(t *testing.T) {
	l, e := rushed(t, 1000)
	look(l, e, 2*rushLook, l.cfg.Window/5)
	if e.fast {
		t.Error("a fifth of a window in a fifth of a second counts as fast")
	}
}

// TestRush_Doubt: a lane that was slow is taken for fast again after a while, one
// that only ran dry at once.
func TestRush_Doubt(t *testing.T) {
	l, e := rushed(t, 1000)
	look(l, e, rushLook, 0)
	l.rush.join(e, l.now)
	if e.fast || e.doubts != leastDoubt {
		t.Errorf("a lane that has just been slow is taken for fast, or doubted for %s", e.doubts)
	}
	look(l, e, rushLook, 0)
	if e.doubts != leastDoubt {
		t.Errorf("a lane that stays slow is doubted for %s", e.doubts)
	}
	for range 10 {
		if l.now = l.now.Add(e.doubts); e.doubts > mostDoubt {
			t.Errorf("a lane is doubted for %s", e.doubts)
		}
		if l.rush.join(e, l.now); !e.fast {
			t.Error("a lane that was slow long ago is not taken for fast")
		}
		before := e.doubts
		look(l, e, rushLook, 0)
		if e.doubts != min(2*before, mostDoubt) {
			t.Errorf("after %s a lane is doubted for %s", before, e.doubts)
		}
	}
	l.rush.join(e, l.now)
	if look(l, e, rushLook, l.cfg.Window/5); e.doubts != 0 {
		t.Error("a lane that is fast again is not trusted")
	}

	l, e = rushed(t, 0)
	l.rush.join(e, l.now)
	look(l, e, rushLook, 0)
	if l.rush.join(e, l.now); !e.fast {
		t.Error("a lane that ran dry counts as slow")
	}
}
