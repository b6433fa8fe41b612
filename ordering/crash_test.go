package ordering_test

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// TestI1_I3_Restarted stops the Resequencer again and again under load: nothing
// is lost, and since a stop is orderly, nothing comes twice.
func TestI1_I3_Restarted(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	w := newWorld(t, 300)
	s := memory.New()
	const keys, revs = 20, 200
	w.send(shuffled(rng, stream(keys, revs), 400)...)
	for range 15 {
		r := w.run(config(s, w))
		time.Sleep(time.Duration(rng.IntN(15)) * time.Millisecond)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	}
	r := w.run(config(s, w))
	await(t, "the rest", func() bool {
		st, err := r.Stats(t.Context())
		return err == nil && w.settled() && st.Ledger.Parked == 0 && st.InMemory == 0
	})
	r.accounted(t)
	if dups := w.checkOrder(1); dups != 0 || len(w.got) != keys*revs {
		t.Fatalf("%d messages for %d, %d twice", len(w.got), keys*revs, dups)
	}
}

// TestRun_Misuse lists what is refused, and how it is said.
func TestRun_Misuse(t *testing.T) {
	w := newWorld(t, 10)
	cfg := config(memory.New(), w)
	cfg.SingleInstance = false
	if _, err := ordering.New(cfg); !errors.Is(err, ordering.ErrLocalStore) {
		t.Errorf("without SingleInstance: %v", err)
	}
	cfg.SingleInstance = true
	cfg.NotRunningAfter = 10 * time.Millisecond
	r, err := ordering.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	take, err := r.Batch(w.publish)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Batch(w.publish); !errors.Is(err, ordering.ErrHandlers) {
		t.Errorf("a second handler: %v", err)
	}
	d := ordering.Deliveries{Messages: message1("a", 1), Tokens: []uint64{1}}
	if err := take(t.Context(), d); !errors.Is(err, ordering.ErrNotRunning) {
		t.Errorf("without Run: %v", err)
	}
}

// TestGapThatOnlyAProcessKnew: a lane waits in a gap, in front of a message that
// is only in memory, and the process ends. What is listed as waiting is then what
// waits.
func TestGapThatOnlyAProcessKnew(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	w.send(msg("a", 1))
	r := w.run(config(s, w))
	r.emptied(t, w)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	key := store.Key{Route: "r", Name: "a"}
	rec, err := s.Load(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	rec.State.Mode = lane.Gap
	if err := errors.Join(s.Commit(t.Context(), store.Change{Key: key, Version: rec.Version, Record: &rec})...); err != nil {
		t.Fatal(err)
	}
	w.run(config(s, w))
	await(t, "nothing to be listed", func() bool {
		for _, err := range s.Lanes(t.Context(), store.Query{Route: "r", Blocked: true}) {
			if err != nil {
				t.Fatal(err)
			}
			return false
		}
		return true
	})
}
