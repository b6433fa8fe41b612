package ordering_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
	"github.com/brokerbridge/bridge/ordering/store/storefault"
)

// foreign is a message that picky routes do not take.
func foreign(m sent) sent {
	m.meta = map[string]string{"type": "other"}
	return m
}

// picky takes what is not foreign, and fails a test whose target sees one.
func picky(w *world, s store.Store) ordering.Config {
	cfg := config(s, w)
	cfg.Takes = func(m *message.Message) bool { return m.Metadata["type"] != "other" }
	w.fail = func(m *message.Message) error {
		if m.Metadata["type"] == "other" {
			w.t.Errorf("the handler saw what the route does not take: %s", m.Payload)
		}
		return nil
	}
	return cfg
}

// mixed is a stream of which two in three messages are foreign.
func mixed(keys, revs int) []sent {
	ms := stream(keys, revs)
	for i := range ms {
		if (ms[i].rev+int64(i%keys))%3 != 0 {
			ms[i] = foreign(ms[i])
		}
	}
	return ms
}

// tookAll fails unless the target has exactly the messages that are not foreign,
// per key in order.
func tookAll(t *testing.T, w *world, ms []sent) {
	t.Helper()
	want, last := 0, map[string]int64{}
	for _, m := range ms {
		if m.meta == nil {
			want++
		}
	}
	for _, g := range w.got {
		if g.rev <= last[g.key] {
			t.Fatalf("I2: key %s: revision %d came after %d", g.key, g.rev, last[g.key])
		}
		last[g.key] = g.rev
	}
	if len(w.got) != want {
		t.Fatalf("the target has %d messages, want %d", len(w.got), want)
	}
}

// emptied waits until nothing is parked or in memory.
func (r *running) emptied(t *testing.T, w *world) (st ordering.Stats) {
	t.Helper()
	r.state(t, "any") // before Run has begun there is nothing to see
	await(t, "everything to settle", func() bool {
		settled := w.settled() // before the books are read: they are closed then
		var err error
		st, err = r.Stats(t.Context())
		return err == nil && settled && st.Ledger.Parked == 0 && st.InMemory == 0
	})
	r.accounted(t)
	return st
}

// TestFilter_SettlesUnpublished: what a route does not take settles its revision
// at its turn and leaves no gap, whether it came in order, was held, or parked.
func TestFilter_SettlesUnpublished(t *testing.T) {
	for _, hold := range []time.Duration{0, 20 * time.Millisecond, time.Minute} {
		t.Run(fmt.Sprint(hold), func(t *testing.T) {
			w := newWorld(t, 300)
			ms := mixed(30, 60)
			w.send(shuffled(rand.New(rand.NewPCG(1, 9)), ms, 200)...)
			cfg := picky(w, memory.New())
			cfg.Hold, cfg.GapTimeout = hold, 30*time.Second
			r := w.run(cfg)
			st := r.emptied(t, w)
			tookAll(t, w, ms)
			if l := st.Ledger; l.Delivered != int64(len(w.got)) || l.Filtered != int64(len(ms)-len(w.got)) || l.Dead+l.Skipped != 0 {
				t.Errorf("ledger %+v", l)
			}
			if n := len(st.Modes); n != 0 {
				t.Errorf("lanes that do not flow: %v", st.Modes)
			}
		})
	}
}

// TestFilter_WaitsForItsTurn: a foreign message above a gap settles nothing.
func TestFilter_WaitsForItsTurn(t *testing.T) {
	w := newWorld(t, 100)
	cfg := picky(w, memory.New())
	cfg.GapTimeout = 30 * time.Second
	r := w.run(cfg)
	w.send(msg("a", 1), foreign(msg("a", 3)), foreign(msg("a", 4)))
	await(t, "the gap", func() bool { s := r.state(t, "a"); return s.Mode == lane.Gap && s.Parked == 2 })
	if s := r.state(t, "a"); s.Next != 2 {
		t.Errorf("next is %d", s.Next)
	}
	w.send(foreign(msg("a", 2)))
	await(t, "the gap to close", func() bool { return r.state(t, "a").Next == 5 })
	if l := r.emptied(t, w).Ledger; l.Delivered != 1 || l.Filtered != 3 {
		t.Errorf("ledger %+v", l)
	}
}

// TestFilter_JudgesWhatWasParked: the filter of now decides on what another one
// parked, and thousands of them need no more than one lane after the other.
func TestFilter_JudgesWhatWasParked(t *testing.T) {
	w := newWorld(t, 500)
	s := memory.New()
	const most = 5000
	for rev := int64(2); rev <= most; rev++ {
		w.send(foreign(msg("a", rev)))
	}
	r := w.run(config(s, w)) // takes all
	await(t, "all parked", func() bool { return w.settled() })
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r = w.run(picky(w, s))
	w.send(msg("a", 1), msg("a", most+1))
	st := r.emptied(t, w)
	if got := w.revisions("a"); len(got) != 2 || got[1] != most+1 {
		t.Errorf("the target has %v", got)
	}
	if st.Ledger.Filtered != most-1 || st.Ledger.Delivered != 2 {
		t.Errorf("ledger %+v", st.Ledger)
	}
}

// TestFilter_Unidentified: what is not taken needs no key; what is taken does.
func TestFilter_Unidentified(t *testing.T) {
	w := newWorld(t, 100)
	s := memory.New()
	r := w.run(picky(w, s))
	for range 3 { // with nothing to tell copies by
		w.send(foreign(sent{rev: 1}), foreign(sent{key: "a", rev: -1}))
	}
	w.send(sent{rev: 1, body: "no key"})
	l := r.emptied(t, w).Ledger
	if l.Filtered != 6 || l.Dead != 1 || l.Duplicates != 0 {
		t.Errorf("ledger %+v", l)
	}
	if ds := letters(t, s); len(ds) != 1 {
		t.Errorf("dead letters %v", ds)
	}
}

// TestFilter_Copies of a foreign message are duplicates like any other.
func TestFilter_Copies(t *testing.T) {
	w := newWorld(t, 100)
	r := w.run(picky(w, memory.New()))
	w.send(foreign(msg("a", 1)), foreign(msg("a", 1)), foreign(msg("a", 3)), foreign(msg("a", 3)), msg("a", 2))
	if l := r.emptied(t, w).Ledger; l.Filtered != 2 || l.Duplicates != 2 || l.Delivered != 1 {
		t.Errorf("ledger %+v", l)
	}
}

// TestFilter_NeedsNoTarget: while the target is away, keys of which nothing is
// taken go on.
func TestFilter_NeedsNoTarget(t *testing.T) {
	w := newWorld(t, 100)
	cfg := picky(w, memory.New())
	pick := w.fail
	away := true
	w.fail = func(m *message.Message) error {
		if away {
			return unavailable{errors.New("away")}
		}
		return pick(m)
	}
	r := w.run(cfg)
	w.send(msg("a", 1))
	await(t, "the outage", func() bool { st, _ := r.Stats(t.Context()); return st.Outage })
	for rev := int64(1); rev <= 20; rev++ {
		w.send(foreign(msg("b", rev)))
	}
	await(t, "the other key", func() bool { return r.state(t, "b").Next == 21 })
	w.mu.Lock()
	away = false
	w.mu.Unlock()
	if l := r.emptied(t, w).Ledger; l.Filtered != 20 || l.Delivered != 1 {
		t.Errorf("ledger %+v", l)
	}
}

// unavailable is an error with the verdict that the target is away.
type unavailable struct{ error }

func (unavailable) Class() string        { return "unavailable" }
func (unavailable) Attempts() int        { return 0 }
func (unavailable) Pause() time.Duration { return 5 * time.Millisecond }
func (unavailable) GivenUp() bool        { return false }
func (unavailable) Reason() string       { return "" }

// TestFilter_I10_Stopped ends the process at any time, orderly.
func TestFilter_I10_Stopped(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 9))
	w := newWorld(t, 300)
	s := memory.New()
	ms := mixed(20, 150)
	w.send(shuffled(rng, ms, 400)...)
	for range 10 {
		r := w.run(picky(w, s))
		time.Sleep(time.Duration(rng.IntN(15)) * time.Millisecond)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	}
	l := w.run(picky(w, s)).emptied(t, w).Ledger
	tookAll(t, w, ms)
	if l.Filtered != int64(len(ms)-len(w.got)) || l.Dead != 0 {
		t.Errorf("ledger %+v", l)
	}
}

// TestFilter_I10_Crashed dies after each of the first commits: nothing is
// counted twice as filtered.
func TestFilter_I10_Crashed(t *testing.T) {
	for n := int64(1); n <= 15; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := newWorld(t, 200)
			ms := append(mixed(20, 30), foreign(sent{rev: 1}))
			w.send(shuffled(rand.New(rand.NewPCG(uint64(n), 9)), ms, 300)...)
			under := memory.New()
			s := &crashing{Store: under, dead: make(chan struct{})}
			s.left.Store(n)
			cfg := picky(w, s)
			cfg.Drain = 20 * time.Millisecond
			r := w.run(cfg)
			await(t, "the crash, or the end", func() bool { // of fewer commits
				select {
				case <-s.dead:
					return true
				default:
					return w.settled()
				}
			})
			w.reconnect()
			_ = r.stop()
			st := w.run(picky(w, under)).emptied(t, w)
			taken := map[string]bool{}
			for _, g := range w.got {
				taken[g.body] = true
			}
			// The one without a key has nothing by which a copy could be told.
			l := st.Ledger
			if l.Delivered != int64(len(taken)) || l.Filtered < int64(len(ms)-len(taken)) || l.Filtered > int64(len(ms)-len(taken))+1 {
				t.Errorf("%d of %d taken; ledger %+v", len(taken), len(ms), l)
			}
		})
	}
}

// TestFilter_I10_CommitFails fails the n-th commit in every way.
func TestFilter_I10_CommitFails(t *testing.T) {
	for _, how := range []storefault.How{storefault.Before, storefault.After} {
		for n := 1; n <= 8; n++ {
			t.Run(fmt.Sprint(how, n), func(t *testing.T) {
				w := newWorld(t, 100)
				ms := mixed(10, 20)
				w.send(shuffled(rand.New(rand.NewPCG(uint64(n), 11)), ms, 80)...)
				s := storefault.Wrap(memory.New(), storefault.Plan{At: n, How: how})
				l := w.run(picky(w, s)).emptied(t, w).Ledger
				tookAll(t, w, ms)
				if l.Filtered != int64(len(ms)-len(w.got)) {
					t.Errorf("ledger %+v", l)
				}
			})
		}
	}
}

// TestFilter_LaneStaysBounded: a lane of foreign messages only is no further
// ahead of its checkpoint than any other.
func TestFilter_LaneStaysBounded(t *testing.T) {
	w := newWorld(t, 2000)
	s := &slowest{Store: memory.New(), begun: make(chan struct{}), goOn: make(chan struct{})}
	cfg := picky(w, s)
	cfg.MaxAhead = 16
	r := w.run(cfg)
	w.send(foreign(msg("a", 1)))
	<-s.begun
	for rev := int64(2); rev <= 200; rev++ {
		w.send(foreign(msg("a", rev)))
	}
	await(t, "all in memory", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.queue) == 0 })
	await(t, "the lane to stand still", func() bool { return r.state(t, "a").Next > 16 })
	time.Sleep(50 * time.Millisecond)
	if n := r.state(t, "a").Next; n > 18 {
		t.Errorf("next is %d with nothing committed", n)
	}
	close(s.goOn)
	if l := r.emptied(t, w).Ledger; l.Filtered != 200 {
		t.Errorf("ledger %+v", l)
	}
}

// slowest is a store whose first commit lasts until goOn is closed.
type slowest struct {
	store.Store
	begun, goOn chan struct{}
	first       bool
}

func (s *slowest) Commit(ctx context.Context, cs ...store.Change) []error {
	if !s.first {
		s.first = true
		close(s.begun)
		<-s.goOn
	}
	return s.Store.Commit(ctx, cs...)
}
