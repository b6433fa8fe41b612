package ordering_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// TestSkip goes on without what never came, and no further than asked.
func TestSkip(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	cfg := config(s, w)
	cfg.GapTimeout = 50 * time.Millisecond
	r := w.run(cfg)
	w.send(msg("a", 1), msg("a", 4), msg("a", 7))
	await(t, "the quarantine", func() bool { return r.state(t, "a").Mode == lane.GapBlocked })
	r.rest(t, w)

	out, err := r.Skip(t.Context(), "a", 0, 7, dry)
	if err != nil || out.Done || out.Revision != 2 || out.To != 4 || out.Parked != 2 || !strings.Contains(out.Says, "without revisions 2 to 3") {
		t.Errorf("dry run: %+v, %v", out, err)
	}
	if out, err = r.Skip(t.Context(), "a", 0, 3, because); err != nil || !out.Done || out.To != 3 {
		t.Errorf("one step: %+v, %v", out, err)
	}
	if out, err = r.Skip(t.Context(), "a", 0, 3, because); err != nil || out.Done {
		t.Errorf("the same once more: %+v, %v", out, err)
	}
	if out, err = r.Skip(t.Context(), "a", 0, 7, because); err != nil || !out.Done || out.To != 4 {
		t.Errorf("as far as it goes: %+v, %v", out, err)
	}
	w.delivered("a", 1, 4)
	if out, err = r.Skip(t.Context(), "a", 0, 0, because); err != nil || !out.Done || out.To != 7 {
		t.Errorf("to what is there: %+v, %v", out, err)
	}
	w.delivered("a", 1, 4, 7)
	w.send(msg("a", 3), msg("a", 8))
	w.delivered("a", 1, 4, 7, 8)
	st := r.rest(t, w)
	if st.Ledger.Skipped != 4 || letters(t, s)["a/3"] != "late" {
		t.Errorf("%+v, dead letters %v", st.Ledger, letters(t, s))
	}
	skips, err := s.Skips(t.Context(), store.Key{Route: "r", Name: "a"})
	if err != nil || len(skips) != 3 || skips[0].By != "ann" || skips[0].Reason != because.Reason {
		t.Errorf("recorded: %+v, %v", skips, err)
	}
	if got := audits(t, s); !slices.Equal(got, []string{"skip a 2 ann", "skip a 3 ann", "skip a 5-6 ann"}) {
		t.Errorf("audit: %v", got)
	}
}

// TestSkip_Refused lists what is no gap to skip.
func TestSkip_Refused(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	cfg := config(s, w)
	cfg.MaxJump, cfg.GapTimeout = 10, time.Minute
	r := w.run(cfg)
	quarantined(t, w, r, s, "dead", 1, 2)
	w.send(msg("flows", 1), msg("far", 1000))
	w.delivered("flows", 1)
	await(t, "the gap", func() bool { return r.state(t, "far").Mode == lane.Gap })
	for _, c := range []struct {
		key  string
		to   lane.Revision
		err  error
		says string
	}{
		{"unknown", 4, store.ErrNotFound, `"unknown"`},
		{"flows", 4, ordering.ErrNotBlocked, "waits for nothing"},
		{"dead", 4, ordering.ErrNotBlocked, "dead letter"},
		{"far", 0, ordering.ErrTooFar, "order.max_jump is 10"},
		{"far", 12, ordering.ErrTooFar, "11 revisions"},
	} {
		if _, err := r.Skip(t.Context(), c.key, 0, c.to, because); !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s to %d: %v", c.key, c.to, err)
		}
	}
	if out, err := r.Skip(t.Context(), "far", 0, 11, because); err != nil || out.To != 11 {
		t.Errorf("as far as allowed: %+v, %v", out, err)
	}
	r.rest(t, w)
}

// TestRelease_Gap gives a gap its time once more.
func TestRelease_Gap(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	cfg := config(s, w)
	cfg.GapTimeout = 200 * time.Millisecond
	r := w.run(cfg)
	w.send(msg("a", 1), msg("a", 3))
	blocked := func() bool { return r.state(t, "a").Mode == lane.GapBlocked }
	await(t, "the quarantine", blocked)
	if out, err := r.Release(t.Context(), "a", 0, dry); err != nil || out.Done || out.Parked != 1 || !blocked() {
		t.Errorf("dry run: %+v, %v", out, err)
	}
	if out, err := r.Release(t.Context(), "a", 0, because); err != nil || !out.Done || r.state(t, "a").Mode != lane.Gap {
		t.Errorf("%+v, %v", out, err)
	}
	if _, err := r.Release(t.Context(), "a", 0, because); !errors.Is(err, ordering.ErrNotBlocked) {
		t.Errorf("once more: %v", err)
	}
	await(t, "the quarantine once more", blocked)
	st := r.rest(t, w)
	if st.Modes[lane.GapBlocked] != 1 || st.Modes[lane.Gap] != 0 {
		t.Errorf("%+v", st.Modes)
	}
	w.send(msg("a", 2))
	w.delivered("a", 1, 2, 3)
	if got := audits(t, s); !slices.Equal(got, []string{"release a 2 ann"}) {
		t.Errorf("audit: %v", got)
	}
}

// anew is a message of a record that was created anew.
func anew(key string, rev int64) sent {
	m := msg(key, rev)
	m.body = "anew " + m.body
	return m
}

// TestRule2_ReleaseNewEpoch opens the epoch of a record that was created anew:
// its revisions arrive from the first one on, and so do those that come later,
// whatever the old record waits for.
func TestRule2_ReleaseNewEpoch(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	r := w.run(config(s, w))
	w.send(msg("a", 1), msg("a", 2), msg("a", 3))
	w.delivered("a", 1, 2, 3)
	w.send(anew("a", 1), anew("a", 2), anew("a", 3), msg("b", 1))
	st := r.rest(t, w)
	if st.Modes[lane.Locked] != 1 || st.Ledger.Parked != 1 || st.Ledger.Dead != 2 {
		t.Fatalf("%+v", st)
	}
	regressed := letter(t, s, "a", 2)
	if _, err := r.Redrive(t.Context(), regressed.ID, because); !errors.Is(err, ordering.ErrPassed) || !strings.Contains(err.Error(), "new epoch") {
		t.Errorf("redriven before the release: %v", err)
	}
	open := because
	open.NewEpoch = true
	if _, err := r.Release(t.Context(), "b", 0, open); !errors.Is(err, ordering.ErrNotBlocked) {
		t.Errorf("a record that was not created anew: %v", err)
	}
	if _, err := r.Release(t.Context(), "a", 1, because); !errors.Is(err, ordering.ErrNotBlocked) {
		t.Errorf("a locked epoch is no gap: %v", err)
	}
	try := open
	try.DryRun = true
	if out, err := r.Release(t.Context(), "a", 0, try); err != nil || out.Done || out.Epoch != 1 || len(out.Dead) != 2 {
		t.Errorf("dry run: %+v, %v", out, err)
	}
	if out, err := r.Release(t.Context(), "a", 1, open); err != nil || !out.Done || out.Epoch != 1 || len(out.Dead) != 2 {
		t.Fatalf("%+v, %v", out, err)
	}
	w.delivered("a", 1, 2, 3, 1, 2, 3)
	for _, epoch := range []uint32{0, 1} {
		if out, err := r.Release(t.Context(), "a", epoch, open); err != nil || out.Done {
			t.Errorf("once more: %+v, %v", out, err)
		}
	}
	w.send(anew("a", 4), anew("a", 5), msg("a", 3)) // the old record stood at 4, too
	w.delivered("a", 1, 2, 3, 1, 2, 3, 4, 5)
	st = r.rest(t, w)
	if st.Modes[lane.Locked] != 0 || st.Ledger.Dead != 0 || st.Ledger.Parked != 0 || st.Ledger.Duplicates != 1 {
		t.Errorf("%+v", st)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r = w.run(config(s, w))
	w.send(anew("a", 6))
	w.delivered("a", 1, 2, 3, 1, 2, 3, 4, 5, 6)
	r.rest(t, w)
	if got := audits(t, s); !slices.Equal(got, []string{"release a epoch 1 ann"}) {
		t.Errorf("audit: %v", got)
	}
}

// TestRule2_NewEpochOneByOne opens an epoch in which nothing waits yet, while it
// is not clear which dead letters are the first revisions: an operator says so.
func TestRule2_NewEpochOneByOne(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	r := w.run(config(s, w))
	w.send(msg("a", 1), msg("a", 2), msg("a", 3))
	w.delivered("a", 1, 2, 3)
	w.send(sent{key: "a", rev: 1, body: "a mistake"}, anew("a", 1), anew("a", 2))
	r.rest(t, w)
	open := because
	open.NewEpoch = true
	out, err := r.Release(t.Context(), "a", 0, open)
	if err != nil || !out.Done || out.Epoch != 1 || len(out.Dead) != 0 || !strings.Contains(out.Says, "not clear") {
		t.Fatalf("%+v, %v", out, err)
	}
	for d, err := range s.DeadLetters(t.Context(), store.Query{Route: "r"}) {
		if err != nil {
			t.Fatal(err)
		}
		if string(d.Payload) == "a mistake" {
			continue
		}
		if out, err := r.Redrive(t.Context(), d.ID, because); err != nil || !out.Done || !out.InOrder || out.Epoch != 1 {
			t.Fatalf("%+v, %v", out, err)
		}
	}
	w.delivered("a", 1, 2, 3, 1, 2)
	st := r.rest(t, w)
	if st.Ledger.Dead != 1 || st.Ledger.Redriven != 2 {
		t.Errorf("%+v", st.Ledger)
	}
	w.send(anew("a", 3))
	w.delivered("a", 1, 2, 3, 1, 2, 3)
}

// TestRule2_CreatedAnewTwice creates a record anew after its second epoch was
// opened.
func TestRule2_CreatedAnewTwice(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	r := w.run(config(s, w))
	want := []int64{}
	for epoch := range uint32(4) {
		for rev := int64(1); rev <= 4; rev++ {
			m := msg("a", rev)
			m.body += strings.Repeat(" anew", int(epoch))
			w.send(m)
			want = append(want, rev)
		}
		r.rest(t, w)
		if epoch > 0 {
			open := because
			open.NewEpoch = true
			if out, err := r.Release(t.Context(), "a", epoch-1, open); err != nil || !out.Done || out.Epoch != epoch || len(out.Dead) != 2 {
				t.Fatalf("epoch %d: %+v, %v", epoch, out, err)
			}
		}
		w.delivered("a", want...)
	}
	if st := r.rest(t, w); st.Ledger.Dead != 0 || st.Ledger.Parked != 0 || len(st.Modes) != 0 {
		t.Errorf("%+v", st)
	}
}
