package ordering_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// silence is a target that does not even say no, for some messages.
type silence struct {
	gate   chan struct{}
	called atomic.Int64
}

func (w *world) silent(about func(*message.Message) bool) *silence {
	s := &silence{gate: make(chan struct{})}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fail = func(m *message.Message) error {
		if about(m) {
			s.called.Add(1)
			w.mu.Unlock()
			<-s.gate
			w.mu.Lock()
		}
		return nil
	}
	return s
}

// away makes the target unavailable until it is false; then answers is asked.
func (w *world) away(answers func(*message.Message) error) *atomic.Bool {
	var away atomic.Bool
	away.Store(true)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fail = func(m *message.Message) error {
		if away.Load() {
			return verdict{class: "unavailable", pause: 5 * time.Millisecond}
		}
		return answers(m)
	}
	return &away
}

// pausing is a configuration that pauses the source when the target is away for
// so long, and whether it is paused.
func pausing(s store.Store, w *world, outageAfter time.Duration) (ordering.Config, *atomic.Bool) {
	var paused atomic.Bool
	cfg := config(s, w)
	cfg.OutageAfter, cfg.Pause = outageAfter, paused.Store
	return cfg, &paused
}

// TestRule17_SilentTarget has a target that takes messages and does not answer,
// longer than a broker may wait for an acknowledgement: everything in hand is
// parked, what is under way as well, and the source pauses.
func TestRule17_SilentTarget(t *testing.T) {
	w, s := newWorld(t, 50), memory.New()
	silent := w.silent(func(*message.Message) bool { return true })
	cfg, paused := pausing(s, w, 100*time.Millisecond)
	cfg.Workers = 1
	r := w.run(cfg)
	w.send(stream(10, 20)...)
	await(t, "all to be parked", func() bool {
		st, err := r.Stats(t.Context())
		return err == nil && w.settled() && st.Ledger.Parked == 200 && st.InMemory == 0 && st.Outage && paused.Load()
	})
	r.accounted(t)
	close(silent.gate)
	await(t, "all to be delivered", func() bool { st, _ := r.Stats(t.Context()); return st.Ledger.Delivered == 200 })
	st := r.rest(t, w)
	if w.checkOrder(1) != 0 || st.Ledger.Parked != 0 || st.Outage || paused.Load() {
		t.Errorf("after it: %+v, paused %v", st, paused.Load())
	}
}

// TestRule17_SilentTargetAndCrash loses the process meanwhile: what was under way
// is published once more, and nothing else.
func TestRule17_SilentTargetAndCrash(t *testing.T) {
	w, s := newWorld(t, 50), memory.New()
	silent := w.silent(func(*message.Message) bool { return true })
	cfg := config(s, w)
	cfg.Chunk = 1
	cfg.OutageAfter, cfg.Drain = 50*time.Millisecond, 20*time.Millisecond
	r := w.run(cfg)
	w.send(stream(10, 5)...)
	await(t, "all to be parked", func() bool { st, err := r.Stats(t.Context()); return err == nil && st.Ledger.Parked == 50 })
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	close(silent.gate)
	r = w.run(cfg)
	await(t, "all to be delivered", func() bool { st, _ := r.Stats(t.Context()); return st.Ledger.Delivered == 50 })
	r.rest(t, w)
	if dups := w.checkOrder(1); dups > 10 {
		t.Errorf("%d came twice, of 10 that were under way", dups)
	}
}

// TestRule6_SlowMessage has one message that takes long while the target answers
// others: it and its successors are parked, the rest flows, and it is no outage.
func TestRule6_SlowMessage(t *testing.T) {
	w, s := newWorld(t, 50), memory.New()
	silent := w.silent(func(m *message.Message) bool { return m.Metadata["key"] == "slow" })
	cfg, paused := pausing(s, w, 100*time.Millisecond)
	r := w.run(cfg)
	w.send(msg("slow", 1))
	await(t, "the slow one", func() bool { return silent.called.Load() == 1 })
	w.send(msg("slow", 2), msg("slow", 3), msg("a", 1), msg("slow", 1))
	await(t, "three to be parked", func() bool { return r.state(t, "slow").Parked == 3 })
	w.send(msg("slow", 4), msg("a", 2)) // what comes later is parked, too
	await(t, "four to be parked", func() bool { return r.state(t, "slow").Parked == 4 })
	w.delivered("a", 1, 2)
	if st, err := r.Stats(t.Context()); err != nil || st.Outage || paused.Load() {
		t.Errorf("one slow message is taken for an outage: %+v, %v", st, err)
	}
	r.accounted(t)
	close(silent.gate)
	w.delivered("slow", 1, 2, 3, 4)
	if st := r.rest(t, w); st.Ledger.Parked != 0 || st.Ledger.Duplicates != 1 {
		t.Errorf("%+v", st.Ledger)
	}
}

// TestOutage_ProbeIsPoison has the message that probes end as a dead letter when
// the target is back: others find out.
func TestOutage_ProbeIsPoison(t *testing.T) {
	w, s := newWorld(t, 50), memory.New()
	var poison atomic.Bool
	poison.Store(true)
	away := w.away(func(*message.Message) error {
		if poison.CompareAndSwap(true, false) {
			return errPermanent
		}
		return nil
	})
	cfg, paused := pausing(s, w, 50*time.Millisecond)
	r := w.run(cfg)
	w.send(stream(5, 2)...)
	await(t, "all but the probe to be parked", func() bool { st, _ := r.Stats(t.Context()); return st.Ledger.Parked == 9 && paused.Load() })
	away.Store(false)
	await(t, "the other keys", func() bool { st, _ := r.Stats(t.Context()); return st.Ledger.Delivered == 8 })
	if st := r.rest(t, w); st.Outage || st.Ledger.Dead != 1 || st.Modes[lane.Quarantined] != 1 || paused.Load() {
		t.Errorf("%+v, paused %v", st, paused.Load())
	}
}

// TestOutage_OnlyPoison has nothing left to probe with: the source goes on.
func TestOutage_OnlyPoison(t *testing.T) {
	w, s := newWorld(t, 50), memory.New()
	away := w.away(func(m *message.Message) error {
		if strings.HasPrefix(string(m.Payload), "a") {
			return errPermanent
		}
		return nil
	})
	cfg, paused := pausing(s, w, 50*time.Millisecond)
	r := w.run(cfg)
	w.send(msg("a", 1), msg("a", 2))
	await(t, "the pause", paused.Load)
	away.Store(false)
	await(t, "the end of it", func() bool { return !paused.Load() })
	if st := r.rest(t, w); st.Outage || st.Ledger.Dead != 1 {
		t.Errorf("%+v", st)
	}
}

// TestRetry_PauseSurvivesACrash dies while a message pauses: its tries are not
// forgotten, and the next one does not come before its time.
func TestRetry_PauseSurvivesACrash(t *testing.T) {
	w, under := newWorld(t, 50), memory.New()
	const pause = 700 * time.Millisecond
	var tries []int
	var last time.Time
	w.fail = func(m *message.Message) error {
		n := ordering.Attempts(m) + 1
		if m.Metadata["revision"] != "1" || n > 3 {
			return nil
		}
		if since := time.Since(last); n > 1 && since < pause {
			t.Errorf("try %d came after %v", n, since)
		}
		tries, last = append(tries, n), time.Now()
		return verdict{class: "transient", attempts: n, pause: pause}
	}
	for n := range 3 {
		s := crashAfter(under, 1) // the commit that parks it
		cfg := config(s, w)
		cfg.Drain = 20 * time.Millisecond
		r := w.run(cfg)
		if n == 0 {
			w.send(msg("a", 1))
		}
		<-s.dead
		w.reconnect()
		_ = r.stop()
	}
	r := w.run(config(under, w))
	w.send(msg("a", 2))
	w.delivered("a", 1, 2)
	r.rest(t, w)
	if len(tries) != 3 || tries[2] != 3 {
		t.Errorf("tries: %v", tries)
	}
}
