package pebble

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

const causes = 50

// bury gives up so many messages, of causes and of so many keys.
func bury(t testing.TB, s *Store, letters, keys int) {
	t.Helper()
	c := store.Change{Key: store.Key{Route: "r"}}
	for i := range letters {
		c.Dead = append(c.Dead, store.DeadLetter{
			ID: fmt.Sprintf("%020d", i), Key: fmt.Sprintf("order-%06d", i%keys), Reason: "permanent", Target: "topic",
			At:      time.Unix(1_700_000_000+int64(i), 0),
			Message: store.Message{Rev: lane.Revision(i), Payload: make([]byte, 200), Tries: store.Tries{Error: "cause " + string(rune('A'+i%causes))}},
		})
		if len(c.Dead) == 1000 || i+1 == letters {
			if err := s.Commit(context.Background(), c)[0]; err != nil {
				t.Fatal(err)
			}
			c.Dead = c.Dead[:0]
		}
	}
}

// briefs counts those of a query.
func briefs(t testing.TB, s *Store, q store.Query) (n int) {
	t.Helper()
	q.Route = "r"
	for _, err := range s.Briefs(t.Context(), q) {
		if n++; err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// TestGroupsOfManyLetters: what is listed by group is counted in no other way.
func TestGroupsOfManyLetters(t *testing.T) {
	const letters = 20_000
	s := openIn(t, vfs.NewMem())
	defer func() { _ = s.Close() }()
	openRoute(t, s, "r")
	bury(t, s, letters, 500)
	gs, err := s.Groups(t.Context(), "r")
	if err != nil || len(gs) != causes {
		t.Fatal(len(gs), err)
	}
	for _, g := range gs {
		if n := briefs(t, s, store.Query{Group: g.Fingerprint}); g.Dead != letters/causes || n != letters/causes {
			t.Errorf("group %s has %d, %d are listed", g.Fingerprint, g.Dead, n)
		}
	}
	if n := briefs(t, s, store.Query{}); n != letters {
		t.Errorf("%d are listed", n)
	}
}

// BenchmarkDeadLetters lists a million dead letters of 10,000 keys in 50 groups.
func BenchmarkDeadLetters(b *testing.B) {
	const letters = 1_000_000
	s, err := Open(b.TempDir(), Options{Logger: quiet().Logger})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	openRoute(b, s, "r")
	bury(b, s, letters, 10_000)
	b.Run("groups", func(b *testing.B) {
		for b.Loop() {
			if gs, err := s.Groups(b.Context(), "r"); err != nil || len(gs) != causes {
				b.Fatal(len(gs), err)
			}
		}
	})
	b.Run("briefs", func(b *testing.B) {
		for b.Loop() {
			if n := briefs(b, s, store.Query{}); n != letters {
				b.Fatal(n)
			}
		}
	})
	b.Run("key", func(b *testing.B) {
		for b.Loop() {
			if n := briefs(b, s, store.Query{Key: "order-000007"}); n != letters/10_000 {
				b.Fatal(n)
			}
		}
	})
}

// TestOperationsAndEventsWaitForTheDisk: nothing is done on the word of a row that
// a crash may take back.
func TestOperationsAndEventsWaitForTheDisk(t *testing.T) {
	slow := &slowSync{FS: vfs.NewMem()}
	s := openIn(t, slow)
	defer func() { _ = s.Close() }()
	openRoute(t, s, "r")
	slow.held.Lock()
	done := make(chan error, 1)
	go func() { done <- s.Commit(t.Context(), everything(lane0, 0, nil))[0] }()
	for deadline := time.Now().Add(30 * time.Second); s.routes["r"].inFlightAtAll() == nil && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	_, err := s.Operations(ctx, "r")
	_, err2 := s.Events(ctx, "r", 0, 0)
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err2, context.DeadlineExceeded) {
		t.Errorf("told before it was durable: %v %v", err, err2)
	}
	slow.held.Unlock()
	os, err := s.Operations(t.Context(), "r")
	es, err2 := s.Events(t.Context(), "r", 0, 0)
	if err := errors.Join(err, err2, <-done); err != nil || len(os) != 1 || len(es) != 1 {
		t.Errorf("%d operations, %d events, %v", len(os), len(es), err)
	}
}

func (r *route) inFlightAtAll() *flight {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.flight
}

// TestCompactRemovesWhatIsGone from the disk.
func TestCompactRemovesWhatIsGone(t *testing.T) {
	s, err := Open(t.TempDir(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	openRoute(t, s, "r")
	c := store.Change{Key: store.Key{Route: "r", Name: "k"}, Record: &store.Record{}}
	for i := range 8 {
		payload := make([]byte, 1<<20)
		for j := range payload { // hard to compress
			payload[j] = byte(j * j * (i + 7919) >> 7)
		}
		c.Dead = append(c.Dead, store.DeadLetter{ID: fmt.Sprint(i), Key: "k", Message: store.Message{Payload: payload}})
	}
	gone := store.Change{Key: c.Key, Version: 1, Record: &store.Record{}, Gone: []string{"0", "1", "2", "3", "4", "5", "6", "7"}}
	if err := errors.Join(s.Commit(t.Context(), c)[0], s.db.Flush(), s.Commit(t.Context(), gone)[0], s.Compact(t.Context(), "r", "k")); err != nil {
		t.Fatal(err)
	}
	if size := s.db.Metrics().Total().TablesSize; size > 1<<20 {
		t.Errorf("%d bytes of tables are left", size)
	}
	if err := s.Compact(t.Context(), "nobody", "k"); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
}
