package ordering_test

import (
	"errors"
	"slices"
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

// TestRedrive_Passed asks for what successors have passed: it goes only out of
// order, and is recorded so.
func TestRedrive_Passed(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	w.fail = func(m *message.Message) error {
		if m.Metadata["revision"] != "2" {
			return nil
		}
		n := ordering.Attempts(m) + 1
		return verdict{class: "transient", attempts: n, final: n == 3, reason: "max_attempts"}
	}
	cfg := config(s, w)
	cfg.OnFailure = lane.Continue
	r := w.run(cfg)
	w.send(msg("a", 1), msg("a", 2), msg("a", 3), msg("a", 4))
	w.delivered("a", 1, 3, 4)
	w.send(sent{key: "a", rev: 3, body: "other"})
	r.rest(t, w)
	w.mu.Lock()
	w.fail = func(m *message.Message) error {
		if n := ordering.Attempts(m); n != 0 {
			t.Errorf("redriven with %d attempts behind it", n)
		}
		return nil
	}
	w.mu.Unlock()
	passed, conflict := letter(t, s, "a", 2), letter(t, s, "a", 3)
	for _, d := range []store.DeadLetter{passed, conflict} {
		r.refuses(t, d.ID, because, ordering.ErrPassed)
		o := outOfOrder
		o.DryRun = true
		if out, err := r.Redrive(t.Context(), d.ID, o); err != nil || out.Done || out.InOrder || !strings.Contains(out.Says, "out of order") {
			t.Errorf("dry run of %s: %+v, %v", d.Reason, out, err)
		}
		if out, err := r.Redrive(t.Context(), d.ID, outOfOrder); err != nil || !out.Done || out.InOrder {
			t.Fatalf("%+v, %v", out, err)
		}
	}
	w.delivered("a", 1, 3, 4, 2, 3)
	st := r.rest(t, w)
	if st.Ledger.Dead != 0 || st.Ledger.Redriven != 2 || st.Ledger.Delivered != 5 || r.state(t, "a").Next != 5 {
		t.Errorf("%+v", st.Ledger)
	}
	if got := audits(t, s); !slices.Equal(got, []string{"redrive_out_of_order a " + passed.ID + " ann", "redrive_out_of_order a " + conflict.ID + " ann"}) {
		t.Errorf("audit: %v", got)
	}
}

// TestRedrive_Late redrives an arrival inside a range that was skipped.
func TestRedrive_Late(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	cfg := config(s, w)
	cfg.OnGap, cfg.GapTimeout = lane.Skip, 50*time.Millisecond
	r := w.run(cfg)
	w.send(msg("a", 1), msg("a", 3))
	w.delivered("a", 1, 3)
	w.send(msg("a", 2))
	r.rest(t, w)
	d := letter(t, s, "a", 2)
	r.refuses(t, d.ID, because, ordering.ErrPassed)
	r.redrives(t, d.ID, outOfOrder)
	w.delivered("a", 1, 3, 2)
	r.rest(t, w)
}

// TestRedrive_BesideTheOrder follows one through a target that is away, refuses
// for a while, and refuses for good: it stays one dead letter all the time.
func TestRedrive_BesideTheOrder(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	r := w.run(config(s, w))
	w.send(msg("a", 1), sent{key: "a", rev: 1, body: "other"})
	r.rest(t, w)
	d := letter(t, s, "a", 1)
	answers := []error{
		verdict{class: "unavailable", pause: 20 * time.Millisecond},
		verdict{class: "interrupted"},
		verdict{class: "transient", attempts: 1, pause: 20 * time.Millisecond},
		verdict{class: "transient", attempts: 2, final: true, reason: "max_attempts"},
		verdict{class: "transient", attempts: 1, pause: 5 * time.Millisecond},
	}
	var asked atomic.Int64
	w.mu.Lock()
	w.fail = func(*message.Message) error {
		if n := int(asked.Add(1)); n <= len(answers) {
			return answers[n-1]
		}
		return nil
	}
	w.mu.Unlock()
	r.redrives(t, d.ID, outOfOrder)
	if out, err := r.Redrive(t.Context(), d.ID, outOfOrder); err != nil || out.Done {
		t.Errorf("once more: %+v, %v", out, err)
	}
	if _, err := r.Discard(t.Context(), d.ID, because); !errors.Is(err, ordering.ErrBusy) {
		t.Errorf("discarded while it is redriven: %v", err)
	}
	await(t, "the end of it", func() bool { return letter(t, s, "a", 1).Attempts == 2 })
	st := r.rest(t, w)
	again := letter(t, s, "a", 1)
	if st.Ledger.Dead != 1 || again.Reason != d.Reason || !again.FirstFailed.Equal(d.FirstFailed) || again.Class != "transient" || again.ID != d.ID {
		t.Errorf("%+v after %+v", again, d)
	}
	r.redrives(t, d.ID, outOfOrder)
	await(t, "its delivery", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.got) == 2 && w.got[1].body == "other" })
	if st = r.rest(t, w); st.Ledger.Dead != 0 || st.Ledger.Redriven != 1 || asked.Load() != 6 {
		t.Errorf("%+v after %d tries", st.Ledger, asked.Load())
	}
}

// TestRedrive_BesideTheOrderAndStopped stops while one waits for its next try,
// and while another is under way.
func TestRedrive_BesideTheOrderAndStopped(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	r := w.run(config(s, w))
	for _, body := range []string{"b", "c", "d"} {
		w.send(msg("a", 1), sent{key: "a", rev: 1, body: body})
	}
	r.rest(t, w)
	var asked atomic.Int64
	w.mu.Lock()
	w.fail = func(m *message.Message) error {
		asked.Add(1)
		switch string(m.Payload) {
		case "b":
			return verdict{class: "transient", attempts: 1, pause: time.Minute}
		case "c":
			return verdict{class: "unavailable", pause: time.Minute}
		}
		w.mu.Unlock()
		<-m.Context().Done()
		w.mu.Lock()
		return verdict{class: "interrupted"}
	}
	w.mu.Unlock()
	for _, d := range allDead(t, s) {
		r.redrives(t, d.ID, outOfOrder)
	}
	await(t, "some tries", func() bool { return asked.Load() >= 1 })
	time.Sleep(20 * time.Millisecond)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r = w.run(config(s, w))
	r.state(t, "a") // it runs
	if st := r.rest(t, w); st.Ledger.Dead != 3 || st.Ledger.Redriven != 0 {
		t.Errorf("%+v", st.Ledger)
	}
}

// TestRedrive_BesideALongOutage redrives several out of order while the target
// is away for long: they stay dead letters until it is back.
func TestRedrive_BesideALongOutage(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	cfg := config(s, w)
	cfg.OutageAfter = 50 * time.Millisecond
	r := w.run(cfg)
	for _, body := range []string{"a-1", "b", "c", "d"} {
		w.send(sent{key: "a", rev: 1, body: body})
	}
	r.rest(t, w)
	away := w.away(func(*message.Message) error { return nil })
	for _, d := range allDead(t, s) {
		r.redrives(t, d.ID, outOfOrder)
	}
	w.send(stream(3, 3)...)
	await(t, "the rest to be parked", func() bool { st, _ := r.Stats(t.Context()); return st.Ledger.Parked >= 8 })
	time.Sleep(100 * time.Millisecond)
	if st := r.accounted(t); st.Ledger.Dead != 3 {
		t.Errorf("%+v", st.Ledger)
	}
	away.Store(false)
	await(t, "all of it", func() bool { st, _ := r.Stats(t.Context()); return st.Ledger.Delivered == 13 })
	if st := r.rest(t, w); st.Ledger.Dead != 0 || st.Ledger.Redriven != 3 || st.Ledger.Parked != 0 {
		t.Errorf("%+v", st.Ledger)
	}
}
