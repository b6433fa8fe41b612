package bulk_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/bulk"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// Dead letters of one key that were given up in one instant go out of order in the
// order in which they came.
func TestLateOnesKeepTheirOrder(t *testing.T) {
	o := newOffice(t, func(c *ordering.Config) {
		c.OnGap, c.GapTimeout, c.Hold = lane.Skip, 20*time.Millisecond, time.Millisecond
	})
	o.send("a", 1)
	o.send("a", 20)
	o.await("a gap is skipped", func() bool { return o.ledger().Skipped == 18 })
	d := ordering.Deliveries{Acker: ignored{}}
	for rev := 2; rev <= 19; rev++ {
		m := message.NewMessage(fmt.Sprintf("a-%d", rev), []byte("body"))
		m.Metadata["key"], m.Metadata["revision"] = "a", strconv.Itoa(rev)
		o.token++
		d.Messages, d.Tokens = append(d.Messages, m), append(d.Tokens, o.token)
	}
	if err := o.take(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	o.await("all late", func() bool { return o.ledger().Dead == 18 })
	time.Sleep(2 * time.Millisecond)
	o.until(o.begin(bulk.Request{OutOfOrder: true}).ID, store.OperationDone)
	got := o.taken()
	if len(got) != 20 {
		t.Fatalf("the target has %q", got)
	}
	for i, g := range got[2:] {
		if g != fmt.Sprintf("a/%d", i+2) {
			t.Fatalf("the target has %q", got)
		}
	}
}

// moody is a target that refuses some of the messages, each of those up to so many
// times, and with another cause each time.
func moody(refuses func(key string, rev int) (times int)) func(string, int) error {
	seen := map[string]int{} // the office calls it under its mutex
	return func(key string, rev int) error {
		id := fmt.Sprintf("%s/%d", key, rev)
		if seen[id]++; seen[id] <= refuses(key, rev) {
			return givenUp("cause " + string(rune('a'+seen[id])))
		}
		return nil
	}
}

// Messages, operations, single redrives and starts of the route at once: nothing
// passes what its key waits for.
func TestI2_OperationsUnderLoad(t *testing.T) {
	for seed := range 4 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			o := newOffice(t, func(c *ordering.Config) { c.Hold = 2 * time.Millisecond })
			o.target(moody(func(key string, rev int) int {
				if (rev*7+len(key)+seed)%4 == 0 {
					return 1 + rev%3
				}
				return 0
			}))
			const keys, revs = 10, 60
			o.underLoad(uint64(seed), keys, revs)
			next := map[string]int{}
			for _, g := range o.taken() {
				var key string
				var rev int
				if _, err := fmt.Sscanf(g, "%2s/%d", &key, &rev); err != nil {
					t.Fatal(err)
				}
				if next[key]++; rev != next[key] {
					t.Fatalf("I2: %s came when %d was next", g, next[key])
				}
			}
			o.accounted()
			o.checkGroups()
		})
	}
}

// underLoad sends and redrives until all is delivered.
func (o *office) underLoad(seed uint64, keys, revs int) {
	o.t.Helper()
	rng := rand.New(rand.NewPCG(seed, 3))
	var live sync.RWMutex // the route does not start again meanwhile
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(o.t.Context())
	defer wg.Wait()
	defer cancel()
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
	because := ordering.Operation{By: "bob", Reason: why, OutOfOrder: true}
	wg.Go(func() {
		for ctx.Err() == nil {
			for d, err := range o.store.DeadLetters(ctx, store.Query{Route: route, Limit: 3}) {
				if err != nil {
					break // it ends
				}
				live.RLock()
				soon, stop := context.WithTimeout(ctx, time.Second)
				_, _ = o.resequencer().Redrive(soon, d.ID, because) // an operation may be quicker
				stop()
				live.RUnlock()
			}
			time.Sleep(time.Millisecond)
		}
	})
	o.await("all is delivered", func() bool {
		o.begin(bulk.Request{StopAt: 1, OutOfOrder: rng.IntN(2) == 0})
		time.Sleep(20 * time.Millisecond)
		if rng.IntN(8) == 0 {
			live.Lock()
			o.reopen()
			live.Unlock()
		}
		return o.ledger().Delivered == int64(keys*revs)
	})
}
