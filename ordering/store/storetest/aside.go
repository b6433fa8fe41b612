package storetest

import (
	"testing"
	"time"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

func (s *subject) archive(t testing.TB, q store.Query) (ids []string) {
	t.Helper()
	q.Route = orders
	for a, err := range s.Archive(t.Context(), q) {
		must(t, err)
		ids = append(ids, a.ID)
	}
	return ids
}

func (s *subject) operations(t testing.TB) []store.Operation {
	t.Helper()
	os, err := s.Operations(t.Context(), orders)
	must(t, err)
	return os
}

func (s *subject) events(t testing.TB, after uint64, limit int) []store.Event {
	t.Helper()
	es, err := s.Events(t.Context(), orders, after, limit)
	must(t, err)
	return es
}

func (s *subject) open(t testing.TB) []store.OpenSkip {
	t.Helper()
	return s.openBehind(t, store.OpenSkip{})
}

func (s *subject) openBehind(t testing.TB, after store.OpenSkip) (skips []store.OpenSkip) {
	t.Helper()
	for o, err := range s.OpenSkips(t.Context(), orders, after) {
		must(t, err)
		skips = append(skips, o)
	}
	return skips
}

// restart is a new process, where the store has one.
func (s *subject) restart(t testing.TB) {
	if s.reopen != nil {
		s.Store = s.reopen(t, s.Store)
	}
}

func archiveComesBackWhole(t *testing.T, s *subject) {
	_, err := s.Archived(t.Context(), orders, "1")
	is(t, err, store.ErrNotFound)
	d := dead("1\x00\xff", "a\x00")
	d.Tries = store.Tries{Attempts: 3, FirstFailed: start, LastFailed: start, Class: "permanent", Error: "bad"}
	a := store.Archived{DeadLetter: d, ArchivedAt: start.Add(time.Hour), By: "ann", Why: "old\n", Original: "0"}
	a.Fingerprint = "00000000000000ff" // as it was
	a.Route = "given by the store"
	s.commit(t, store.Change{Key: key(""), Archive: []store.Archived{a, {DeadLetter: dead("2", "b")}}})
	a.Route = orders
	s.restart(t)
	got, err := s.Archived(t.Context(), orders, a.ID)
	must(t, err)
	equal(t, got, a)
	for got, err := range s.Archive(t.Context(), store.Query{Route: orders, Limit: 1}) {
		must(t, err)
		equal(t, got, a)
	}
	got, err = s.Archived(t.Context(), orders, "2")
	must(t, err)
	equal(t, got, store.Archived{DeadLetter: kept(dead("2", "b"))})
	equal(t, s.ledger(t), store.Ledger{Kept: 2})
}

func archiveByKeyAndGroup(t *testing.T, s *subject) {
	put := func(d store.DeadLetter) store.Archived { return store.Archived{DeadLetter: d} }
	one := failed("1", "a", "bad", 9)
	s.commit(t, store.Change{Key: key(""), Archive: []store.Archived{
		put(failed("3", "a", "bad", 1)), put(one), put(failed("2", "b", "bad", 1)), put(failed("20", "a", "else", 1)),
	}})
	equal(t, s.archive(t, store.Query{}), []string{"1", "2", "20", "3"})
	equal(t, s.archive(t, store.Query{Key: "a"}), []string{"1", "20", "3"})
	equal(t, s.archive(t, store.Query{Group: store.FingerprintOf(&one), After: "1"}), []string{"2", "3"})
	equal(t, s.archive(t, store.Query{Limit: 2}), []string{"1", "2"})
}

func archiveIsRestored(t *testing.T, s *subject) {
	put := func(ids ...string) (as []store.Archived) {
		for _, id := range ids {
			as = append(as, store.Archived{DeadLetter: dead(id, "a")})
		}
		return as
	}
	keeps := func(ids ...string) {
		t.Helper()
		equal(t, s.archive(t, store.Query{}), ids)
		equal(t, s.ledger(t), store.Ledger{Kept: int64(len(ids))})
	}
	s.commit(t, store.Change{Key: key(""), Archive: put("1", "2", "2")}, store.Change{Key: key(""), Archive: put("1", "3")})
	keeps("1", "2", "3")
	s.commit(t, store.Change{Key: key(""), Restore: []string{"1", "1", "never"}})
	keeps("2", "3")
	s.commit(t, store.Change{Key: key(""), Restore: []string{"2", "4"}, Archive: put("2", "4")}) // out first, then in
	keeps("2", "3", "4")
}

func operationsAreReplaced(t *testing.T, s *subject) {
	o := store.Operation{
		ID: "2", Route: orders, Action: "redrive", State: store.OperationRunning, Why: "why", By: "ann", Reason: "because\n",
		Selection:  store.Selection{IDs: []string{"1\xff", ""}, Key: "a\x00\xff", Fingerprint: "f", Reason: "r", Since: start, Until: start.Add(1)},
		OutOfOrder: true, Rate: 0.1, Canary: 2, StopAt: 0.5, Began: start, Changed: start.Add(1), Ended: start.Add(2),
		Place: store.PlaceOf(start, "1"), Total: 1 << 60, Done: 1, Failed: 2, Refused: 3, Gone: 4, Refusal: "no",
	}
	bare := store.Operation{ID: "10", Route: orders}
	s.commit(t, store.Change{Key: key(""), Operations: []store.Operation{o, {ID: "10", Action: "discard"}, {ID: "10"}}})
	s.restart(t)
	equal(t, s.operations(t), []store.Operation{bare, o})
	o.State, o.Done, o.Began = store.OperationDone, 2, o.Began.In(time.FixedZone("there", 3600))
	s.commit(t, store.Change{Key: key("a"), Record: flowing(2), Operations: []store.Operation{o}})
	o.Began = o.Began.UTC()
	equal(t, s.operations(t), []store.Operation{bare, o})
	s.operations(t)[1].Selection.IDs[0] = "spoilt"
	equal(t, s.operations(t)[1], o)
	s.commit(t, store.Change{Key: key(""), Over: []string{"2", "10", "2", "never"}, Operations: []store.Operation{bare}}) // out first, then in
	s.restart(t)
	equal(t, s.operations(t), []store.Operation{bare})
}

func eventsAreKeptUntilSent(t *testing.T, s *subject) {
	zero, far := int64(0), int64(-1<<62)
	e := store.Event{
		Seq: 99, Type: "skip", At: start, Key: "a\xff", Epoch: 1<<32 - 1, Revision: &zero, To: &far, Dead: "1", Reason: "r",
		Class: "c", Error: "e", By: "ann", Group: "g", Reply: &store.Reply{To: "queue", CorrelationID: "c", MessageID: "m"},
	}
	bare := store.Event{Type: "quarantine"}
	s.commit(t, store.Change{Key: key(""), Events: []store.Event{e, bare}}, store.Change{Key: key(""), Events: []store.Event{e}})
	first, third := e, e
	first.Seq, bare.Seq, third.Seq = 1, 2, 3
	s.restart(t)
	equal(t, s.events(t, 0, 0), []store.Event{first, bare, third})
	equal(t, s.events(t, 1, 1), []store.Event{bare})
	equal(t, len(s.events(t, 3, 0)), 0)
	equal(t, len(s.events(t, ^uint64(0), 0)), 0)
	*s.events(t, 0, 1)[0].Revision = 7
	equal(t, *s.events(t, 0, 1)[0].Revision, int64(0))
	equal(t, s.ledger(t), store.Ledger{Unsent: 3})
	s.commit(t, store.Change{Key: key(""), Sent: 2})
	s.commit(t, store.Change{Key: key(""), Sent: 1})
	equal(t, s.events(t, 0, 0), []store.Event{third})
	equal(t, s.ledger(t), store.Ledger{Unsent: 1})
}

// eventNumbersAreNotUsedTwice, even when all were sent and the process began anew.
func eventNumbersAreNotUsedTwice(t *testing.T, s *subject) {
	tell := func(n int, sent uint64) {
		s.commit(t, store.Change{Key: key(""), Events: make([]store.Event, n), Sent: sent})
	}
	tell(600, 0)
	tell(0, 600) // more than a few at once
	equal(t, len(s.events(t, 0, 0)), 0)
	s.restart(t)
	tell(1, 0)
	equal(t, s.ledger(t), store.Ledger{Unsent: 1})
	equal(t, s.events(t, 0, 0)[0].Seq, uint64(601))
	tell(1, 602) // it is not sent before it is there
	equal(t, s.events(t, 0, 0)[0].Seq, uint64(602))
	s.restart(t)
	tell(2, 1000)
	equal(t, s.events(t, 0, 1)[0].Seq, uint64(603))
	equal(t, s.ledger(t), store.Ledger{Unsent: 2})
}

func openSkipsUntilClosed(t *testing.T, s *subject) {
	at := func(minute int) time.Time { return start.Add(time.Duration(minute) * time.Minute) }
	skip := func(k store.Key, version uint64, skips ...store.Skip) store.Change {
		c := step(k, version)
		c.Skip = skips
		return c
	}
	opens := func(want ...store.OpenSkip) {
		t.Helper()
		equal(t, s.open(t), want)
		equal(t, s.ledger(t), store.Ledger{OpenSkips: int64(len(want))})
	}
	a, b := store.Key{Route: orders, Name: "a\x00", Epoch: 7}, key("b")
	late, early, other := store.Skip{From: 1, To: 2, At: at(2), By: "gap"}, store.Skip{From: 3, To: 3, At: at(1)}, store.Skip{From: 1, To: 1, At: at(0)}
	s.commit(t, skip(a, 0, late, early), skip(b, 0, other))
	s.restart(t)
	opens(store.OpenSkip{Key: b, Skip: other}, store.OpenSkip{Key: a, Skip: early}, store.OpenSkip{Key: a, Skip: late})
	equal(t, s.openBehind(t, store.OpenSkip{Key: a, Skip: early}), []store.OpenSkip{{Key: a, Skip: late}})
	equal(t, s.openBehind(t, store.OpenSkip{Key: b, Skip: store.Skip{At: other.At}}), s.open(t)) // one need not be there
	late.At, late.Reason = at(-1), "replaced"                                                    // and counted once
	s.commit(t, skip(a, 1, early, late, late))
	opens(store.OpenSkip{Key: a, Skip: late}, store.OpenSkip{Key: b, Skip: other}, store.OpenSkip{Key: a, Skip: early})
	c := skip(a, 2, store.Skip{From: 9, To: 9})
	c.Close = []lane.Revision{1, 1, 2, 77, 9} // 2 is within a range, 9 is closed at once
	s.commit(t, c)
	opens(store.OpenSkip{Key: b, Skip: other}, store.OpenSkip{Key: a, Skip: early})
	skips, err := s.Skips(t.Context(), a)
	must(t, err)
	equal(t, len(skips), 3) // they stay skipped
	s.commit(t, skip(a, 3, late))
	opens(store.OpenSkip{Key: a, Skip: late}, store.OpenSkip{Key: b, Skip: other}, store.OpenSkip{Key: a, Skip: early})
}

// auditsAreChained: whoever alters a row has to alter all behind it.
func auditsAreChained(t *testing.T, s *subject) {
	_, err := s.Open(t.Context(), identity("other"))
	must(t, err)
	head := func(want uint64) store.AuditHash {
		t.Helper()
		seq, hash, err := s.AuditHead(t.Context())
		must(t, err)
		last, sum, err := store.VerifyAudits(s.Audits(t.Context(), store.AuditQuery{}))
		must(t, err)
		equal(t, []any{seq, hash, seq}, []any{last, sum, want})
		return hash
	}
	equal(t, head(0), store.AuditHash{})
	s.commit(t, store.Change{Key: key(""), Audit: []store.Audit{act("skip", "a"), act("skip", "a")}},
		store.Change{Key: store.Key{Route: "other"}, Audit: []store.Audit{act("skip", "a")}})
	before := head(3)
	s.restart(t)
	equal(t, head(3), before)
	s.commit(t, store.Change{Key: key(""), Audit: []store.Audit{act("skip", "a")}})
	if head(4) == before {
		t.Error("a row does not count")
	}
}
