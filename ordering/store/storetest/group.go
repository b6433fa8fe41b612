package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// failed is a dead letter with a cause, given up so many minutes in.
func failed(id, key, cause string, minute int) store.DeadLetter {
	d := dead(id, key)
	d.Class, d.Target, d.Error, d.At = "permanent", "topic", cause, start.Add(time.Duration(minute)*time.Minute)
	return d
}

func (s *subject) groups(t testing.TB) []store.Group {
	t.Helper()
	gs, err := s.Groups(t.Context(), orders)
	must(t, err)
	return gs
}

// group is the only one there is, without its name.
func (s *subject) group(t testing.TB) store.Group {
	t.Helper()
	gs := s.groups(t)
	if len(gs) != 1 {
		t.Fatalf("%d groups, not one: %+v", len(gs), gs)
	}
	return gs[0]
}

func (s *subject) bury(t testing.TB, ds ...store.DeadLetter) {
	t.Helper()
	s.commit(t, store.Change{Key: key(""), Dead: ds})
}

// groupsCountByCause: what differs from message to message is no other cause.
func groupsCountByCause(t *testing.T, s *subject) {
	equal(t, len(s.groups(t)), 0)
	first, last := failed("1", "a", "row 1 is bad", 1), failed("2", "b", "row 22 is bad", 3)
	s.bury(t, last, first)
	want := store.Group{
		Fingerprint: store.FingerprintOf(&first), Reason: "permanent", Class: "permanent", Target: "topic",
		Error: "row 22 is bad", Dead: 2, First: first.At, Last: last.At,
	}
	equal(t, s.group(t), want)
	s.bury(t, failed("3", "a", "no such table", 2))
	equal(t, len(s.groups(t)), 2)
	s.commit(t, store.Change{Key: key(""), Gone: []string{"3", "1", "1", "never"}})
	want.Dead = 1
	equal(t, s.group(t), want) // when the first was given up stays
	s.bury(t, failed("2", "b", "row 22 is bad", 9))
	want.Last = start.Add(9 * time.Minute)
	equal(t, s.group(t), want) // replaced
	s.bury(t, failed("2", "b", "timeout", 10))
	equal(t, s.group(t).Error, "timeout") // and moved
	s.commit(t, store.Change{Key: key(""), Gone: []string{"2"}})
	equal(t, len(s.groups(t)), 0)
	s.bury(t, failed("1", "a", "row 1 is bad", 20))
	equal(t, s.group(t).First, start.Add(20*time.Minute)) // a group that ended begins anew
}

// groupsWithinACall: changes of a call see what those before them did.
func groupsWithinACall(t *testing.T, s *subject) {
	a, b := failed("1", "a", "bad", 1), failed("2", "a", "bad", 2)
	to := func(d store.DeadLetter) store.Change { return store.Change{Key: key(""), Dead: []store.DeadLetter{d}} }
	gone := func(id string) store.Change { return store.Change{Key: key(""), Gone: []string{id}} }
	s.commit(t, to(a), gone("1"), to(b))
	equal(t, []any{s.group(t).Dead, s.group(t).First}, []any{int64(1), b.At})
	s.commit(t, store.Change{Key: key(""), Gone: []string{"2"}, Dead: []store.DeadLetter{a}}) // one change: it does not end
	equal(t, []any{s.group(t).Dead, s.group(t).First}, []any{int64(1), a.At})
	s.commit(t, gone("1"), to(failed("1", "a", "else", 3)), gone("1"))
	equal(t, len(s.groups(t)), 0)
	equal(t, s.ledger(t).Dead, int64(0))
}

// groupsOfARouteAreItsOwn, as all else is.
func groupsOfARouteAreItsOwn(t *testing.T, s *subject) {
	_, err := s.Open(t.Context(), identity("other"))
	must(t, err)
	d := failed("1", "a", "bad", 1)
	s.bury(t, d)
	there := store.Key{Route: "other", Name: "a"}
	n := int64(7)
	s.commit(t, store.Change{
		Key: there, Record: flowing(2), Dead: []store.DeadLetter{d, failed("2", "a", "bad", 2)},
		Archive: []store.Archived{{DeadLetter: d}}, Operations: []store.Operation{{ID: "1"}},
		Events: []store.Event{{Type: "skip", Revision: &n}}, Skip: []store.Skip{{From: 1, To: 1, At: start}},
	})
	equal(t, s.group(t).Dead, int64(1))
	equal(t, s.ledger(t), store.Ledger{Dead: 1, DeadLettered: 1, Unmirrored: 1})
	equal(t, []int{len(s.operations(t)), len(s.events(t, 0, 0)), len(s.open(t)), len(s.archive(t, store.Query{}))}, []int{0, 0, 0, 0})
	equal(t, s.deadIDs(t, store.Query{Group: store.FingerprintOf(&d)}), []string{"1"})
}

// quarantine is a change after which a lane waits for a dead letter at revision 5.
func quarantine(k store.Key, version uint64, d store.DeadLetter, parked ...lane.Revision) store.Change {
	d.Lane, d.Key, d.Epoch, d.Rev = true, k.Name, k.Epoch, 5
	c := store.Change{Key: k, Version: version, Dead: []store.DeadLetter{d}}
	c.Record = &store.Record{State: lane.State{Mode: lane.Quarantined, Next: 5, Highest: 9}}
	for _, r := range parked {
		c.Park = append(c.Park, message(r, "m"))
	}
	return c
}

// groupsCountWhatWaits: the lanes that a dead letter blocks, and what is parked
// behind it.
func groupsCountWhatWaits(t *testing.T, s *subject) {
	bad := failed("1", "", "bad", 1)
	other := failed("2", "", "else", 1)
	waits := func(dead, keys, parked int64) {
		t.Helper()
		g := s.group(t)
		equal(t, []int64{g.Dead, g.Keys, g.Parked}, []int64{dead, keys, parked})
	}
	a, b := key("a"), key("b")
	s.commit(t, park(a, 0, message(7, "m")))
	s.commit(t, quarantine(a, 1, bad, 6))
	waits(1, 1, 2)
	more := quarantine(a, 2, bad, 8) // it stays for the same one
	more.Dead, more.Unpark = nil, []lane.Revision{7}
	s.commit(t, more)
	waits(1, 1, 2)
	s.commit(t, quarantine(b, 0, failed("3", "", "bad", 2), 6))
	waits(2, 2, 3)
	c := quarantine(b, 1, other)
	c.Dead[0].Rev = 4 // not at its head: that is no cause
	s.commit(t, c)
	equal(t, len(s.groups(t)), 2)
	s.commit(t, store.Change{Key: key(""), Gone: []string{"2"}})
	waits(2, 2, 3)
	s.commit(t, step(b, 2))
	waits(2, 1, 2)
	s.commit(t, store.Change{Key: key(""), Gone: []string{"3", "1"}})
	waits(0, 1, 2)
	s.commit(t, quarantine(a, 3, other)) // now for another one
	equal(t, s.group(t).Error, "else")
	waits(1, 1, 2)
	leave := step(a, 4)
	leave.Unpark, leave.Gone = []lane.Revision{6, 8}, []string{"2"}
	s.commit(t, leave)
	equal(t, len(s.groups(t)), 0)
}

// deadLettersByTimeAndGroup, all filters at once too.
func deadLettersByTimeAndGroup(t *testing.T, s *subject) {
	s.bury(t, failed("9", "a", "bad", 0), failed("8", "b", "bad", 1), failed("7", "a", "else", 2), failed("6", "a", "bad", 2))
	at := func(minute int) time.Time { return start.Add(time.Duration(minute) * time.Minute) }
	bad := failed("", "", "bad", 0)
	group := store.FingerprintOf(&bad)
	for i, c := range []struct {
		q    store.Query
		want []string
	}{
		{store.Query{}, []string{"9", "8", "6", "7"}},
		{store.Query{Since: at(1)}, []string{"8", "6", "7"}},
		{store.Query{Until: at(2)}, []string{"9", "8"}},
		{store.Query{Since: at(1), Until: at(1)}, nil},
		{store.Query{Until: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}, []string{"9", "8", "6", "7"}},
		{store.Query{Group: group}, []string{"9", "8", "6"}},
		{store.Query{Group: group, Limit: 2}, []string{"9", "8"}},
		{store.Query{Group: group, After: store.PlaceOf(at(1), "8")}, []string{"6"}},
		{store.Query{Group: group, After: store.PlaceOf(at(1), "")}, []string{"8", "6"}},
		{store.Query{Group: group, Key: "a", Since: at(1)}, []string{"6"}},
		{store.Query{Group: group, Unmirrored: true, Until: at(1)}, []string{"9"}},
		{store.Query{Group: "none"}, nil},
		{store.Query{Group: "0000000000000000"}, nil},
		{store.Query{After: "~"}, nil}, // no place, but behind all
		{store.Query{Newest: true}, []string{"7", "6", "8", "9"}},
		{store.Query{Newest: true, Limit: 3}, []string{"7", "6", "8"}},
		{store.Query{Newest: true, After: store.PlaceOf(at(2), "7")}, []string{"6", "8", "9"}},
		{store.Query{Newest: true, After: store.PlaceOf(at(2), "")}, []string{"8", "9"}},
		{store.Query{Newest: true, Since: at(1)}, []string{"7", "6", "8"}},
		{store.Query{Newest: true, Until: at(2), Group: group}, []string{"8", "9"}},
		{store.Query{Newest: true, Key: "a", After: store.PlaceOf(at(2), "6")}, []string{"9"}},
		{store.Query{Newest: true, After: store.PlaceOf(at(0), "9")}, nil},
		{store.Query{Newest: true, After: " "}, nil}, // no place, but before all
		{store.Query{Newest: true, After: "~"}, []string{"7", "6", "8", "9"}},
	} {
		if got := s.deadIDs(t, c.q); len(got)+len(c.want) > 0 {
			t.Log(i)
			equal(t, got, c.want)
		}
	}
	s.bury(t, failed("9", "a", "bad", 5)) // written again, it moves
	equal(t, s.deadIDs(t, store.Query{}), []string{"8", "6", "7", "9"})
	equal(t, s.deadIDs(t, store.Query{Group: group}), []string{"8", "6", "9"})
	equal(t, s.deadIDs(t, store.Query{Key: "a"}), []string{"6", "7", "9"})
	equal(t, s.deadIDs(t, store.Query{Unmirrored: true}), []string{"8", "6", "7", "9"})
}

// newestDeadLettersFirst is for stores that read page by page.
func newestDeadLettersFirst(t *testing.T, s *subject) {
	var ds []store.DeadLetter
	for i := range 40 {
		ds = append(ds, failed(fmt.Sprint(i), "a", "bad", i))
	}
	s.bury(t, ds...)
	slices.Reverse(ds)
	for _, q := range []store.Query{{Newest: true}, {Newest: true, Key: "a"}, {Newest: true, Group: store.FingerprintOf(&ds[0])}} {
		got := s.deadIDs(t, q)
		equal(t, len(got), len(ds))
		for i, d := range ds {
			equal(t, got[i], d.ID)
		}
	}
}
