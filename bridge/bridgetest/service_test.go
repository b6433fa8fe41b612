package bridgetest_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/bridgetest"
	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
	"github.com/brokerbridge/bridge/policies"
)

// A service behind the Resequencer passes, with many in flight and with one.
func TestServiceInOrder(t *testing.T) {
	for _, window := range []int{0, 1} {
		source := bridgetest.NewSource(bridgetest.Options{Messages: bridgetest.Stream(5, 40), Shuffle: 30, Duplicates: 0.2, Window: window})
		target := bridgetest.NewTarget(source, bridgetest.Rules{})
		s := serve(source, memory.New(), target.Handler(nil))
		if err := errors.Join(target.Await(soon(t)), source.AwaitAcks(soon(t))); err != nil {
			t.Error(err)
		}
		s.stop()
		target.Check(t)
	}
}

// One without it does not.
func TestServiceOutOfOrder(t *testing.T) {
	source := bridgetest.NewSource(bridgetest.Options{Messages: bridgetest.Stream(1, 40), Seed: 5, Shuffle: 30, Window: 1})
	target := bridgetest.NewTarget(source, bridgetest.Rules{})
	msgs, handle := subscribed(t, source), target.Handler(nil)
	for range 40 {
		m := next(t, msgs)
		must(handle(m))
		m.Ack()
	}
	tb := &failing{TB: t}
	if target.Check(tb); !strings.Contains(tb.text, "bridgetest: seed 5, faults: ") || !strings.Contains(tb.text, "was next") {
		t.Errorf("got %q", tb.text)
	}
}

// A service that is restarted on its store loses nothing; what it repeats is
// bounded.
func TestServiceRestarted(t *testing.T) {
	source := bridgetest.NewSource(bridgetest.Options{Messages: bridgetest.Stream(3, 300), Shuffle: 50, Duplicates: 0.1, Window: 100})
	db := memory.New()
	const restarts = 3
	target := bridgetest.NewTarget(source, bridgetest.Rules{Duplicates: restarts * 64, Store: db, Route: "orders"})
	for n := range restarts {
		s := serve(source, db, target.Handler(nil))
		for len(target.Revisions("key-1")) < 60*(n+1) {
			time.Sleep(time.Millisecond)
		}
		source = source.Restart() // with what is in hand
		s.stop()
	}
	s := serve(source, db, target.Handler(nil))
	defer s.stop()
	if err := errors.Join(target.Await(soon(t)), source.AwaitAcks(soon(t))); err != nil {
		t.Error(err)
	}
	target.Check(t)
}

// What stands in the store is neither missing nor passed: behind a dead letter,
// and behind a gap that nobody fills. What is redriven is waited for.
func TestServiceStands(t *testing.T) {
	source := bridgetest.NewSource(bridgetest.Options{
		Messages: bridgetest.Stream(3, 10), Shuffle: 10,
		Poison: bridgetest.At("key-1", 4), Drop: bridgetest.At("key-2", 6),
	})
	db := memory.New()
	target := bridgetest.NewTarget(source, bridgetest.Rules{Store: db, Route: "orders"})
	blind := bridgetest.NewTarget(source, bridgetest.Rules{})
	s := serve(source, db, target.Handler(blind.Handler(func(m *message.Message) error {
		if bridgetest.Poisoned(m) && !ordering.Redriven(m) {
			return policies.As(policies.Permanent, errors.New("bad"))
		}
		return nil
	})))
	defer s.stop()

	stands(t, target, 3, 5)
	if err := source.AwaitAcks(soon(t)); err != nil {
		t.Fatal(err)
	}
	if err := blind.Verify(t.Context()); err == nil || !strings.Contains(err.Error(), "is missing though it was acknowledged") {
		t.Errorf("without the store: %v", err)
	}
	source.SendDropped()
	stands(t, target, 3, 10)
	for d, err := range db.DeadLetters(t.Context(), store.Query{Route: "orders"}) {
		must(err)
		_, err := s.Redrive(t.Context(), d.ID, ordering.Operation{By: "test", Reason: "mended"})
		must(err)
	}
	stands(t, target, 10, 10)
	blind.Check(t)
}

// stands awaits that all is delivered of three keys but what stands.
func stands(t *testing.T, target *bridgetest.Target, first, second lane.Revision) {
	t.Helper()
	if err := target.Await(soon(t)); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]lane.Revision{"key-1": first, "key-2": second, "key-3": 10} {
		if got := target.Revisions(key); len(got) != int(want) {
			t.Errorf("%s has %v, want %d", key, got, want)
		}
	}
	target.Check(t)
}

// A lane may go on without what is discarded, once the test says so.
func TestServiceDiscards(t *testing.T) {
	source := bridgetest.NewSource(bridgetest.Options{Messages: bridgetest.Stream(1, 5), Poison: bridgetest.At("key-1", 2)})
	db := memory.New()
	target := bridgetest.NewTarget(source, bridgetest.Rules{Store: db, Route: "orders"})
	s := serve(source, db, target.Handler(func(m *message.Message) error {
		if bridgetest.Poisoned(m) {
			return policies.As(policies.Permanent, errors.New("bad"))
		}
		return nil
	}))
	defer s.stop()
	must(target.Await(soon(t)))
	for d, err := range db.DeadLetters(t.Context(), store.Query{Route: "orders"}) {
		must(err)
		_, err := s.Discard(t.Context(), d.ID, ordering.Operation{By: "test", Reason: "a typo"})
		must(err)
	}
	if err := target.Verify(t.Context()); err == nil || !strings.Contains(err.Error(), "revision 2") {
		t.Errorf("before it is excused: %v", err)
	}
	target.Excuse("key-1", 2)
	must(target.Await(soon(t)))
	target.Check(t)
}

// A lane may go on without what was skipped, and what then comes late is a dead
// letter.
func TestServiceSkips(t *testing.T) {
	source := bridgetest.NewSource(bridgetest.Options{Messages: bridgetest.Stream(1, 5), Drop: bridgetest.At("key-1", 2)})
	db := memory.New()
	target := bridgetest.NewTarget(source, bridgetest.Rules{Store: db, Route: "orders"})
	s := serve(source, db, target.Handler(nil))
	defer s.stop()
	must(target.Await(soon(t)))
	if _, err := s.Skip(t.Context(), "key-1", 0, 0, ordering.Operation{By: "test", Reason: "it never was"}); err != nil {
		t.Fatal(err)
	}
	must(target.Await(soon(t)))
	target.Check(t)
	source.SendDropped()
	must(source.AwaitAcks(soon(t)))
	target.Check(t)
	if got := target.Revisions("key-1"); !slices.Equal(got, []lane.Revision{1, 3, 4, 5}) {
		t.Errorf("delivered: %v", got)
	}
}
