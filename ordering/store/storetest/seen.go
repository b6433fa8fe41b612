package storetest

import (
	"math"
	"testing"

	"github.com/brokerbridge/bridge/ordering/store"
)

// sighting is one whose print starts with p.
func sighting(p byte, era uint32) store.Sighting {
	return store.Sighting{Print: store.SeenPrint{p, 15: 1}, Era: era}
}

// seen asks for the prints that start with these bytes.
func (s *subject) seen(t testing.TB, route string, since uint32, ps ...byte) []bool {
	t.Helper()
	prints := make([]store.SeenPrint, len(ps))
	for i, p := range ps {
		prints[i] = sighting(p, 0).Print
	}
	seen, err := s.Seen(t.Context(), route, since, prints)
	must(t, err)
	return seen
}

// remember commits sightings without a lane.
func (s *subject) remember(t testing.TB, route string, all ...store.Sighting) {
	t.Helper()
	s.commit(t, store.Change{Key: store.Key{Route: route}, Seen: all})
}

func seenFromAnEraOn(t *testing.T, s *subject) {
	equal(t, s.seen(t, orders, 0), []bool{})
	s.remember(t, orders, sighting(1, 7), sighting(2, 8), sighting(2, 8), sighting(3, 0), sighting(4, math.MaxUint32))
	equal(t, s.seen(t, orders, 0, 1, 2, 3, 4, 9), []bool{true, true, true, true, false})
	equal(t, s.seen(t, orders, 7, 1, 2, 3, 4), []bool{true, true, false, true})
	equal(t, s.seen(t, orders, 8, 2, 1, 9), []bool{true, false, false})
	equal(t, s.seen(t, orders, 9, 1, 2, 4), []bool{false, false, true})
	s.remember(t, orders, sighting(1, 9), sighting(2, 3)) // again, and once more long ago
	equal(t, s.seen(t, orders, 8, 1, 2), []bool{true, true})
	equal(t, s.seen(t, orders, 9, 1, 2), []bool{true, false})
	equal(t, s.seen(t, orders, math.MaxUint32, 4, 1), []bool{true, false})
}

func seenGoesWithItsChange(t *testing.T, s *subject) {
	c := step(key("a"), 0)
	c.Seen = []store.Sighting{sighting(1, 7)}
	s.commit(t, c)
	c.Seen = []store.Sighting{sighting(2, 7)}
	is(t, s.Commit(t.Context(), c)[0], store.ErrConflict)
	equal(t, s.seen(t, orders, 7, 1, 2), []bool{true, false})
}

func seenOfARouteIsItsOwn(t *testing.T, s *subject) {
	_, err := s.Open(t.Context(), identity("other"))
	must(t, err)
	s.remember(t, orders, sighting(1, 7))
	s.remember(t, "other", sighting(2, 7))
	must(t, s.Forget(t.Context(), "other", 7))
	equal(t, s.seen(t, orders, 7, 1, 2), []bool{true, false})
	must(t, s.Forget(t.Context(), "other", 8))
	equal(t, s.seen(t, orders, 7, 1), []bool{true})
	equal(t, s.seen(t, "other", 7, 1, 2), []bool{false, false})
}

func forgetDropsEarlierEras(t *testing.T, s *subject) {
	s.remember(t, orders, sighting(1, 5), sighting(2, 6), sighting(3, 7))
	must(t, s.Forget(t.Context(), orders, 0))
	equal(t, s.seen(t, orders, 0, 1, 2, 3), []bool{true, true, true})
	must(t, s.Forget(t.Context(), orders, 6))
	equal(t, s.seen(t, orders, 0, 1, 2, 3), []bool{false, true, true})
	s.remember(t, orders, sighting(1, 5)) // again, late
	equal(t, s.seen(t, orders, 5, 1), []bool{true})
	must(t, s.Forget(t.Context(), orders, math.MaxUint32))
	equal(t, s.seen(t, orders, 0, 1, 2, 3), []bool{false, false, false})
}

func seenSurvivesReopening(t *testing.T, s *subject) {
	if s.reopen == nil {
		t.Log("this store does not outlive its process")
		return
	}
	s.remember(t, orders, sighting(1, 7), sighting(2, 8), sighting(3, 8), sighting(4, 300))
	s.Store = s.reopen(t, s.Store)
	_, err := s.Open(t.Context(), identity(orders))
	must(t, err)
	equal(t, s.seen(t, orders, 7, 1, 2, 3, 4, 5), []bool{true, true, true, true, false})
	equal(t, s.seen(t, orders, 8, 1, 2, 3, 4, 5), []bool{false, true, true, true, false})
	must(t, s.Forget(t.Context(), orders, 8))
	s.Store = s.reopen(t, s.Store)
	equal(t, s.seen(t, orders, 0, 1, 2, 4), []bool{false, true, true})
}
