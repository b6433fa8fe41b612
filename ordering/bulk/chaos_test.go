package bulk_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/bulk"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
	"github.com/brokerbridge/bridge/ordering/store/pebble"
	"github.com/brokerbridge/bridge/ordering/store/storefault"
)

// TestChaos lets messages come and fail, three people redrive, discard, archive,
// restore, edit and purge, operations begin, pause and end, commits fail and all
// start again, at once: the books balance, nothing comes twice, and the groups say
// what there is. BRIDGE_TEST_FULL=1 plays more of it.
func TestChaos(t *testing.T) {
	seeds := uint64(4)
	if os.Getenv("BRIDGE_TEST_FULL") != "" {
		seeds = 60
	}
	for seed := range seeds {
		for name, f := range map[string]lane.Resolve{"quarantine": lane.Quarantine, "continue": lane.Continue} {
			t.Run(fmt.Sprintf("%d/%s", seed, name), func(t *testing.T) {
				t.Parallel()
				c := newChaos(t, seed, f)
				c.play()
				c.drain()
				c.check()
				if c.disk {
					c.restart(true)
					c.checkGroups()
				}
			})
		}
	}
}

const chaosKeys, chaosRevs = 12, 40

type chaos struct {
	*office
	seed         uint64
	rng          *rand.Rand
	disk, purges bool
	dir          string
	base         store.Store
	fault        *storefault.Store
	live         sync.RWMutex // nothing starts again meanwhile
	ops          []string
}

func newChaos(t *testing.T, seed uint64, f lane.Resolve) *chaos {
	t.Helper()
	c := &chaos{
		seed: seed, rng: rand.New(rand.NewPCG(seed, 1)), disk: seed%2 == 0, purges: seed%4 >= 2,
		dir: t.TempDir(), base: memory.New(),
	}
	t.Cleanup(func() { // after the office has closed
		if c.disk {
			_ = c.base.Close()
		}
	})
	c.office = newOffice(t, func(cfg *ordering.Config) {
		cfg.OnFailure, cfg.Events, cfg.Hold = f, true, 5*time.Millisecond
	})
	c.leave()
	c.close()
	c.mount()
	c.open()
	c.staff()
	c.target(moody(func(key string, rev int) int {
		h := int((uint64(rev)*7919 + uint64(key[1])*131 + seed) % 5)
		if h%3 == 0 {
			return h + 1
		}
		return 0
	}))
	return c
}

// mount opens the store.
func (c *chaos) mount() {
	c.t.Helper()
	if c.disk {
		s, err := pebble.Open(c.dir, pebble.Options{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			c.t.Fatal(err)
		}
		c.base = s
	}
	c.fault = storefault.Wrap(c.base, storefault.Plan{})
	c.store = c.fault
}

// restart starts the route again, or all with its store.
func (c *chaos) restart(all bool) {
	c.t.Helper()
	c.live.Lock()
	defer c.live.Unlock()
	if !all {
		c.reopen()
		return
	}
	c.leave()
	c.close()
	if c.disk {
		if err := c.base.Close(); err != nil {
			c.t.Error(err)
		}
		c.mount()
	}
	c.checkGroups()
	c.open()
	c.staff()
}

// play does it all at once.
func (c *chaos) play() {
	c.t.Helper()
	ctx, cancel := context.WithCancel(c.t.Context())
	var wg sync.WaitGroup
	wg.Go(c.traffic)
	for i := range uint64(3) {
		rng := rand.New(rand.NewPCG(c.seed, i+10))
		wg.Go(func() {
			for ctx.Err() == nil {
				c.operator(ctx, rng)
				time.Sleep(time.Duration(rng.IntN(4)) * time.Millisecond)
			}
		})
	}
	for range 14 {
		time.Sleep(time.Duration(20+c.rng.IntN(50)) * time.Millisecond)
		c.operations()
		switch c.rng.IntN(6) {
		case 0:
			c.restart(false)
		case 1:
			c.restart(true)
		case 2, 3:
			c.fault.Set(storefault.Plan{
				At: 1 + c.rng.IntN(3), Times: 1 + c.rng.IntN(2), Changes: c.rng.IntN(2) == 0,
				How: [...]storefault.How{storefault.Before, storefault.After}[c.rng.IntN(2)],
			})
		}
	}
	cancel()
	wg.Wait()
	c.fault.Set(storefault.Plan{})
}

func (c *chaos) traffic() {
	for rev := 1; rev <= chaosRevs; rev++ {
		for k := range chaosKeys {
			c.live.RLock()
			c.send("k"+string(rune('a'+k)), rev)
			c.live.RUnlock()
		}
		time.Sleep(8 * time.Millisecond)
	}
}

// operator does something with a dead letter, and now and then restores one. Others
// may be quicker, and commits fail.
func (c *chaos) operator(ctx context.Context, rng *rand.Rand) {
	c.live.RLock()
	defer c.live.RUnlock()
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	because, seq := ordering.Operation{By: "bob", Reason: why}, c.resequencer()
	var dead []store.DeadLetter
	for d, err := range c.store.DeadLetters(ctx, store.Query{Route: route}) {
		if err == nil {
			dead = append(dead, d)
		}
	}
	if len(dead) > 0 {
		d, op := dead[rng.IntN(len(dead))], because
		op.OutOfOrder = rng.IntN(2) == 0
		switch n := rng.IntN(12); {
		case n == 0:
			_, _ = seq.Discard(ctx, d.ID, op)
		case n <= 2:
			_, _ = seq.Archive(ctx, d.ID, op)
		case n <= 4:
			_, _ = seq.Edit(ctx, d.ID, ordering.Content{Metadata: d.Metadata, Payload: []byte("edited")}, op)
		case n == 5 && c.purges:
			_, _ = seq.Purge(ctx, d.Key, op)
		case n > 5:
			_, _ = seq.Redrive(ctx, d.ID, op)
		}
	}
	var kept []store.Archived
	for a, err := range c.store.Archive(ctx, store.Query{Route: route}) {
		if err == nil {
			kept = append(kept, a)
		}
	}
	if len(kept) > 0 && rng.IntN(3) == 0 {
		_, _ = seq.Restore(ctx, kept[rng.IntN(len(kept))].ID, because)
	}
}

// operations begins one, and pauses, resumes or cancels another.
func (c *chaos) operations() {
	ctx, acts := c.t.Context(), [...]ordering.Act{ordering.ActRedrive, ordering.ActRedrive, ordering.ActRedrive, ordering.ActDiscard, ordering.ActArchive}
	q := bulk.Request{Action: acts[c.rng.IntN(len(acts))], StopAt: 1, By: "ann", Reason: why}
	q.OutOfOrder = q.Action == ordering.ActRedrive && c.rng.IntN(2) == 0
	if c.rng.IntN(2) == 0 {
		q.Rate = 200
	}
	if op, err := c.Start(ctx, q); err == nil {
		c.ops = append(c.ops, op.ID)
	}
	if len(c.ops) == 0 || c.rng.IntN(3) > 0 {
		return
	}
	id := c.ops[c.rng.IntN(len(c.ops))]
	_, _ = c.Pause(ctx, id, "bob", why)
	if c.rng.IntN(5) == 0 {
		_, _ = c.Cancel(ctx, id, "bob", why)
	} else {
		_, _ = c.Resume(ctx, id, "bob", why)
	}
}

// drain has all operations end, and others, until nothing is left.
func (c *chaos) drain() {
	c.t.Helper()
	for _, id := range c.ops {
		_, _ = c.Resume(c.t.Context(), id, "bob", why) // most have ended
	}
	for _, id := range c.ops {
		c.await("it has ended", func() bool { return !c.now(id).Ended.IsZero() })
		c.adds(c.now(id))
	}
	for i := 0; i < 60 && (c.ledger().Dead > 0 || c.ledger().Parked > 0); i++ {
		c.adds(c.until(c.begin(bulk.Request{OutOfOrder: i%2 == 1, StopAt: 1}).ID, store.OperationDone))
		time.Sleep(20 * time.Millisecond)
	}
	c.accounted()
}
