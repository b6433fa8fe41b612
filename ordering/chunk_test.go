package ordering_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering/store/memory"
	"github.com/brokerbridge/bridge/policies"
)

// TestRule9_Chunk sends the messages of one key to a slow target: they go in
// chunks of what may be ahead of the checkpoint, each whole and alone on its way.
func TestRule9_Chunk(t *testing.T) {
	w := newWorld(t, 200)
	var mu sync.Mutex
	flying, longest, calls := 0, 0, 0
	w.wrap = func(msgs []*message.Message) func() {
		mu.Lock()
		defer mu.Unlock()
		if flying++; flying > 1 {
			t.Error("two calls of one key at a time")
		}
		calls++
		longest = max(longest, len(msgs))
		time.Sleep(2 * time.Millisecond)
		return func() { mu.Lock(); defer mu.Unlock(); flying-- }
	}
	cfg := config(memory.New(), w)
	cfg.Chunk, cfg.MaxAhead = 50, 20
	r := w.run(cfg)
	w.send(stream(1, 1000)...)
	await(t, "all to be delivered", func() bool { st, _ := r.Stats(t.Context()); return st.Ledger.Delivered == 1000 })
	if dups := w.checkOrder(1); dups != 0 || len(w.got) != 1000 {
		t.Errorf("%d twice, %d at the target", dups, len(w.got))
	}
	if longest > cfg.MaxAhead || longest < cfg.MaxAhead/2 {
		t.Errorf("up to %d in a call, want up to %d", longest, cfg.MaxAhead)
	}
	if calls > 300 {
		t.Errorf("%d calls for 1000 messages", calls)
	}
}

// TestRule9_ChunkThatFails has a target that refuses heads and followers at
// random, for a while or for good, and a process that stops orderly meanwhile.
func TestRule9_ChunkThatFails(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 21))
			s, w := memory.New(), newWorld(t, 60)
			const keys, revs = 4, 60
			w.send(shuffled(rng, stream(keys, revs), 40)...)
			moods := rand.New(rand.NewPCG(seed, 22))
			w.fail = func(*message.Message) error { // under the lock of w
				switch moods.IntN(12) {
				case 0:
					return policies.As(policies.Unavailable, errors.New("away"))
				case 1:
					return errors.New("a moment")
				case 2:
					return policies.As(policies.Interrupted, errApart)
				}
				return nil
			}
			cfg := chaosConfig(s, w)
			cfg.Chunk = 1 + int(seed)
			for range 3 {
				r := w.run(cfg)
				time.Sleep(time.Duration(rng.IntN(30)) * time.Millisecond)
				if err := r.stop(); err != nil {
					t.Fatal(err)
				}
			}
			w.mu.Lock()
			w.fail = nil
			w.mu.Unlock()
			r := w.run(cfg)
			await(t, "all to be delivered", func() bool {
				st, err := r.Stats(t.Context())
				return err == nil && st.Ledger.Delivered == keys*revs && st.InMemory == 0
			})
			if dups := w.checkOrder(1); dups != 0 || len(w.got) != keys*revs {
				t.Errorf("%d twice, %d at the target", dups, len(w.got))
			}
		})
	}
}

// TestRule9_TargetThatBreaksItsWord takes a follower without its head: nothing is
// sent twice for that, nor taken for delivered.
func TestRule9_TargetThatBreaksItsWord(t *testing.T) {
	s, w := memory.New(), newWorld(t, 100)
	w.apart = true
	first := true
	w.fail = func(m *message.Message) error {
		if m.Metadata["revision"] == "1" && first {
			first = false
			return errPermanent
		}
		return nil
	}
	cfg := config(s, w)
	w.send(stream(1, 5)...)
	r := w.run(cfg)
	await(t, "the key to be quarantined", func() bool {
		st, err := r.Stats(t.Context())
		return err == nil && st.Ledger.Dead == 1 && st.Ledger.Parked == 4 && w.settled()
	})
	if got := w.revisions("k0"); fmt.Sprint(got) != "[2 3 4 5]" {
		t.Fatalf("the target has %v", got)
	}
	if _, err := r.Redrive(t.Context(), allDead(t, s)[0].ID, because); err != nil {
		t.Fatal(err)
	}
	r.delivered(t, 5)
	st := r.rest(t, w)
	if got := w.revisions("k0"); fmt.Sprint(got) != "[2 3 4 5 1]" || st.Ledger.Delivered != 5 || st.Ledger.Parked != 0 {
		t.Errorf("the target has %v, %+v", got, st)
	}
}
