package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// full is a record with all its fields set.
func full() store.Record {
	r := store.Record{
		State: lane.State{
			Base: 3, Next: 40, Highest: lane.MaxRevision, Lowest: 42, Parked: 7, Aside: 2, Skips: 3,
			Mode: lane.Quarantined, Suspect: true, Reborn: true, First: [2]lane.Print{1, ^lane.Print(0)}, Blocked: 1 << 63,
		},
		Since: start, Due: start.Add(time.Hour + 1),
	}
	for i := range r.State.Recent {
		r.State.Recent[i] = lane.Print(i) * 0x9E3779B97F4A7C15
	}
	return r
}

func recordComesBackWhole(t *testing.T, s *subject) {
	at := func(k string, r store.Record) store.Record {
		r.Key, r.Version = key(k), 1
		return r
	}
	away := full()
	away.Since = start.In(time.FixedZone("away", 3600))
	for name, r := range map[string]store.Record{
		"full": full(), "fresh": {State: lane.Fresh(&lane.Rules{First: 1})},
		"suspect": {State: lane.State{Suspect: true}}, "reborn": {State: lane.State{Reborn: true}},
		"adopting": {State: lane.Fresh(&lane.Rules{Adopt: true})},
		"zero":     {State: lane.State{}}, "highest": {State: lane.State{Base: lane.MaxRevision, Next: lane.MaxRevision + 1, Highest: lane.MaxRevision}},
		"old": {Since: time.Unix(-1<<35, 7).UTC(), Due: time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC)},
	} {
		s.commit(t, store.Change{Key: key(name), Record: &r})
		equal(t, s.load(t, key(name)), at(name, r))
	}
	s.commit(t, store.Change{Key: key("away"), Record: &away})
	equal(t, s.load(t, key("away")), at("away", full()))
	equal(t, s.load(t, key("nobody")), store.Record{Key: key("nobody")})
}

// oddNames are keys that are easy to confuse, in their order.
func oddNames() []string {
	names := []string{
		"\x00", "\x00\x00", "\x00\x01", "\x00\xff", "\x01", "a", "a\x00", "a\x00\x00", "a\x00\x01", "a\x00\xff",
		"a\x01", "a\xff", "aa", "ab", "b", "orders", "orders|1", "é", "日本", "\xff", "\xff\x00", "\xff\xff",
		strings.Repeat("\x00", 4096), strings.Repeat("\xff", 4096), strings.Repeat("k", 4096), strings.Repeat("k", 4095) + "\x00",
	}
	slices.Sort(names)
	return names
}

func oddKeysAreApart(t *testing.T, s *subject) {
	var want []store.Key
	for i, name := range oddNames() {
		k := key(name)
		want = append(want, k)
		s.commit(t, store.Change{
			Key: k, Record: blocked(lane.Revision(i)), Park: []store.Message{message(lane.Revision(i)+1, name)},
			Skip: []store.Skip{{From: 0, To: lane.Revision(i), By: name}},
			Dead: []store.DeadLetter{dead(name, name)},
		})
	}
	equal(t, s.lanes(t, store.Query{}), want)
	equal(t, s.lanes(t, store.Query{Blocked: true}), want)
	equal(t, s.deadIDs(t, store.Query{}), oddNames())
	for i, name := range oddNames() {
		k := key(name)
		equal(t, s.load(t, k).State.Next, lane.Revision(i))
		ms, err := s.Parked(t.Context(), k, 0, 0)
		must(t, err)
		equal(t, ms, []store.Message{message(lane.Revision(i)+1, name)})
		skips, err := s.Skips(t.Context(), k)
		must(t, err)
		equal(t, skips, []store.Skip{{From: 0, To: lane.Revision(i), By: name}})
		equal(t, s.lanes(t, store.Query{Key: name}), []store.Key{k})
		equal(t, s.lanes(t, store.Query{After: name}), append([]store.Key(nil), want[i+1:]...))
		equal(t, s.deadIDs(t, store.Query{Key: name}), []string{name})
	}
}

// blocked is the record of a lane that waits for next and has one parked.
func blocked(next lane.Revision) *store.Record {
	return &store.Record{State: lane.State{Next: next, Highest: next + 1, Lowest: next + 1, Parked: 1, Mode: lane.Gap}}
}

func epochsAreApart(t *testing.T, s *subject) {
	var want []store.Key
	for i, epoch := range []uint32{0, 1, 255, 256, 1 << 31, 1<<32 - 1} {
		k := store.Key{Route: orders, Name: "a", Epoch: epoch}
		want = append(want, k)
		c := store.Change{Key: k, Record: blocked(lane.Revision(i)), Park: []store.Message{message(lane.Revision(i)+1, fmt.Sprint(epoch))}}
		s.commit(t, c)
		is(t, s.Commit(t.Context(), c)[0], store.ErrConflict)
	}
	equal(t, s.lanes(t, store.Query{Key: "a"}), want)
	for i, k := range want {
		ms, err := s.Parked(t.Context(), k, 0, 0)
		must(t, err)
		equal(t, ms, []store.Message{message(lane.Revision(i)+1, fmt.Sprint(k.Epoch))})
	}
}

func routesAreApart(t *testing.T, s *subject) {
	for _, route := range []string{"orders2", "order", "a\x00b", ""} {
		_, err := s.Open(t.Context(), identity(route))
		must(t, err)
		k := store.Key{Route: route, Name: "a"}
		c := store.Change{Key: k, Record: blocked(1), Park: []store.Message{message(2, route)}, Dead: []store.DeadLetter{dead("d", "a")}}
		mine := step(key(route+"!"), 0)
		s.commit(t, c, mine)
		l, err := s.Ledger(t.Context(), route)
		must(t, err)
		equal(t, []int64{l.Parked, l.Dead}, []int64{1, 1})
		n := 0
		for r, err := range s.Lanes(t.Context(), store.Query{Route: route}) {
			must(t, err)
			equal(t, r.Key, k)
			n++
		}
		equal(t, n, 1)
		d, err := s.DeadLetter(t.Context(), route, "d")
		must(t, err)
		equal(t, d.Route, route)
	}
	equal(t, s.ledger(t), store.Ledger{})
	equal(t, len(s.lanes(t, store.Query{})), 4)
}

func lanesInOrderOfKeys(t *testing.T, s *subject) {
	for _, name := range []string{"c", "a", "b"} {
		s.commit(t, step(key(name), 0))
	}
	equal(t, s.lanes(t, store.Query{}), []store.Key{key("a"), key("b"), key("c")})
	equal(t, s.lanes(t, store.Query{After: "a"}), []store.Key{key("b"), key("c")})
	equal(t, s.lanes(t, store.Query{After: "aa", Limit: 1}), []store.Key{key("b")})
	equal(t, len(s.lanes(t, store.Query{After: "c"})), 0)
	equal(t, len(s.lanes(t, store.Query{Key: "b", After: "b"})), 0)
	equal(t, len(s.lanes(t, store.Query{Key: "ab"})), 0)
}

func lanesPageByKey(t *testing.T, s *subject) {
	var all []store.Key
	for i := range 10 {
		for epoch := range uint32(i%3 + 1) {
			k := store.Key{Route: orders, Name: fmt.Sprint("k", i), Epoch: epoch}
			s.commit(t, step(k, 0))
			all = append(all, k)
		}
	}
	for limit := range 5 {
		var got []store.Key
		for after := ""; ; after = got[len(got)-1].Name {
			page := s.lanes(t, store.Query{After: after, Limit: limit + 1})
			if len(page) == 0 {
				break
			}
			got = append(got, page...)
		}
		equal(t, got, all)
	}
}

func blockedLanesAreListed(t *testing.T, s *subject) {
	modes := []lane.Mode{lane.Flowing, lane.Adopting, lane.Gap, lane.Waiting, lane.Quarantined, lane.GapBlocked, lane.Locked}
	var want []store.Key
	for _, m := range modes {
		r := flowing(2)
		r.State.Mode = m
		k := key(fmt.Sprint("mode", m))
		s.commit(t, store.Change{Key: k, Record: r})
		if m != lane.Flowing {
			want = append(want, k)
		}
	}
	draining := blocked(1)
	draining.State.Mode = lane.Flowing
	s.commit(t, store.Change{Key: key("parked"), Record: draining})
	want = append(want, key("parked"))
	slices.SortFunc(want, func(a, b store.Key) int { return strings.Compare(a.Name, b.Name) })
	equal(t, s.lanes(t, store.Query{Blocked: true}), want)
	equal(t, s.lanes(t, store.Query{Blocked: true, After: want[1].Name, Limit: 2}), want[2:4])
	equal(t, s.lanes(t, store.Query{Blocked: true, Key: "parked"}), []store.Key{key("parked")})
	equal(t, len(s.lanes(t, store.Query{Blocked: true, Key: "mode" + lane.Flowing.String()})), 0)
	for _, k := range want {
		s.commit(t, step(k, 1))
	}
	equal(t, len(s.lanes(t, store.Query{Blocked: true})), 0)
	s.commit(t, store.Change{Key: key("parked"), Version: 2, Record: draining})
	equal(t, s.lanes(t, store.Query{Blocked: true}), []store.Key{key("parked")})
}

func manyLanesAreListed(t *testing.T, s *subject) {
	const n = 1500
	var changes []store.Change
	for i := range n {
		k := key(fmt.Sprintf("k%05d", i))
		changes = append(changes, store.Change{Key: k, Record: blocked(1), Dead: []store.DeadLetter{dead(k.Name, k.Name)}})
	}
	s.commit(t, changes...)
	equal(t, len(s.lanes(t, store.Query{})), n)
	equal(t, len(s.lanes(t, store.Query{Blocked: true})), n)
	equal(t, len(s.deadIDs(t, store.Query{})), n)
	for _, err := range s.Lanes(t.Context(), store.Query{Route: orders}) {
		must(t, err)
		break // a listing may be left early
	}
	for r, err := range s.Lanes(t.Context(), store.Query{Route: orders, Limit: 300}) {
		must(t, err)
		s.commit(t, step(r.Key, 1)) // and the store used meanwhile
	}
	equal(t, len(s.lanes(t, store.Query{Blocked: true})), n-300)
}
