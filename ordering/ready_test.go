package ordering

import (
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// boarded is a loop with ten calls' worth of parked heads and so many fresh ones,
// the last of which came a while ago, and what of each is in its next calls.
func boarded(t *testing.T, perCall, fresh int, ago time.Duration, calls int) (came, parked int) {
	t.Helper()
	s := memory.New()
	park(t, s, 10*mostPerCall, 1, store.Message{})
	l := still(t, s)
	l.handler.Load().perCall = perCall
	l.now = time.Now()
	l.ready.came = l.now.Add(-ago)
	for range fresh {
		l.ready.push(&item{msg: message.NewMessage("", nil)})
	}
	for range calls {
		for _, it := range l.board() {
			if it.origin == fromSource {
				came++
			} else {
				parked++
			}
		}
	}
	return came, parked
}

// TestI6_DrainLeavesRoom: what comes while many parked heads are ready is in the
// next calls, and these have their share only, so that the calls are soon over;
// when nothing comes they have whole ones. A flood of fresh ones leaves them that
// share.
func TestI6_DrainLeavesRoom(t *testing.T) {
	const share = mostPerCall / storedShare
	for name, c := range map[string]struct {
		perCall, fresh      int
		ago                 time.Duration
		calls, came, parked int
	}{
		"some come":          {mostPerCall, 100, 0, 2, 100, 2 * share},
		"none come":          {mostPerCall, 0, 2 * freshFor, 2, 0, 2 * mostPerCall},
		"the last came then": {mostPerCall, 100, 2 * freshFor, 2, 100, 2*mostPerCall - 100},
		"a flood":            {mostPerCall, 10 * mostPerCall, 0, 4, 4 * (mostPerCall - share), 4 * share},
		"one by one":         {1, 100, 0, 2 * storedShare, 2*storedShare - 2, 2},
		"one by one, alone":  {1, 0, 0, 2 * storedShare, 0, 2 * storedShare},
	} {
		t.Run(name, func(t *testing.T) {
			came, parked := boarded(t, c.perCall, c.fresh, c.ago, c.calls)
			if came != c.came || parked != c.parked {
				t.Errorf("%d calls have %d fresh messages and %d parked ones, want %d and %d", c.calls, came, parked, c.came, c.parked)
			}
		})
	}
}

// TestDrain_WholeChunks: where more lanes drain than are read ahead, each takes
// along what a chunk may have all the same, and what that took is given back.
func TestDrain_WholeChunks(t *testing.T) {
	s := memory.New()
	const keys, rows = 2 * mostReadAhead / readAhead, readAhead
	park(t, s, keys, rows, store.Message{})
	l := still(t, s)
	l.cfg.Chunk = rows
	for l.ready.size() > 0 {
		items := l.board()
		if len(items)%rows != 0 {
			t.Fatalf("a call has %d messages of lanes with %d each", len(items), rows)
		}
		for at, it := range items {
			if want := lane.Revision(at%rows + 1); it.id.Revision != want {
				t.Fatalf("revision %d stands where %d belongs", it.id.Revision, want)
			}
		}
	}
	if l.cached.rows != 0 || l.cached.bytes != 0 {
		t.Errorf("of nothing, %+v is counted", l.cached)
	}
}
