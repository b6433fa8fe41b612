package bulk_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
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

func (o *office) checkGroups(t *testing.T) {
	t.Helper()
	type g struct{ dead, keys, parked int64 }
	want := map[string]g{}
	type at struct {
		k string
		e uint32
		r lane.Revision
	}
	prints := map[at]string{}
	for d, err := range o.store.DeadLetters(context.Background(), store.Query{Route: route}) {
		if err != nil {
			t.Fatal(err)
		}
		x := want[d.Fingerprint]
		x.dead++
		want[d.Fingerprint] = x
		if d.Lane {
			prints[at{d.Key, d.Epoch, d.Rev}] = d.Fingerprint
		}
	}
	for rec, err := range o.store.Lanes(context.Background(), store.Query{Route: route}) {
		if err != nil {
			t.Fatal(err)
		}
		if rec.State.Mode == lane.Quarantined {
			f := prints[at{rec.Key.Name, rec.Key.Epoch, rec.State.Next}]
			x := want[f]
			x.keys++
			x.parked += int64(rec.State.Parked)
			want[f] = x
		}
	}
	gs, err := o.store.Groups(context.Background(), route)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]g{}
	for _, x := range gs {
		got[x.Fingerprint] = g{x.Dead, x.Keys, x.Parked}
	}
	for f, w := range want {
		if got[f] != w {
			t.Errorf("group %q: %+v, want %+v", f, got[f], w)
		}
	}
	for f, x := range got {
		if _, ok := want[f]; !ok {
			t.Errorf("group %q: %+v, want none", f, x)
		}
	}
}

func chaos(t *testing.T, seed uint64, onFailure lane.Resolve, disk, purges bool) {
	rng := rand.New(rand.NewPCG(seed, 1))
	var base store.Store = memory.New()
	dir := t.TempDir()
	open := func() {
		if disk {
			s, err := pebble.Open(dir, pebble.Options{Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			base = s
		}
	}
	open()
	o := newOffice(t, func(c *ordering.Config) { c.OnFailure = onFailure; c.Events = true; c.Hold = 5 * time.Millisecond })
	o.leave()
	o.close()
	fault := storefault.Wrap(base, storefault.Plan{})
	o.store = fault
	o.open()
	o.staff()
	var mu sync.Mutex
	errOf := map[string]int{}
	o.target(func(key string, rev int) error {
		mu.Lock()
		defer mu.Unlock()
		id := fmt.Sprintf("%s/%d", key, rev)
		errOf[id]++
		h := (uint64(rev)*7919 + uint64(len(key))*31 + uint64(key[len(key)-1])*131 + seed) % 5
		if int(h)%3 == 0 && errOf[id] <= int(h)+1 {
			return givenUp("cause " + strings.Repeat("x", errOf[id]))
		}
		return nil
	})
	const keys, revs = 12, 40
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	var live sync.RWMutex // restarts
	wg.Go(func() {
		for rev := 1; rev <= revs; rev++ {
			for k := range keys {
				live.RLock()
				o.send("k"+string(rune('a'+k)), rev)
				live.RUnlock()
			}
			time.Sleep(8 * time.Millisecond)
		}
	})
	because := ordering.Operation{By: "x", Reason: "y"}
	for g := range 3 {
		r := rand.New(rand.NewPCG(seed, uint64(g)+10))
		wg.Go(func() {
			for ctx.Err() == nil {
				live.RLock()
				seq := o.resequencer()
				var ls []store.DeadLetter
				for d, err := range o.store.DeadLetters(ctx, store.Query{Route: route}) {
					if err == nil {
						ls = append(ls, d)
					}
				}
				c, stop := context.WithTimeout(ctx, 3*time.Second)
				if len(ls) > 0 {
					d := ls[r.IntN(len(ls))]
					op := because
					op.OutOfOrder = r.IntN(2) == 0
					switch r.IntN(12) {
					case 0:
						_, _ = seq.Discard(c, d.ID, op)
					case 1, 2:
						_, _ = seq.Archive(c, d.ID, op)
					case 3, 4:
						_, _ = seq.Edit(c, d.ID, ordering.Content{Metadata: d.Metadata, Payload: []byte("edited")}, op)
					case 5:
						if purges {
							_, _ = seq.Purge(c, d.Key, op)
						}
					default:
						_, _ = seq.Redrive(c, d.ID, op)
					}
				}
				var as []store.Archived
				for a, err := range o.store.Archive(ctx, store.Query{Route: route}) {
					if err == nil {
						as = append(as, a)
					}
				}
				if len(as) > 0 && r.IntN(3) == 0 {
					_, _ = seq.Restore(c, as[r.IntN(len(as))].ID, because)
				}
				stop()
				live.RUnlock()
				time.Sleep(time.Duration(r.IntN(4)) * time.Millisecond)
			}
		})
	}
	var ops []string
	for range 14 {
		time.Sleep(time.Duration(20+rng.IntN(50)) * time.Millisecond)
		q := bulk.Request{Action: []ordering.Act{ordering.ActRedrive, ordering.ActRedrive, ordering.ActRedrive, ordering.ActDiscard, ordering.ActArchive}[rng.IntN(5)], StopAt: 1, By: "b", Reason: why}
		q.OutOfOrder = q.Action == ordering.ActRedrive && rng.IntN(2) == 0
		if rng.IntN(2) == 0 {
			q.Rate = 200
		}
		op, err := o.Start(context.Background(), q)
		if err == nil {
			ops = append(ops, op.ID)
		}
		if len(ops) > 0 && rng.IntN(3) == 0 {
			id := ops[rng.IntN(len(ops))]
			_, _ = o.Pause(context.Background(), id, "x", "y")
			if rng.IntN(5) == 0 {
				_, _ = o.Cancel(context.Background(), id, "x", "y")
			} else {
				_, _ = o.Resume(context.Background(), id, "x", "y")
			}
		}
		sw := rng.IntN(6)
		if os.Getenv("NOFAULT") != "" && sw >= 2 {
			sw = 9
		}
		if os.Getenv("NORESTART") != "" && sw < 2 {
			sw = 9
		}
		switch sw {
		case 0:
			live.Lock()
			o.close()
			o.open()
			live.Unlock()
		case 1:
			live.Lock()
			o.leave()
			o.close()
			if disk {
				if err := base.Close(); err != nil {
					t.Error(err)
				}
				open()
				fault = storefault.Wrap(base, storefault.Plan{})
				o.store = fault
			}
			o.checkGroups(t)
			o.open()
			o.staff()
			live.Unlock()
		case 2, 3:
			fault.Set(storefault.Plan{At: 1 + rng.IntN(3), Times: 1 + rng.IntN(2), How: storefault.How(rng.IntN(2)), Changes: rng.IntN(2) == 0})
		}
	}
	cancel()
	wg.Wait()
	fault.Set(storefault.Plan{})
	for _, id := range ops {
		_, _ = o.Resume(context.Background(), id, "x", "y")
	}
	for _, id := range ops {
		var p bulk.Progress
		o.await("ended", func() bool { p, _ = o.Get(context.Background(), id); return p.State.Ended() })
		if sum(p) != p.Total {
			t.Logf("SUM %s %s: total %d %v", p.Action, p.State, p.Total, counts(p))
		}
	}
	// drain: redrive all, out of order too, until nothing is left
	for i := 0; i < 60 && (o.ledger().Dead > 0 || o.ledger().Parked > 0); i++ {
		p := o.until(o.begin(bulk.Request{OutOfOrder: i%2 == 1, StopAt: 1}).ID, store.OperationDone)
		if sum(p) != p.Total {
			t.Logf("SUM drain: total %d %v", p.Total, counts(p))
		}
		time.Sleep(20 * time.Millisecond)
	}
	o.accounted()
	o.checkGroups(t)
	l := o.ledger()
	if dup := o.twice(); len(dup) > 0 {
		t.Errorf("twice: %q", dup)
	}
	// order without what went out of order or was restored is not checked here
	orig := int64(0)
	for a, err := range o.store.Archive(context.Background(), store.Query{Route: route}) {
		if err == nil && a.Original != "" {
			orig++
		}
	}
	kept := l.Kept - orig
	o.mu.Lock()
	got := int64(len(o.got))
	o.mu.Unlock()
	if got != l.Delivered {
		t.Errorf("delivered %d, the target has %d", l.Delivered, got)
	}
	if n := got + l.Discarded + kept + l.Purged + l.Dead + l.Parked; !purges && n != keys*revs {
		t.Errorf("%d of %d: %+v kept %d", n, keys*revs, l, kept)
	}
	es, _ := o.store.Events(context.Background(), route, 0, 0)
	n := map[string]int64{}
	last := uint64(0)
	for _, e := range es {
		n[e.Type]++
		if e.Seq != last+1 {
			t.Errorf("event %d behind %d", e.Seq, last)
		}
		last = e.Seq
	}
	if n["discard"] != l.Discarded || n["archive"] != l.Archived || int64(len(es)) != l.Unsent || n["dead_letter"] < l.DeadLettered-l.Restored-orig {
		t.Errorf("events %v, %+v", n, l)
	}
	t.Logf("seed %d: %v %+v", seed, n, l)
	if disk {
		o.leave()
		o.close()
		_ = base.Close()
		open()
		o.store = base
		o.checkGroups(t)
		o.open()
		o.staff()
		t.Cleanup(func() { o.leave(); o.close(); _ = base.Close() })
	}
}

func TestChaos(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("SEEDS"))
	from, _ := strconv.Atoi(os.Getenv("FROM"))
	for i := range max(n, 1) {
		seed := uint64(from + i)
		for _, f := range []lane.Resolve{lane.Quarantine, lane.Continue} {
			t.Run(fmt.Sprintf("%d/%v/disk%v", seed, f, i%2 == 0), func(t *testing.T) { chaos(t, seed, f, i%2 == 0, i%4 >= 2) })
		}
	}
}
