package ordering

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// asked is a store that counts who asks for a lane, and refuses the answer for
// one of them.
type asked struct {
	store.Store
	mu     sync.Mutex
	loads  map[string]int
	broken string
}

var errUnread = errors.New("cannot be read")

func (a *asked) Load(ctx context.Context, k store.Key) (store.Record, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.loads[k.Name]++
	if k.Name != "" && k.Name == a.broken {
		return store.Record{}, errUnread
	}
	return a.Store.Load(ctx, k)
}

// arriving are the next messages of so many lanes that have delivered ten, each
// twice.
func arriving(t *testing.T, s store.Store, lanes int) []*item {
	t.Helper()
	if _, err := s.Open(t.Context(), store.Identity{Route: "r"}); err != nil {
		t.Fatal(err)
	}
	var items []*item
	for i := range lanes {
		name := fmt.Sprint("k", i)
		st := lane.Fresh(&lane.Rules{First: 1})
		st.Next, st.Highest = 11, 10
		c := store.Change{Key: store.Key{Route: "r", Name: name}, Record: &store.Record{State: st}}
		if err := s.Commit(t.Context(), c)[0]; err != nil {
			t.Fatal(err)
		}
		for range 2 {
			items = append(items, &item{id: ID{Key: name, Revision: 11}, print: 1, msg: message.NewMessage("", nil)})
		}
	}
	return items
}

// TestPreload: lanes that are not in memory are read once each, and go on from
// where the store says, however many come at once.
func TestPreload(t *testing.T) {
	for _, lanes := range []int{1, preloadLeast - 1, preloadLeast, 1000} {
		s := &asked{Store: memory.New(), loads: map[string]int{}}
		items := arriving(t, s, lanes)
		l := still(t, s)
		clear(s.loads)
		l.intake(items)
		for i := range lanes {
			if name := fmt.Sprint("k", i); s.loads[name] != 1 {
				t.Errorf("of %d lanes, %s was read %d times", lanes, name, s.loads[name])
			}
		}
		if l.ready.size() != lanes {
			t.Errorf("%d of %d lanes go on", l.ready.size(), lanes)
		}
	}
}

// TestPreload_OneCannotBeRead: then what comes from there on waits for the store,
// and none is lost.
func TestPreload_OneCannotBeRead(t *testing.T) {
	s := &asked{Store: memory.New(), loads: map[string]int{}}
	items := arriving(t, s, 100)
	l := still(t, s)
	s.broken = "k40"
	l.intake(items)
	if l.ready.size() != 40 || len(l.unread) != 2*60 || l.intakeOpen() {
		t.Errorf("%d lanes go on, %d messages wait, open: %v", l.ready.size(), len(l.unread), l.intakeOpen())
	}
	if _, there := l.lanes.peek(laneKey{}); there {
		t.Error("a lane without a name is in memory")
	}
	s.broken = ""
	l.now = l.again
	l.askAgain()
	if l.ready.size() != 100 || len(l.unread) != 0 || !l.intakeOpen() {
		t.Errorf("when the store answers, %d lanes go on, %d messages wait, open: %v", l.ready.size(), len(l.unread), l.intakeOpen())
	}
}
