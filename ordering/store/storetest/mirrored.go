package storetest

import (
	"testing"
	"time"

	"github.com/brokerbridge/bridge/ordering/store"
)

// mark is the mark on a dead letter as it is.
func mark(d store.DeadLetter) store.Mirrored { return store.Mirrored{ID: d.ID, At: d.At} }

// later is a dead letter that was written again.
func later(d store.DeadLetter) store.DeadLetter {
	d.At = d.At.Add(time.Nanosecond)
	return d
}

// unmirrored checks which dead letters wait for their copy.
func (s *subject) unmirrored(t testing.TB, ids ...string) {
	t.Helper()
	equal(t, s.deadIDs(t, store.Query{Unmirrored: true}), ids)
	equal(t, s.ledger(t).Unmirrored, int64(len(ids)))
}

func unmirroredUntilMarked(t *testing.T, s *subject) {
	a, b, c := dead("1", "a"), dead("2", "b"), dead("10", "")
	s.unmirrored(t)
	s.commit(t, store.Change{Key: key(""), Dead: []store.DeadLetter{a, b, c}})
	s.unmirrored(t, "1", "10", "2")
	equal(t, s.deadIDs(t, store.Query{Unmirrored: true, After: store.PlaceOf(start, "1")}), []string{"10", "2"})
	equal(t, s.deadIDs(t, store.Query{Unmirrored: true, Limit: 2}), []string{"1", "10"})
	equal(t, s.deadIDs(t, store.Query{Unmirrored: true, Key: "b"}), []string{"2"})
	for d, err := range s.DeadLetters(t.Context(), store.Query{Route: orders, Unmirrored: true, After: store.PlaceOf(start, "10")}) {
		must(t, err)
		equal(t, d, kept(b))
	}
	s.commit(t, store.Change{Key: key(""), Mirrored: []store.Mirrored{mark(a), mark(c), mark(a)}})
	s.unmirrored(t, "2")
	equal(t, s.deadIDs(t, store.Query{}), []string{"1", "10", "2"}) // they stay dead letters
	equal(t, s.ledger(t), store.Ledger{Dead: 3, DeadLettered: 3, Unmirrored: 1})
	s.commit(t, store.Change{Key: key(""), Mirrored: []store.Mirrored{mark(a), {ID: "never", At: start}}})
	s.unmirrored(t, "2")
}

func unmirroredWhenWrittenAgain(t *testing.T, s *subject) {
	a := dead("1", "a")
	s.commit(t, store.Change{Key: key(""), Dead: []store.DeadLetter{a}}, store.Change{Key: key(""), Mirrored: []store.Mirrored{mark(a)}})
	s.unmirrored(t)
	s.commit(t, store.Change{Key: key(""), Dead: []store.DeadLetter{later(a)}})
	s.unmirrored(t, "1")
	s.commit(t, store.Change{Key: key(""), Mirrored: []store.Mirrored{mark(a)}}) // the copy is of what it was
	s.unmirrored(t, "1")
	s.commit(t, store.Change{Key: key(""), Mirrored: []store.Mirrored{mark(later(a))}})
	s.unmirrored(t)
	// A change marks what was there before it.
	s.commit(t, store.Change{Key: key(""), Dead: []store.DeadLetter{a}, Mirrored: []store.Mirrored{mark(a)}})
	s.unmirrored(t, "1")
}

func unmirroredUntilGone(t *testing.T, s *subject) {
	a, b := dead("1", "a"), dead("2", "b")
	s.commit(t, store.Change{Key: key(""), Dead: []store.DeadLetter{a, b}})
	s.commit(t, store.Change{Key: key(""), Gone: []string{"1", "1"}}, store.Change{Key: key(""), Mirrored: []store.Mirrored{mark(a), mark(b)}})
	s.unmirrored(t)
	s.commit(t, store.Change{Key: key(""), Gone: []string{"2"}, Dead: []store.DeadLetter{b}}) // and dead once more
	s.unmirrored(t, "2")
	s.commit(t, store.Change{Key: key(""), Gone: []string{"2"}})
	s.unmirrored(t)
	s.commit(t, store.Change{Key: key(""), Dead: []store.DeadLetter{b}})
	s.unmirrored(t, "2")
}

func unmirroredOfARouteAreItsOwn(t *testing.T, s *subject) {
	_, err := s.Open(t.Context(), identity("other"))
	must(t, err)
	a := dead("1", "a")
	elsewhere := store.Key{Route: "other"}
	s.commit(t, store.Change{Key: key(""), Dead: []store.DeadLetter{a}}, store.Change{Key: elsewhere, Dead: []store.DeadLetter{a}})
	s.commit(t, store.Change{Key: elsewhere, Mirrored: []store.Mirrored{mark(a)}})
	s.unmirrored(t, "1")
	s.commit(t, store.Change{Key: elsewhere, Gone: []string{"1"}})
	s.unmirrored(t, "1")
}
