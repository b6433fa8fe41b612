package ordering_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
	"github.com/brokerbridge/bridge/ordering/store/storefault"
)

// guarded is a configuration with a flood guard of 25 of 100.
func guarded(s store.Store, w *world) ordering.Config {
	cfg := config(s, w)
	cfg.StopAfter = ordering.StopAfter{Dead: 25, Of: 100}
	cfg.GapTimeout = time.Minute
	return cfg
}

// flooded waits for the guard to stop the route and returns what it says.
func (r *running) flooded(t *testing.T) string {
	t.Helper()
	select {
	case <-r.over:
	case <-time.After(time.Minute):
		t.Fatal("the guard did not trip")
	}
	var halt *ordering.HaltError
	if err := r.stop(); !errors.As(err, &halt) || halt.Reason != ordering.HaltFlood {
		t.Fatalf("it ended with %v", err)
	}
	return halt.Err.Error()
}

// noPlace is a target that is wrong for everybody.
func noPlace(*message.Message) error {
	return verdict{class: "permanent", attempts: 1, final: true, reason: "unroutable"}
}

// TestStopAfter_AllPoison pours poison in as fast as it goes, with thousands
// under way: the box gets as many as were allowed and not one more, and after the
// target is mended everything else is delivered, in order.
func TestStopAfter_AllPoison(t *testing.T) {
	for name, then := range map[string]lane.Resolve{"quarantine": lane.Quarantine, "continue": lane.Continue} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 2000)
			w.fail = noPlace
			s := memory.New()
			cfg := guarded(s, w)
			cfg.OnFailure = then
			w.send(stream(500, 20)...)
			r := w.run(cfg)
			says := r.flooded(t)
			if want := "25 of the last 25 messages became dead letters, 25 of them for unroutable: look at them with " +
				"bridge dlq ls --route r, mend what is wrong, then bridge routes resume r"; says != want {
				t.Errorf("it says  %s\nit should %s", says, want)
			}
			if got := letters(t, s); len(got) != 25 {
				t.Errorf("%d dead letters", len(got))
			}
			r.accounted(t)

			w.fail = nil
			r = w.run(cfg)
			st := r.rest(t, w)
			if st.Ledger.Delivered+st.Ledger.Parked+st.Ledger.Dead != 10_000 || st.Ledger.Dead != 25 {
				t.Errorf("%+v", st.Ledger)
			}
			if then == lane.Continue && st.Ledger.Delivered != 9975 {
				t.Errorf("%d delivered", st.Ledger.Delivered)
			}
		})
	}
}

// TestStopAfter_Undecodable: what belongs to no lane counts too.
func TestStopAfter_Undecodable(t *testing.T) {
	w := newWorld(t, 2000)
	s := memory.New()
	for i := range 5000 {
		w.send(sent{key: fmt.Sprint("k", i), rev: -1, body: "x"})
	}
	r := w.run(guarded(s, w))
	if says := r.flooded(t); !strings.Contains(says, "25 of them for revision_missing") {
		t.Error(says)
	}
	r.accounted(t)
	if got := letters(t, s); len(got) != 25 {
		t.Errorf("%d dead letters", len(got))
	}
	w.reconnect()
	if n := len(w.queue); n != 4975 {
		t.Errorf("%d are left in the source", n)
	}
}

// TestStopAfter_Refused: what a lane refuses counts as well.
func TestStopAfter_Refused(t *testing.T) {
	w := newWorld(t, 2000)
	s := memory.New()
	w.send(msg("a", 1))
	r := w.run(guarded(s, w))
	r.rest(t, w)
	for i := range 500 {
		w.send(msg("a", 1_000_000+int64(i)))
	}
	if says := r.flooded(t); !strings.HasPrefix(says, "25 of the last 26 messages became dead letters, 25 of them for revision_implausible") {
		t.Error(says)
	}
	if got := letters(t, s); len(got) != 25 {
		t.Errorf("%d dead letters", len(got))
	}
	r.accounted(t)
}

// TestStopAfter_AShareBelow does not trip while fewer fail than allowed, however
// many that are in all.
func TestStopAfter_AShareBelow(t *testing.T) {
	w := newWorld(t, 100)
	s := memory.New()
	cfg := guarded(s, w)
	cfg.StopAfter = ordering.StopAfter{Dead: 60, Of: 100}
	w.fail = func(m *message.Message) error {
		if strings.HasPrefix(m.Metadata["key"], "bad") {
			return noPlace(m)
		}
		return nil
	}
	r := w.run(cfg)
	for i := range 300 { // one by one, so that they end in this order
		w.send(msg(fmt.Sprint("bad", i), 1))
		r.rest(t, w)
		w.send(msg(fmt.Sprint("good", i), 1))
		r.rest(t, w)
	}
	if st := r.rest(t, w); st.Ledger.Dead != 300 || st.Ledger.Delivered != 300 {
		t.Errorf("%+v", st.Ledger)
	}
	for i := range 20 {
		w.send(msg(fmt.Sprint("bad again", i), 1))
	}
	if says := r.flooded(t); !strings.HasPrefix(says, "60 of the last 100 messages") {
		t.Error(says)
	}
}

// TestStopAfter_WhatDoesNotCount: copies, conflicts, and what the route does not
// take say nothing of the route.
func TestStopAfter_WhatDoesNotCount(t *testing.T) {
	w := newWorld(t, 100)
	s := memory.New()
	cfg := guarded(s, w)
	cfg.StopAfter = ordering.StopAfter{Dead: 2, Of: 3}
	cfg.Takes = func(m *message.Message) bool { return m.Metadata["key"] != "foreign" }
	w.fail = func(m *message.Message) error {
		if strings.HasPrefix(m.Metadata["key"], "bad") {
			return noPlace(m)
		}
		return nil
	}
	r := w.run(cfg)
	send := func(m sent) { w.send(m); r.rest(t, w) }
	send(msg("a", 1))
	send(msg("bad1", 1)) // delivered, dead
	for i := range 5 {
		send(sent{key: "a", rev: 1, body: fmt.Sprint("other ", i)}) // conflicts
	}
	send(msg("b", 1))
	send(msg("a", 1)) // delivered, a copy
	send(msg("c", 1)) // delivered: the dead letter leaves the ring
	send(msg("bad2", 1))
	for i := range 5 {
		send(msg("foreign", int64(i)+1))
		send(msg("c", 1))
	}
	w.send(msg("bad3", 1)) // the second of the last three
	if says := r.flooded(t); !strings.HasPrefix(says, "2 of the last 3 messages") {
		t.Error(says)
	}
	if st := r.accounted(t); st.Ledger.Dead != 8 || st.Ledger.Filtered != 5 {
		t.Errorf("%+v", st.Ledger)
	}
}

// TestStopAfter_RedrivesDoNotCount: what an operator sends through again was in
// the box already.
func TestStopAfter_RedrivesDoNotCount(t *testing.T) {
	w := newWorld(t, 100)
	s := memory.New()
	w.fail = noPlace
	cfg := guarded(s, w)
	cfg.StopAfter = ordering.StopAfter{Dead: 3, Of: 3}
	r := w.run(cfg)
	w.send(msg("a", 1), msg("b", 1))
	r.rest(t, w)
	for range 5 {
		for d, err := range s.DeadLetters(t.Context(), store.Query{Route: "r"}) {
			if err != nil {
				t.Fatal(err)
			}
			at := d.At
			if _, err := r.Redrive(t.Context(), d.ID, ordering.Operation{By: "ann", Reason: "again"}); err != nil {
				t.Fatal(err)
			}
			await(t, "the redrive to fail", func() bool {
				d, err := s.DeadLetter(t.Context(), "r", d.ID)
				return err == nil && d.At.After(at)
			})
		}
	}
	w.send(msg("c", 1))
	r.flooded(t)
}

// TestStopAfter_EveryCommitFails: nothing is lost and the books balance, whichever
// commit fails while the guard trips.
func TestStopAfter_EveryCommitFails(t *testing.T) {
	for _, how := range []storefault.How{storefault.Before, storefault.After, storefault.Conflict} {
		for n := 1; n <= 12; n++ {
			t.Run(fmt.Sprintf("%s/%d", how, n), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, 200)
				w.fail = noPlace
				s := storefault.Wrap(memory.New(), storefault.Plan{At: n, How: how, Delay: time.Millisecond})
				cfg := guarded(s, w)
				cfg.OnFailure = lane.Continue
				w.send(stream(50, 10)...)
				r := w.run(cfg)
				r.flooded(t)
				r.accounted(t)
				if got := letters(t, s); len(got) != 25 {
					t.Errorf("%d dead letters", len(got))
				}
				w.fail = nil
				r = w.run(cfg)
				if st := r.rest(t, w); st.Ledger.Delivered != 475 || st.Ledger.Parked != 0 {
					t.Errorf("%+v", st.Ledger)
				}
			})
		}
	}
}
