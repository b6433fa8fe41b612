package bulk_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"math/rand/v2"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/bulk"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// R10: dead letters of one key and one instant go out of order in the order of their ids.
func TestR10_LateOnesInOrder(t *testing.T) {
	o := newOffice(t, func(c *ordering.Config) {
		c.OnGap, c.GapTimeout, c.Hold = lane.Skip, 20*time.Millisecond, time.Millisecond
	})
	o.send("a", 1)
	o.send("a", 20)
	o.await("skipped", func() bool { return o.ledger().Skipped == 18 })
	var d ordering.Deliveries
	for rev := 2; rev <= 19; rev++ {
		m := message.NewMessage(fmt.Sprintf("a-%d", rev), []byte("body"))
		m.Metadata["key"], m.Metadata["revision"] = "a", strconv.Itoa(rev)
		o.token++
		d.Messages, d.Tokens = append(d.Messages, m), append(d.Tokens, o.token)
	}
	d.Acker = ignored{}
	if err := o.take(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	o.await("late", func() bool { return o.ledger().Dead == 18 })
	time.Sleep(2 * time.Millisecond)
	o.until(o.begin(bulk.Request{OutOfOrder: true}).ID, store.OperationDone)
	last := 0
	for _, g := range o.got[2:] {
		rev, _ := strconv.Atoi(g[2:])
		if rev < last {
			t.Fatalf("%q", o.got)
		}
		last = rev
	}
}

// R11: two operations on different dead letters of the same key, both out of order.
func TestR11_TwoOutOfOrder(t *testing.T) {
	o := newOffice(t, goOn)
	o.dead(40, 1)
	var ids [2][]string
	i := 0
	for b := range o.store.Briefs(t.Context(), store.Query{Route: route}) {
		ids[i%2] = append(ids[i%2], b.ID)
		i++
	}
	o.target(nil)
	o.mu.Lock()
	o.pause, o.most = 2*time.Millisecond, 0
	o.mu.Unlock()
	a := o.begin(bulk.Request{OutOfOrder: true, Selection: store.Selection{IDs: ids[0]}})
	b := o.begin(bulk.Request{OutOfOrder: true, Selection: store.Selection{IDs: ids[1]}})
	o.until(a.ID, store.OperationDone)
	o.until(b.ID, store.OperationDone)
	if o.most != 1 {
		t.Errorf("%d of a key at once: %q", o.most, o.got)
	}
}

// order under live traffic, redrives in order only, restarts.
func TestPureOrder(t *testing.T) {
	for seed := range 4 {
		o := newOffice(t, func(c *ordering.Config) { c.Hold = 2 * time.Millisecond })
		rng := rand.New(rand.NewPCG(uint64(seed), 3))
		var mu sync.Mutex
		seen := map[string]int{}
		o.target(func(key string, rev int) error {
			mu.Lock()
			defer mu.Unlock()
			id := fmt.Sprint(key, rev)
			seen[id]++
			if (rev*7+len(key)+seed)%4 == 0 && seen[id] <= 1+rev%3 {
				return givenUp(fmt.Sprint("cause ", string(rune('a'+seen[id]))))
			}
			return nil
		})
		const keys, revs = 10, 60
		var live sync.RWMutex
		var wg sync.WaitGroup
		ctx, cancel := context.WithCancel(context.Background())
		wg.Go(func() {
			for rev := 1; rev <= revs; rev++ {
				for k := range keys {
					live.RLock()
					o.send(fmt.Sprintf("k%d", k), rev)
					live.RUnlock()
				}
				time.Sleep(3 * time.Millisecond)
			}
		})
		wg.Go(func() {
			for ctx.Err() == nil {
				for d := range o.store.DeadLetters(ctx, store.Query{Route: route, Limit: 3}) {
					live.RLock()
					c, stop := context.WithTimeout(ctx, time.Second)
					_, _ = o.resequencer().Redrive(c, d.ID, ordering.Operation{By: "x", Reason: "y", OutOfOrder: true})
					stop()
					live.RUnlock()
				}
				time.Sleep(time.Millisecond)
			}
		})
		for i := 0; i < 200 && o.ledger().Delivered < keys*revs; i++ {
			_, _ = o.Start(ctx, bulk.Request{Action: ordering.ActRedrive, StopAt: 1, By: "x", Reason: "y", OutOfOrder: rng.IntN(2) == 0})
			time.Sleep(20 * time.Millisecond)
			if rng.IntN(8) == 0 {
				live.Lock()
				o.close()
				o.open()
				live.Unlock()
			}
		}
		cancel()
		wg.Wait()
		next := map[string]int{}
		for _, g := range o.got {
			var k string
			var rev int
			_, _ = fmt.Sscanf(g, "%2s/%d", &k, &rev)
			if next[k]++; rev != next[k] {
				t.Fatalf("seed %d: I2: %s came when %d was next", seed, g, next[k])
			}
		}
		if n := o.ledger().Delivered; n != keys*revs {
			t.Errorf("%d delivered", n)
		}
		o.accounted()
		o.checkGroups(t)
		o.leave()
		o.close()
	}
}
