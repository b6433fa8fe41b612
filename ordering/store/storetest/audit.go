package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/brokerbridge/bridge/ordering/store"
)

// seqs are the numbers of audit rows.
func seqs(rows []store.Audit) (ns []uint64) {
	for _, a := range rows {
		ns = append(ns, a.Seq)
	}
	return ns
}

func auditComesBackWhole(t *testing.T, s *subject) {
	a := act("skip", "a\x00b")
	a.Seq, a.Route, a.Epoch = 99, "elsewhere", 1<<32-1 // seq and route are the store's
	a.Count, a.Hash[0] = 7, 1                          // so is the hash
	bare := store.Audit{Action: "release"}
	s.commit(t, store.Change{Key: key(""), Audit: []store.Audit{a, bare}})
	rows := chained(a, bare)
	a, bare = rows[0], rows[1]
	equal(t, s.audits(t, store.AuditQuery{}), []store.Audit{a, bare})
	equal(t, s.audits(t, store.AuditQuery{Route: orders, Key: a.Key}), []store.Audit{a})
}

// auditGoesWithItsChange: nothing is done unseen, and nothing is recorded that
// was not done.
func auditGoesWithItsChange(t *testing.T, s *subject) {
	change := func(name string, version uint64, rows ...store.Audit) store.Change {
		c := step(key(name), version)
		c.Audit = rows
		return c
	}
	s.commit(t, change("a", 0, act("skip", "a")))
	errs := s.Commit(t.Context(),
		change("a", 0, act("redrive", "a"), act("redrive", "a")), // stale
		change("b", 0, act("skip", "b"), act("release", "b")),
		change("b", 1, act("discard", "b"))) // a lane named twice
	if !errors.Is(errs[0], store.ErrConflict) || errs[1] != nil || errs[2] == nil {
		t.Fatal(errs)
	}
	s.commit(t, change("a", 1), change("b", 1, act("discard", "b")))
	var did []string
	rows := s.audits(t, store.AuditQuery{Route: orders})
	for _, a := range rows {
		did = append(did, a.Action+" "+a.Key)
	}
	equal(t, did, []string{"skip a", "skip b", "release b", "discard b"})
	equal(t, seqs(rows), []uint64{1, 2, 3, 4})
}

func auditsPageBySeq(t *testing.T, s *subject) {
	const n = 600
	var want []uint64
	c := store.Change{Key: key("")}
	for i := range n {
		c.Audit = append(c.Audit, act("redrive", fmt.Sprint(i%3)))
		if len(c.Audit) == 50 {
			s.commit(t, c)
			c.Audit = nil
		}
		want = append(want, uint64(i)+1)
	}
	equal(t, seqs(s.audits(t, store.AuditQuery{})), want)
	for _, q := range []store.AuditQuery{{}, {Route: orders}, {Route: orders, Key: "1"}, {Key: "1"}} {
		all := s.audits(t, q)
		for _, limit := range []int{1, 7, 256, n} {
			var got []store.Audit
			for p := q; ; p.After = got[len(got)-1].Seq {
				p.Limit = limit
				page := s.audits(t, p)
				if len(page) == 0 {
					break
				}
				if len(page) > limit || page[0].Seq <= p.After {
					t.Fatalf("after %d, limit %d: %d rows from %d", p.After, limit, len(page), page[0].Seq)
				}
				got = append(got, page...)
			}
			equal(t, got, all)
			slices.Reverse(got)
			equal(t, s.newest(t, q, limit), got)
		}
	}
	equal(t, len(s.audits(t, store.AuditQuery{Route: orders, Key: "1"})), n/3)
	equal(t, len(s.audits(t, store.AuditQuery{After: n})), 0)
	equal(t, len(s.audits(t, store.AuditQuery{After: ^uint64(0)})), 0)
}

// newest are the rows of a query, the last ones first, page by page.
func (s *subject) newest(t *testing.T, q store.AuditQuery, limit int) (got []store.Audit) {
	t.Helper()
	for q.Newest, q.Limit = true, limit; ; q.Before = got[len(got)-1].Seq {
		page := s.audits(t, q)
		if len(page) == 0 {
			return got
		}
		got = append(got, page...)
	}
}

func auditsByRouteAndKey(t *testing.T, s *subject) {
	_, err := s.Open(t.Context(), identity("other"))
	must(t, err)
	elsewhere := store.Key{Route: "other"}
	names := []string{"a", "a\x00", "ab", "\xff", strings.Repeat("k", 4096)}
	for _, name := range names {
		s.commit(t,
			store.Change{Key: key(""), Audit: []store.Audit{act("skip", name)}},
			store.Change{Key: elsewhere, Audit: []store.Audit{act("skip", name)}})
	}
	for i, name := range names {
		here, there := uint64(2*i)+1, uint64(2*i)+2
		equal(t, seqs(s.audits(t, store.AuditQuery{Route: orders, Key: name})), []uint64{here})
		equal(t, seqs(s.audits(t, store.AuditQuery{Route: "other", Key: name})), []uint64{there})
		equal(t, seqs(s.audits(t, store.AuditQuery{Key: name})), []uint64{here, there})
	}
	equal(t, len(s.audits(t, store.AuditQuery{Route: "other"})), len(names))
	equal(t, len(s.audits(t, store.AuditQuery{Route: orders, Key: "b"})), 0)
}

// concurrentAuditsHaveNoHole has operators act on two routes at once; half of
// what they try is stale.
func concurrentAuditsHaveNoHole(t *testing.T, s *subject) {
	const operators, rounds = 6, 30
	_, err := s.Open(t.Context(), identity("other"))
	must(t, err)
	var wg sync.WaitGroup
	for o := range operators {
		wg.Go(func() {
			k := store.Key{Route: []string{orders, "other"}[o%2], Name: fmt.Sprint(o)}
			for v := range uint64(rounds) {
				good, stale := step(k, v), step(k, v)
				good.Audit, stale.Audit = []store.Audit{act("good", k.Name)}, []store.Audit{act("stale", k.Name)}
				if err := s.Commit(t.Context(), good)[0]; err != nil {
					t.Error(err)
				}
				if err := s.Commit(t.Context(), stale)[0]; !errors.Is(err, store.ErrConflict) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	rows := s.audits(t, store.AuditQuery{})
	equal(t, len(rows), operators*rounds)
	for i, a := range rows {
		equal(t, []any{a.Seq, a.Action}, []any{uint64(i) + 1, "good"})
	}
	for o := range operators {
		q := store.AuditQuery{Route: []string{orders, "other"}[o%2], Key: fmt.Sprint(o)}
		equal(t, len(s.audits(t, q)), rounds)
	}
}

// reopenKeepsAuditsAndPositions: what a new process adds is numbered on.
func reopenKeepsAuditsAndPositions(t *testing.T, s *subject) {
	if s.reopen == nil {
		t.Skip("nothing is left to open")
	}
	at := []store.Position{position(1, 0, 5), position(2, 7, 9)}
	must(t, s.SavePositions(t.Context(), orders, at...))
	s.commit(t, store.Change{Key: key(""), Audit: []store.Audit{act("skip", "a"), act("release", "b")}})
	want := s.audits(t, store.AuditQuery{})
	for v := range uint64(3) {
		s.Store = s.reopen(t, s.Store)
		equal(t, s.positions(t, orders), at)
		equal(t, s.audits(t, store.AuditQuery{}), want)
		s.commit(t, store.Change{Key: key(""), Audit: []store.Audit{act("discard", "c")}})
		want = s.audits(t, store.AuditQuery{})
		equal(t, []uint64{uint64(len(want)), want[len(want)-1].Seq}, []uint64{v + 3, v + 3})
		equal(t, len(s.audits(t, store.AuditQuery{Route: orders, Key: "c"})), int(v)+1)
		at[0].Next++
		must(t, s.SavePositions(t.Context(), orders, at[0]))
	}
}
