package ordering_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// plausible leaves a dead letter a/8 that was too far ahead, and the key at 7.
func plausible(t *testing.T, w *world, r *running, s store.Store) store.DeadLetter {
	t.Helper()
	w.send(msg("a", 1))
	w.delivered("a", 1)
	w.send(msg("a", 8))
	r.rest(t, w)
	for rev := int64(2); rev <= 6; rev++ {
		w.send(msg("a", rev))
		w.delivered("a", upTo(rev)...)
	}
	r.rest(t, w)
	return letter(t, s, "a", 8)
}

// TestRedrive_LooseRetried redrives one into its lane, where it fails a few
// times: it pauses there like any other, in memory or parked.
func TestRedrive_LooseRetried(t *testing.T) {
	for _, pause := range []time.Duration{time.Millisecond, 50 * time.Millisecond} {
		w, s := newWorld(t, 100), memory.New()
		r := w.run(near(s, w))
		d := plausible(t, w, r, s)
		w.mu.Lock()
		w.fail = func(m *message.Message) error {
			if n := ordering.Attempts(m) + 1; m.Metadata["revision"] == "8" && n < 4 {
				return verdict{class: "transient", attempts: n, pause: pause}
			}
			return nil
		}
		w.mu.Unlock()
		w.send(msg("a", 7))
		w.delivered("a", upTo(7)...)
		r.redrives(t, d.ID, because)
		w.delivered("a", upTo(8)...)
		if st := r.rest(t, w); st.Ledger.Dead != 0 || st.Ledger.Redriven != 1 || st.Ledger.Parked != 0 {
			t.Errorf("%+v", st.Ledger)
		}
	}
}

// TestRedrive_LooseStopped stops while one is under way in its lane: it is
// parked there, and goes on with the next start.
func TestRedrive_LooseStopped(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	cfg := near(s, w)
	r := w.run(cfg)
	d := plausible(t, w, r, s)
	w.send(msg("a", 7))
	w.delivered("a", upTo(7)...)
	var asked atomic.Bool
	w.mu.Lock()
	w.fail = func(m *message.Message) error {
		asked.Store(true)
		w.mu.Unlock()
		<-m.Context().Done()
		w.mu.Lock()
		return verdict{class: "interrupted"}
	}
	w.mu.Unlock()
	r.redrives(t, d.ID, because)
	await(t, "the try", asked.Load)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	w.failing()
	r = w.run(cfg)
	w.delivered("a", upTo(8)...)
	if st := r.rest(t, w); st.Ledger.Dead != 0 || st.Ledger.Redriven != 1 {
		t.Errorf("%+v", st.Ledger)
	}
}

// TestI9_RedriveLeavesTheDeadLetterAsItWas redrives a message of which a key can
// be read now, out of order and in vain.
func TestI9_RedriveLeavesTheDeadLetterAsItWas(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	cfg := config(s, w)
	var mended atomic.Bool
	cfg.Identify = func(m *message.Message) (ordering.ID, error) {
		if mended.Load() {
			m.Metadata["key"], m.Metadata["hops"] = "a", "1"
		}
		return ordering.By{Key: []ordering.Field{ordering.Header("key")}, Revision: ordering.Header("revision")}.Identify(m)
	}
	r := w.run(cfg)
	w.send(msg("", 1), msg("a", 1), msg("a", 2))
	w.delivered("a", 1, 2)
	r.rest(t, w)
	mended.Store(true)
	d := letter(t, s, "", 0)
	w.mu.Lock()
	w.fail = func(*message.Message) error { return errPermanent }
	w.mu.Unlock()
	r.refuses(t, d.ID, because, ordering.ErrPassed)
	r.redrives(t, d.ID, outOfOrder)
	await(t, "the failure", func() bool { return letter(t, s, "", 0).Attempts == 1 })
	if now := letter(t, s, "", 0); !maps.Equal(now.Metadata, d.Metadata) || string(now.Payload) != string(d.Payload) || now.Reason != d.Reason {
		t.Errorf("%+v became %+v", d, now)
	}
	r.rest(t, w)
}

// gated is a store whose commits wait while its gate is shut.
type gated struct {
	store.Store
	gate sync.RWMutex
}

func (g *gated) Commit(ctx context.Context, cs ...store.Change) []error {
	g.gate.RLock()
	defer g.gate.RUnlock()
	return g.Store.Commit(ctx, cs...)
}

// TestOperations_WaitForCommits asks for things while what they are about is on
// its way into the store: they wait, and do not act on what is no longer so.
func TestOperations_WaitForCommits(t *testing.T) {
	w, s := newWorld(t, 100), &gated{Store: memory.New()}
	r := w.run(near(s, w))
	d := plausible(t, w, r, s)
	w.send(msg("a", 7))
	w.delivered("a", upTo(7)...)
	r.rest(t, w)

	s.gate.Lock() // the copy's settling is not durable when the redrive is asked for
	w.send(msg("k0", 1), msg("k0", 2), msg("k0", 3))
	w.delivered("k0", 1, 2, 3)
	done := make(chan error, 2)
	go func() { _, err := r.Redrive(t.Context(), d.ID, because); done <- err }()
	time.Sleep(20 * time.Millisecond)
	w.send(msg("a", 8))
	w.delivered("a", upTo(8)...)
	s.gate.Unlock()
	if err := <-done; !errors.Is(err, ordering.ErrPassed) {
		t.Errorf("a copy of it has settled meanwhile: %v", err)
	}
	if st := r.rest(t, w); st.Ledger.Dead != 1 || st.Ledger.Redriven != 0 {
		t.Errorf("%+v", st.Ledger)
	}

	s.gate.Lock() // nor are the first revisions of a record created anew
	w.send(msg("b", 1))
	w.delivered("b", 1)
	w.send(anew("k0", 1), anew("k0", 2), anew("k0", 3))
	await(t, "the new epoch", func() bool { return r.state(t, "k0").Reborn })
	open := because
	open.NewEpoch = true
	go func() {
		out, err := r.Release(t.Context(), "k0", 0, open)
		if len(out.Dead) != 2 {
			t.Errorf("%+v", out)
		}
		done <- err
	}()
	time.Sleep(20 * time.Millisecond)
	s.gate.Unlock()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	w.delivered("k0", 1, 2, 3, 1, 2, 3)
	r.rest(t, w)
}

// TestRedrive_SettlesOnce asks for a redrive in the moment in which an earlier
// one has settled and is not durable yet: its commit is under way, or waits for
// that of another key.
func TestRedrive_SettlesOnce(t *testing.T) {
	for _, other := range []bool{false, true} {
		w, s := newWorld(t, 100), &gated{Store: memory.New()}
		r := w.run(config(s, w))
		d := quarantined(t, w, r, s, "a", 1, 3)
		var shut atomic.Bool
		w.mu.Lock()
		w.fail = func(m *message.Message) error {
			if m.Metadata["key"] != "a" || !shut.CompareAndSwap(false, true) {
				return nil
			}
			s.gate.Lock()
			if other {
				w.queue = append(w.queue, msg("b", 1))
				w.mu.Unlock()
				w.delivered("b", 1)
				time.Sleep(20 * time.Millisecond)
				w.mu.Lock()
			}
			return nil
		}
		w.mu.Unlock()
		r.redrives(t, d.ID, because)
		await(t, "the delivery", func() bool { return len(w.revisions("a")) > 0 })
		done := make(chan error, 1)
		go func() { _, err := r.Redrive(t.Context(), d.ID, outOfOrder); done <- err }()
		time.Sleep(20 * time.Millisecond)
		s.gate.Unlock()
		if err := <-done; !errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), "audit") {
			t.Errorf("%v", err)
		}
		w.delivered("a", 1, 2, 3)
		if st := r.rest(t, w); st.Ledger.Redriven != 1 || st.Ledger.Dead != 0 || r.state(t, "a").Mode != lane.Flowing {
			t.Errorf("%+v", st.Ledger)
		}
		if got := audits(t, s); !slices.Equal(got, []string{"redrive a " + d.ID + " ann"}) {
			t.Errorf("audit: %v", got)
		}
	}
}
