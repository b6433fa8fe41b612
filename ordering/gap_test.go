package ordering_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// TestGap_Policies waits for a revision that never comes.
func TestGap_Policies(t *testing.T) {
	for _, c := range []struct {
		then lane.Resolve
		want []int64
		mode lane.Mode
		late string // what becomes of the missing one when it comes after all
		end  []int64
	}{
		{lane.Wait, []int64{1}, lane.Gap, "", []int64{1, 2, 3, 4}},
		{lane.Quarantine, []int64{1}, lane.GapBlocked, "", []int64{1, 2, 3, 4}},
		{lane.Skip, []int64{1, 3, 4}, lane.Flowing, "late", []int64{1, 3, 4}},
	} {
		t.Run(fmt.Sprint(c.then), func(t *testing.T) {
			w := newWorld(t, 100)
			s := memory.New()
			cfg := config(s, w)
			cfg.OnGap, cfg.GapTimeout = c.then, 100*time.Millisecond
			r := w.run(cfg)
			w.send(msg("a", 1), msg("a", 3), msg("a", 4))
			await(t, "the gap to be resolved", func() bool {
				return r.state(t, "a").Mode == c.mode && slices.Equal(w.revisions("a"), c.want)
			})
			time.Sleep(150 * time.Millisecond)
			w.send(msg("a", 2))
			r.rest(t, w)
			await(t, "the end", func() bool { return slices.Equal(w.revisions("a"), c.end) })
			if got := letters(t, s)["a/2"]; got != c.late {
				t.Errorf("the late one became %q, want %q", got, c.late)
			}
		})
	}
}

// TestRule7_ClockStandsStill lets no gap expire while the source is away.
func TestRule7_ClockStandsStill(t *testing.T) {
	w := newWorld(t, 100)
	cfg := config(memory.New(), w)
	cfg.GapTimeout = 50 * time.Millisecond
	r := w.run(cfg)
	r.SourceDown()
	w.send(msg("a", 2))
	await(t, "the gap", func() bool { return r.state(t, "a").Mode == lane.Gap })
	time.Sleep(700 * time.Millisecond) // more than eleven timeouts
	if m := r.state(t, "a").Mode; m != lane.Gap {
		t.Fatalf("the clock ran while the source was away: %s", m)
	}
	r.SourceUp()
	await(t, "the clock to run again", func() bool { return r.state(t, "a").Mode == lane.GapBlocked })
}

// TestRule7_BacklogIsPatience gives a gap ten times as long while the source is
// not empty.
func TestRule7_BacklogIsPatience(t *testing.T) {
	w := newWorld(t, 100)
	cfg := config(memory.New(), w)
	cfg.GapTimeout = 100 * time.Millisecond
	var lag atomic.Int64
	lag.Store(1)
	cfg.Lag = func(context.Context) (int64, error) { return lag.Load(), nil }
	r := w.run(cfg)
	w.send(msg("a", 2))
	time.Sleep(400 * time.Millisecond)
	if m := r.state(t, "a").Mode; m != lane.Gap {
		t.Fatalf("the clock ran in a backlog: %s", m)
	}
	lag.Store(0)
	await(t, "the clock to run", func() bool { return r.state(t, "a").Mode == lane.GapBlocked })
}

// TestRule19_NoState stops a route whose store was lost, and adopts when told.
func TestRule19_NoState(t *testing.T) {
	w := newWorld(t, 500)
	cfg := config(memory.New(), w)
	cfg.GapTimeout = 100 * time.Millisecond
	r := w.run(cfg)
	for k := range 80 {
		w.send(msg(fmt.Sprintf("k%d", k), 1000), msg(fmt.Sprintf("k%d", k), 1001))
	}
	var halt *ordering.HaltError
	<-r.over
	if err := r.stop(); !errors.As(err, &halt) || halt.Reason != ordering.HaltNoState {
		t.Fatalf("it ended with %v", err)
	}
	cfg.AdoptOnce = true
	r = w.run(cfg)
	await(t, "all adopted", func() bool { return len(w.revisions("k79")) == 2 && len(w.revisions("k0")) == 2 })
	st := r.rest(t, w)
	if st.Ledger.Parked != 0 || st.Ledger.Dead != 0 {
		t.Errorf("left: %+v", st.Ledger)
	}
}

// TestAdopt starts keys that are mid-stream at the lowest that comes.
func TestAdopt(t *testing.T) {
	w := newWorld(t, 100)
	s := memory.New()
	cfg := config(s, w)
	cfg.Adopt, cfg.AdoptAfter = true, 100*time.Millisecond
	r := w.run(cfg)
	w.send(msg("a", 43), msg("a", 42), msg("a", 44))
	await(t, "three", func() bool { return slices.Equal(w.revisions("a"), []int64{42, 43, 44}) })
	w.send(msg("a", 41))
	r.rest(t, w)
	if got := letters(t, s)["a/41"]; got != "late" {
		t.Errorf("41 became %q", got)
	}
}

// TestRule19_OneGapAmongManySwaps lets one gap expire while many lanes are a
// little out of order: that is no lost store.
func TestRule19_OneGapAmongManySwaps(t *testing.T) {
	w := newWorld(t, 2000)
	cfg := config(memory.New(), w)
	cfg.GapTimeout = 300 * time.Millisecond
	cfg.Hold = 50 * time.Millisecond
	r := w.run(cfg)
	w.send(msg("lost", 2))
	for rev := int64(1); rev < 40; rev += 2 {
		for k := range 60 {
			w.send(msg(fmt.Sprintf("k%d", k), rev+1))
		}
		time.Sleep(20 * time.Millisecond)
		for k := range 60 {
			w.send(msg(fmt.Sprintf("k%d", k), rev))
		}
	}
	await(t, "the gap to expire", func() bool { return r.state(t, "lost").Mode == lane.GapBlocked })
	r.rest(t, w)
	select {
	case <-r.over:
		t.Fatal(r.stop())
	default:
	}
}

// TestRule19_AdoptBlocked starts a key, whose gap has ended in a quarantine, at
// what it has, when told to adopt once.
func TestRule19_AdoptBlocked(t *testing.T) {
	w := newWorld(t, 50)
	cfg := config(memory.New(), w)
	cfg.GapTimeout = 50 * time.Millisecond
	r := w.run(cfg)
	w.send(msg("a", 100), msg("a", 101))
	await(t, "the quarantine", func() bool { return r.state(t, "a").Mode == lane.GapBlocked })
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	cfg.AdoptOnce = true
	w.run(cfg)
	await(t, "both", func() bool { return slices.Equal(w.revisions("a"), []int64{100, 101}) })
}
