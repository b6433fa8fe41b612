package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble"
)

// openStore opens the store of a run, or a seeded one, whose source is known.
func openStore(t *testing.T, dir string, id store.Identity) (*pebble.Store, store.Ledger) {
	t.Helper()
	st, err := pebble.Open(dir, pebble.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	ledger, err := st.Open(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return st, ledger
}

func lanesOf(t *testing.T, st *pebble.Store) (all []store.Record) {
	t.Helper()
	for r, err := range st.Lanes(t.Context(), store.Query{Route: routeName}) {
		if err != nil {
			t.Fatal(err)
		}
		r.Since = time.Time{}
		all = append(all, r)
	}
	return all
}

// A store is seeded as the bridge would have left it: the first revisions that it
// gets again are copies to it, the second ones follow.
func (s *stage) seededStore(t *testing.T) {
	for _, k := range []kind{rabbitMQ, kafka} {
		t.Run(string(k), func(t *testing.T) {
			way, p := direction{k, kafka}, plan{Keys: 500, Lanes: 500, Size: 64, Messages: 500}
			known, err := s.seed(t.Context(), p, k)
			if err != nil {
				t.Fatal(err)
			}
			id := identityOf(s.end(k, known.source), k)
			t.Run("same lanes", func(t *testing.T) { s.sameLanes(t, p, way, known, id) })
			t.Run("goes on", func(t *testing.T) { s.goesOn(t, p, way, known, id) })
		})
	}
}

// sameLanes lets the bridge make such a store itself.
func (s *stage) sameLanes(t *testing.T, p plan, way direction, known seeded, id store.Identity) {
	c := theBridge
	c.source = known.source
	c.note = func(_ context.Context, s *stage, sc scene, _ *measure) error {
		made, counted := openStore(t, storeDir(s.dir, sc), id)
		seeded, want := openStore(t, known.dir, id)
		if counted != want {
			t.Errorf("counted %+v, want %+v", counted, want)
		}
		if got, want := lanesOf(t, made), lanesOf(t, seeded); len(want) != p.Lanes || !slices.Equal(got, want) {
			t.Errorf("%d lanes, want %d, or others: first %+v, want %+v", len(got), len(want), got[0], want[0])
		}
		return errors.Join(made.Close(), seeded.Close())
	}
	if _, err := s.run(t.Context(), p, way, c); err != nil && !errors.Is(err, errFast) {
		t.Error(err)
	}
}

// goesOn has the first two revisions of all keys in the source.
func (s *stage) goesOn(t *testing.T, p plan, way direction, known seeded, id store.Identity) {
	c := known.bridge("known", uniform)
	both := p
	both.Messages *= 2
	sc, err := s.open(t.Context(), both, way, c)
	defer func() {
		if err := s.drop(sc, c); err != nil {
			t.Error(err)
		}
	}()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.move(t.Context(), p, c, sc, &measure{}); err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := sc.to.read(t.Context(), func(i int, _ time.Time) {
		if n++; i < p.Lanes {
			t.Errorf("message %d was published again", i)
		}
	}); err != nil || n != p.Lanes {
		t.Errorf("%d messages, %v", n, err)
	}
	_, ledger := openStore(t, storeDir(s.dir, sc), id)
	if want := (store.Ledger{Delivered: 1000, Duplicates: 500}); ledger != want {
		t.Errorf("counted %+v, want %+v", ledger, want)
	}
}
