package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/bulk"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// TestTheNewestThatEndedAreKept: of operations that have ended there are a thousand at
// most, also of those that were there before, and those that go on stay.
func TestTheNewestThatEndedAreKept(t *testing.T) {
	const most = 1000
	s := memory.New()
	if _, err := s.Open(t.Context(), store.Identity{Route: route}); err != nil {
		t.Fatal(err)
	}
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	c := store.Change{Key: store.Key{Route: route}}
	for i := range most + 100 {
		o := store.Operation{ID: fmt.Sprintf("%05d", i), State: store.OperationDone, Began: began, Ended: began.Add(time.Duration(i) * time.Second)}
		switch i {
		case 0: // it took longest
			o.Ended = began.Add(time.Hour)
		case 1:
			o.State, o.Ended = store.OperationPaused, time.Time{}
		}
		c.Operations = append(c.Operations, o)
	}
	if err := s.Commit(t.Context(), c)[0]; err != nil {
		t.Fatal(err)
	}
	r := bulk.New(bulk.Config{Route: route, Store: s, Resequencer: func() *ordering.Resequencer { return nil }})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	kept := func(n int, oldest ...string) {
		t.Helper()
		var ids []string
		var ended int64
		for deadline := time.Now().Add(30 * time.Second); len(ids) != n || ended != most; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d are kept, want %d; %d of them have ended", len(ids), n, ended)
			}
			all, err := r.List(t.Context())
			states, err2 := r.States(t.Context())
			if err := errors.Join(err, err2); err != nil {
				t.Fatal(err)
			}
			ids, ended = ids[:0], states[store.OperationDone]+states[store.OperationCancelled]
			for _, p := range all {
				ids = append(ids, p.ID)
			}
		}
		if got := ids[:len(oldest)]; fmt.Sprint(got) != fmt.Sprint(oldest) {
			t.Errorf("the oldest are %v, want %v", got, oldest)
		}
	}
	kept(most+1, "00000", "00001", "00101")
	if _, err := r.Cancel(t.Context(), "00001", "ann", why); err != nil {
		t.Fatal(err)
	}
	kept(most, "00000", "00001", "00102")
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if states, err := r.States(t.Context()); err != nil || states[store.OperationDone] != most-1 || states[store.OperationCancelled] != 1 {
		t.Errorf("read from the store: %v %v", states, err)
	}
}
