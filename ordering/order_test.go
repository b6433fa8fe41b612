package ordering_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// TestI2_ShuffledAndDuplicated sends everything displaced and some of it twice.
func TestI2_ShuffledAndDuplicated(t *testing.T) {
	for _, c := range []struct {
		name               string
		keys, revs, by, wd int
		hold               time.Duration
	}{
		{"many keys", 200, 50, 200, 2000, 20 * time.Millisecond},
		{"few keys", 5, 1000, 200, 2000, 20 * time.Millisecond},
		{"past the window", 50, 100, 1500, 500, 20 * time.Millisecond},
		{"hold 0", 50, 100, 300, 500, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			w := newWorld(t, c.wd)
			ms := stream(c.keys, c.revs)
			n := len(ms)
			for i := range n / 100 {
				ms = append(ms, ms[i*97%n])
			}
			ms = shuffled(rng, ms, c.by)
			w.send(ms...)
			cfg := config(memory.New(), w)
			cfg.Hold = c.hold
			cfg.GapTimeout = 30 * time.Second
			r := w.run(cfg)
			await(t, "all settled", w.settled)
			await(t, "nothing parked", func() bool { s, _ := r.Stats(t.Context()); return s.Ledger.Parked == 0 && s.InMemory == 0 })
			s := r.accounted(t)
			if dups := w.checkOrder(1); dups != 0 || len(w.got) != n {
				t.Fatalf("%d messages for %d, %d of them twice", len(w.got), n, dups)
			}
			if want := int64(len(ms) - n); s.Ledger.Duplicates != want {
				t.Errorf("%d duplicates counted, want %d", s.Ledger.Duplicates, want)
			}
			t.Logf("parked ever: %d", s.Ledger.ParkedTotal)
		})
	}
}

// TestI2_DrainingWhileParking takes messages out of the store while others of
// the same keys go in, in many ways.
func TestI2_DrainingWhileParking(t *testing.T) {
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 5))
		w := newWorld(t, 300)
		const keys, revs = 30, 60
		w.send(shuffled(rng, stream(keys, revs), 900)...)
		cfg := config(memory.New(), w)
		cfg.Hold = 0
		cfg.GapTimeout = 30 * time.Second
		r := w.run(cfg)
		await(t, "nothing parked", func() bool {
			s, err := r.Stats(t.Context())
			return err == nil && w.settled() && s.Ledger.Parked == 0 && s.InMemory == 0
		})
		r.accounted(t)
		if w.checkOrder(1) != 0 || len(w.got) != keys*revs {
			t.Fatalf("seed %d: %d of %d", seed, len(w.got), keys*revs)
		}
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestI2_Sequence is the conversation 2, 1, 5, 6, 4, 3.
func TestI2_Sequence(t *testing.T) {
	w := newWorld(t, 100)
	r := w.run(config(memory.New(), w))
	for _, rev := range []int64{2, 1, 5, 6, 4, 3} {
		w.send(msg("a", rev))
		time.Sleep(5 * time.Millisecond)
	}
	await(t, "all settled", w.settled)
	await(t, "six", func() bool { return len(w.revisions("a")) == 6 })
	if got := w.revisions("a"); !slices.Equal(got, []int64{1, 2, 3, 4, 5, 6}) {
		t.Fatal(got)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
}
