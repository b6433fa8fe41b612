package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// concurrentWritersKeepChains has writers race for the same lanes of two
// routes. Each version of a lane is made by exactly one of them, on top of the
// one before.
func concurrentWritersKeepChains(t *testing.T, s *subject) {
	const writers, lanes, rounds = 8, 5, 40
	_, err := s.Open(t.Context(), identity("other"))
	must(t, err)
	var stored [2 * lanes]atomic.Int64
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for round := range rounds {
				i := (w + round) % (2 * lanes)
				k := store.Key{Route: []string{orders, "other"}[i%2], Name: fmt.Sprint(i)}
				if err := race(t.Context(), s, k); err == nil {
					stored[i].Add(1)
				} else if !errors.Is(err, store.ErrConflict) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	var total int64
	for i := range stored {
		n := stored[i].Load()
		r := s.load(t, store.Key{Route: []string{orders, "other"}[i%2], Name: fmt.Sprint(i)})
		equal(t, []int64{int64(r.Version), int64(r.State.Next), int64(r.State.Parked)}, []int64{n, n, n})
		total += n
	}
	a := s.ledger(t)
	b, err := s.Ledger(t.Context(), "other")
	must(t, err)
	equal(t, []int64{a.Delivered + b.Delivered, a.Parked + b.Parked}, []int64{total, total})
}

// race moves a lane one version on, as any of several owners would.
func race(ctx context.Context, s store.Store, k store.Key) error {
	r, err := s.Load(ctx, k)
	if err != nil {
		return err
	}
	ms, err := s.Parked(ctx, k, 0, 0)
	if err != nil {
		return err
	}
	if uint64(len(ms)) < r.Version { // rows may be newer than the record, not older
		return fmt.Errorf("version %d with %d rows", r.Version, len(ms))
	}
	c := store.Change{Key: k, Version: r.Version, Record: &r, Ledger: store.Ledger{Delivered: 1}}
	r.State.Next++
	r.State.Highest = r.State.Next + 1<<20
	r.State.Parked++
	r.State.Lowest = r.State.Next + 1<<20
	c.Park = []store.Message{message(r.State.Next+1<<20, k.Name)}
	return s.Commit(ctx, c)[0]
}

// concurrentReadersSeeWholeChanges reads while a lane is written: what the
// record counts is there.
func concurrentReadersSeeWholeChanges(t *testing.T, s *subject) {
	k := key("a")
	var done atomic.Bool
	var wg sync.WaitGroup
	defer wg.Wait()
	defer done.Store(true)
	for range 2 {
		wg.Go(func() {
			for !done.Load() {
				r, err := s.Load(t.Context(), k)
				if err != nil {
					t.Error(err)
					return
				}
				f, err := s.Find(t.Context(), k, r.State.Next+100)
				if err != nil || r.Version > 0 && !f.Parked {
					t.Errorf("version %d: %+v %v", r.Version, f, err)
					return
				}
				for _, err := range s.Lanes(t.Context(), store.Query{Route: orders, Blocked: true}) {
					if err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	for v := range uint64(100) {
		c := park(k, v, message(lane.Revision(v)+102, "m"))
		c.Record.State.Mode = lane.Mode(v % 2)
		s.commit(t, c)
	}
}

func reopenKeepsEverything(t *testing.T, s *subject) {
	if s.reopen == nil {
		t.Skip("nothing is left to open")
	}
	k := key("a")
	r := full()
	r.State.Parked = 1
	r.State.Aside = 1
	c := store.Change{
		Key: k, Record: &r, Park: []store.Message{message(50, "m")}, Skip: []store.Skip{{From: 1, To: 2, At: start, By: "gap"}},
		Dead: []store.DeadLetter{dead("1", "a"), dead("2", "b")}, Ledger: store.Ledger{Delivered: 4, Filtered: 5},
	}
	s.commit(t, c, store.Change{Key: key(""), Mirrored: []store.Mirrored{mark(c.Dead[1])}})
	id, ledger := s.ID(), s.ledger(t)
	for v := range uint64(3) {
		s.Store = s.reopen(t, s.Store)
		l, err := s.Open(t.Context(), identity(orders))
		must(t, err)
		equal(t, l, ledger)
		equal(t, s.ID(), id)
		other := identity(orders)
		other.Source = "elsewhere"
		_, err = s.Open(t.Context(), other)
		is(t, err, store.ErrIdentity)
		r.Key, r.Version = k, v+1
		equal(t, s.load(t, k), r)
		equal(t, s.lanes(t, store.Query{Blocked: true}), []store.Key{k})
		ms, err := s.Parked(t.Context(), k, 0, 0)
		must(t, err)
		equal(t, ms, c.Park)
		skips, err := s.Skips(t.Context(), k)
		must(t, err)
		equal(t, skips, c.Skip)
		equal(t, s.deadIDs(t, store.Query{}), []string{"1", "2"})
		s.unmirrored(t, "1")
		is(t, s.Commit(t.Context(), store.Change{Key: k, Version: v, Record: &r})[0], store.ErrConflict)
		s.commit(t, store.Change{Key: k, Version: v + 1, Record: &r, Park: c.Park}) // replaced: counts nowhere
		equal(t, s.ledger(t), ledger)
		_, err = s.Open(t.Context(), identity(fmt.Sprint("route", v))) // numbers are not given twice
		must(t, err)
		l, err = s.Ledger(t.Context(), fmt.Sprint("route", v))
		must(t, err)
		equal(t, l, store.Ledger{})
	}
}
