package ordering_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
	"github.com/brokerbridge/bridge/ordering/store/storefault"
)

func chaosConfig(s store.Store, w *world) ordering.Config {
	cfg := config(s, w)
	cfg.GapTimeout, cfg.Hold, cfg.OutageAfter = 20*time.Millisecond, 5*time.Millisecond, 50*time.Millisecond
	cfg.Drain = 5 * time.Second
	return cfg
}

// settleAll lets the operator go on until nothing is left to do.
func (o *office) settleAll(t *testing.T, w *world, r *running, s store.Store) {
	t.Helper()
	w.mu.Lock()
	w.fail = nil
	w.mu.Unlock()
	await(t, "everything to be settled", func() bool {
		arrived := w.settled()
		st, err := r.Stats(t.Context())
		left := o.work(t.Context(), r, s, true)
		return arrived && err == nil && st.InMemory+st.Ledger.Parked+st.Ledger.Dead == 0 && left == 0
	})
	st := r.accounted(t)
	for m, n := range st.Modes {
		if n != 0 {
			t.Errorf("%d keys are %s", n, m)
		}
	}
}

// TestI10_OperatorsWhileCommitsFail lets an operator do everything there is
// while the n-th commit fails, in each way and for every n: nothing is lost,
// nothing comes twice, the order holds, and the books balance. BRIDGE_TEST_FULL=1
// goes further.
func TestI10_OperatorsWhileCommitsFail(t *testing.T) {
	commits := 20
	if os.Getenv("BRIDGE_TEST_FULL") != "" {
		commits = 100
	}
	for _, how := range []storefault.How{storefault.Before, storefault.After, storefault.Conflict} {
		for n := 1; n <= commits; n++ {
			t.Run(fmt.Sprintf("%s/%d", how, n), func(t *testing.T) {
				t.Parallel()
				rng := rand.New(rand.NewPCG(uint64(n), uint64(how)))
				w, o := newWorld(t, 100), newOffice(rng)
				s := storefault.Wrap(memory.New(), storefault.Plan{At: n, How: how})
				w.fail = w.moody(rand.New(rand.NewPCG(uint64(n), 9)))
				ms, later := trouble(rng, 5, 10)
				w.send(ms...)
				r := w.run(chaosConfig(s, w))
				for range 10 {
					o.work(t.Context(), r, s, false)
					time.Sleep(2 * time.Millisecond)
				}
				o.settleAll(t, w, r, s)
				w.send(later...)
				o.settleAll(t, w, r, s)
				if dups := o.checkAll(w, append(ms, later...), false); dups > 0 {
					t.Errorf("%d messages were published twice", dups)
				}
			})
		}
	}
}

// TestI1_I2_I10_OperatorsAndCrashes plays random traffic, failures, operators and
// crashes. BRIDGE_TEST_FULL=1 plays more of them.
func TestI1_I2_I10_OperatorsAndCrashes(t *testing.T) {
	rounds := uint64(15)
	if os.Getenv("BRIDGE_TEST_FULL") != "" {
		rounds = 150
	}
	for seed := range rounds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 11))
			w, o := newWorld(t, 100), newOffice(rng)
			w.fail = w.moody(rand.New(rand.NewPCG(seed, 12)))
			ms, later := trouble(rng, 5, 10)
			w.send(ms...)
			under := memory.New()
			for range 6 {
				o.untilCrash(t, w, under, int64(1+rng.IntN(12)))
			}
			w.send(later...)
			for range 4 {
				o.untilCrash(t, w, under, int64(1+rng.IntN(12)))
			}
			r := w.run(chaosConfig(under, w))
			o.settleAll(t, w, r, under)
			dups := o.checkAll(w, append(ms, later...), true)
			t.Logf("%d came twice, done: %v", dups, o.done)
		})
	}
}

// untilCrash works until the process dies, right after its n-th commit; or until
// it has had a while.
func (o *office) untilCrash(t *testing.T, w *world, under store.Store, n int64) {
	s := crashAfter(under, n)
	cfg := chaosConfig(s, w)
	cfg.Drain = 20 * time.Millisecond
	r := w.run(cfg)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	go func() {
		select {
		case <-s.dead:
		case <-ctx.Done():
		}
		cancel()
	}()
	for ctx.Err() == nil {
		o.work(ctx, r, under, false)
	}
	w.reconnect() // what the dead process would acknowledge is not heard
	if err := r.stop(); err != nil {
		var halt *ordering.HaltError
		if !errors.As(err, &halt) || halt.Reason != ordering.HaltStore {
			t.Errorf("it ended with %v", err)
		}
	}
}
