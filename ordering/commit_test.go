package ordering_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// TestI4_AckAfterCommit acknowledges nothing while commits do not return.
func TestI4_AckAfterCommit(t *testing.T) {
	w := newWorld(t, 50)
	s := &slow{Store: memory.New(), gate: make(chan struct{})}
	r := w.run(config(s, w))
	w.send(msg("a", 1)) // alone, so that it is in the first commit
	await(t, "publishing", func() bool { return len(w.revisions("a")) == 1 })
	w.send(msg("a", 2), msg("b", 2), msg("a", 1))
	await(t, "publishing", func() bool { return len(w.revisions("a")) == 2 })
	time.Sleep(50 * time.Millisecond)
	w.mu.Lock()
	if len(w.acked) != 0 {
		t.Errorf("I4: acknowledged before the commit: %v", w.acked)
	}
	w.mu.Unlock()
	close(s.gate)
	r.rest(t, w)
}

// slow is a store whose commits wait for a gate.
type slow struct {
	store.Store
	gate chan struct{}
}

func (s *slow) Commit(ctx context.Context, cs ...store.Change) []error {
	<-s.gate
	return s.Store.Commit(ctx, cs...)
}

// TestRule10_MaxAhead publishes no further ahead of the commit than allowed.
func TestRule10_MaxAhead(t *testing.T) {
	w := newWorld(t, 500)
	s := &slow{Store: memory.New(), gate: make(chan struct{})}
	cfg := config(s, w)
	cfg.MaxAhead = 8
	r := w.run(cfg)
	w.send(stream(1, 100)...)
	await(t, "eight", func() bool { return len(w.revisions("k0")) == 8 })
	time.Sleep(50 * time.Millisecond)
	if n := len(w.revisions("k0")); n != 8 {
		t.Errorf("%d published ahead of the commit", n)
	}
	close(s.gate)
	r.rest(t, w)
	if w.checkOrder(1) != 0 || len(w.revisions("k0")) != 100 {
		t.Error("not complete")
	}
}

// TestRule11_AnotherOwner stops when somebody else writes the lane.
func TestRule11_AnotherOwner(t *testing.T) {
	w := newWorld(t, 50)
	s := memory.New()
	r := w.run(config(s, w))
	w.send(msg("a", 1))
	r.rest(t, w)
	key := store.Key{Route: "r", Name: "a"}
	rec, err := s.Load(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	rec.State.Next, rec.State.Highest = 5, 4
	if err := s.Commit(t.Context(), store.Change{Key: key, Version: rec.Version, Record: &rec})[0]; err != nil {
		t.Fatal(err)
	}
	w.send(msg("a", 2))
	var halt *ordering.HaltError
	<-r.over
	if err := r.stop(); !errors.As(err, &halt) || halt.Reason != ordering.HaltElsewhere {
		t.Fatalf("it ended with %v", err)
	}
}

// broken is a store that no longer takes anything.
type broken struct{ store.Store }

func (broken) Commit(_ context.Context, cs ...store.Change) []error {
	errs := make([]error, len(cs))
	for i := range errs {
		errs[i] = fmt.Errorf("%w: no space left on device", store.ErrFailed)
	}
	return errs
}

// TestB5_BrokenStore ends when the store breaks, and acknowledges nothing.
func TestB5_BrokenStore(t *testing.T) {
	w := newWorld(t, 50)
	r := w.run(config(broken{memory.New()}, w))
	w.send(stream(3, 3)...)
	<-r.over
	var halt *ordering.HaltError
	if err := r.stop(); !errors.As(err, &halt) || halt.Reason != ordering.HaltStore {
		t.Fatalf("it ended with %v", err)
	}
	if len(w.acked) != 0 {
		t.Errorf("acknowledged without a commit: %v", w.acked)
	}
}

// TestI10_AfterAHalt balances the books of a route that has stopped for the sake
// of a dead letter.
func TestI10_AfterAHalt(t *testing.T) {
	w := newWorld(t, 50)
	w.fail = func(*message.Message) error { return verdict{class: "permanent", final: true, reason: "too_large"} }
	cfg := config(memory.New(), w)
	cfg.OnFailure = lane.Stop
	r := w.run(cfg)
	w.send(msg("a", 1))
	<-r.over
	s := r.accounted(t)
	if s.Ledger.Parked != 1 || s.InMemory != 0 {
		t.Errorf("%+v", s)
	}
}

// TestRule1_CopyOfUnfinished acknowledges no copy of a message that is still
// under way: it is the only one left if the first is lost.
func TestRule1_CopyOfUnfinished(t *testing.T) {
	w := newWorld(t, 50)
	gate := make(chan struct{})
	w.fail = func(m *message.Message) error {
		if m.Metadata["key"] == "a" {
			w.mu.Unlock() // the target of a does not answer; others commit meanwhile
			<-gate
			w.mu.Lock()
		}
		return nil
	}
	r := w.run(config(memory.New(), w))
	w.send(msg("a", 1))
	time.Sleep(20 * time.Millisecond)
	w.send(msg("a", 1), msg("b", 1), msg("b", 1))
	await(t, "b to be settled", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return w.acked["b/1"] == 2 })
	time.Sleep(20 * time.Millisecond)
	w.mu.Lock()
	early := w.acked["a/1"]
	w.mu.Unlock()
	if early != 0 {
		t.Errorf("%d copies were acknowledged before the first was settled", early)
	}
	close(gate)
	if s := r.rest(t, w); s.Ledger.Delivered != 2 || s.Ledger.Duplicates != 2 || w.acked["a/1"] != 2 {
		t.Errorf("%+v, acknowledged %d", s.Ledger, w.acked["a/1"])
	}
}
