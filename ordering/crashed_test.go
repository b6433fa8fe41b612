package ordering_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// crashing is a store whose process dies right after the n-th commit: that one
// is durable, nobody hears of it, and nothing follows.
type crashing struct {
	store.Store
	left atomic.Int64
	dead chan struct{}
}

func crashAfter(s store.Store, commits int64) *crashing {
	c := &crashing{Store: s, dead: make(chan struct{})}
	c.left.Store(commits)
	return c
}

// over reports whether it has died.
func (c *crashing) over() bool {
	select {
	case <-c.dead:
		return true
	default:
		return false
	}
}

func (c *crashing) Commit(ctx context.Context, cs ...store.Change) []error {
	left := c.left.Add(-1)
	if left < 0 {
		<-ctx.Done()
	} else if errs := c.Store.Commit(ctx, cs...); left > 0 {
		return errs
	}
	if left == 0 {
		close(c.dead)
		<-ctx.Done()
	}
	errs := make([]error, len(cs))
	for i := range errs {
		errs[i] = store.ErrClosed
	}
	return errs
}

// TestI1_I3_I10_Crashed dies after each of the first commits, with everything
// unacknowledged: nothing is lost, little comes twice, and the books balance.
func TestI1_I3_I10_Crashed(t *testing.T) {
	for n := int64(1); n <= 15; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(uint64(n), 7))
			w := newWorld(t, 200)
			ms := stream(20, 30)
			for i := range 10 {
				ms = append(ms, ms[i*50])
			}
			ms = append(shuffled(rng, ms, 300), sent{key: "", rev: 1, body: "no key"})
			w.send(ms...)
			under := memory.New()
			s := crashAfter(under, n)
			cfg := config(s, w)
			cfg.Chunk = 1 // else there are too few commits
			cfg.Drain = 20 * time.Millisecond
			r := w.run(cfg)
			<-s.dead
			w.reconnect() // what the dead process would acknowledge is not heard
			_ = r.stop()

			cfg = config(under, w)
			r = w.run(cfg)
			st := r.rest(t, w)
			await(t, "all", func() bool {
				st, _ = r.Stats(t.Context())
				return st.Ledger.Parked == 0 && st.InMemory == 0
			})
			r.accounted(t)
			w.checkOrder(1)
			for k := range 20 {
				if got := w.revisions(fmt.Sprintf("k%d", k)); len(got) < 30 {
					t.Errorf("k%d got %v", k, got)
				}
			}
		})
	}
}
