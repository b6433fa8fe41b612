package memory

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// look runs see on a lane; a lane that is not there is empty.
func (s *Store) look(ctx context.Context, k store.Key, see func(*entry)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.open(ctx, k.Route)
	if err != nil {
		return err
	}
	e := r.lanes[k]
	if e == nil {
		e = &entry{record: store.Record{Key: k}}
	}
	see(e)
	return nil
}

// Load implements store.Store.
func (s *Store) Load(ctx context.Context, k store.Key) (rec store.Record, err error) {
	err = s.look(ctx, k, func(e *entry) { rec = e.record })
	return rec, err
}

// Parked implements store.Store.
func (s *Store) Parked(ctx context.Context, k store.Key, from lane.Revision, limit int) (ms []store.Message, err error) {
	err = s.look(ctx, k, func(e *entry) {
		for _, m := range inOrder(e.parked) {
			if m.Rev >= from && (limit <= 0 || len(ms) < limit) {
				ms = append(ms, copyMessage(m))
			}
		}
	})
	return ms, err
}

// ParkedRuns implements store.Store.
func (s *Store) ParkedRuns(ctx context.Context, k store.Key, from lane.Revision, look int) (runs []store.Run, err error) {
	err = s.look(ctx, k, func(e *entry) {
		var revs []lane.Revision
		for r := range e.parked {
			if r >= from {
				revs = append(revs, r)
			}
		}
		slices.Sort(revs)
		for _, r := range revs[:min(look, len(revs))] {
			runs = store.AppendRun(runs, r)
		}
	})
	return runs, err
}

// Find implements store.Store.
func (s *Store) Find(ctx context.Context, k store.Key, r lane.Revision) (f store.Found, err error) {
	err = s.look(ctx, k, func(e *entry) {
		m, ok := e.parked[r]
		f = store.Found{Parked: ok, Print: m.Print}
		for _, skip := range e.skips {
			f.Skipped = f.Skipped || skip.From <= r && r <= skip.To
		}
	})
	return f, err
}

// Skips implements store.Store.
func (s *Store) Skips(ctx context.Context, k store.Key) (skips []store.Skip, err error) {
	err = s.look(ctx, k, func(e *entry) { skips = inOrder(e.skips) })
	return skips, err
}

// Lanes implements store.Store with the lanes as they are when it begins.
func (s *Store) Lanes(ctx context.Context, q store.Query) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		recs, err := s.lanes(ctx, q)
		for i, rec := range recs {
			full := q.Limit > 0 && i >= q.Limit && rec.Key.Name != recs[i-1].Key.Name
			if full || !yield(rec, nil) {
				return
			}
		}
		if err != nil {
			yield(store.Record{}, err)
		}
	}
}

func (s *Store) lanes(ctx context.Context, q store.Query) (recs []store.Record, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.open(ctx, q.Route)
	if err != nil {
		return nil, err
	}
	for k, e := range r.lanes {
		if (q.Key == "" || k.Name == q.Key) && k.Name > q.After && (!q.Blocked || e.record.Blocked()) {
			recs = append(recs, e.record)
		}
	}
	slices.SortFunc(recs, func(a, b store.Record) int {
		return cmp.Or(cmp.Compare(a.Key.Name, b.Key.Name), cmp.Compare(a.Key.Epoch, b.Key.Epoch))
	})
	return recs, nil
}

// DeadLetters implements store.Store with the dead letters as they are when it
// begins.
func (s *Store) DeadLetters(ctx context.Context, q store.Query) iter.Seq2[store.DeadLetter, error] {
	return listed(q.Limit, func() ([]store.DeadLetter, error) { return deadLetters(ctx, s, q, copyDead) })
}

// Briefs implements store.Store with the dead letters as they are when it begins.
func (s *Store) Briefs(ctx context.Context, q store.Query) iter.Seq2[store.Brief, error] {
	return listed(q.Limit, func() ([]store.Brief, error) {
		return deadLetters(ctx, s, q, func(d store.DeadLetter) store.Brief { return d.Brief() })
	})
}

// deadLetters returns what see makes of those that match, by Place.
func deadLetters[T any](ctx context.Context, s *Store, q store.Query, see func(store.DeadLetter) T) (vs []T, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.open(ctx, q.Route)
	if err != nil {
		return nil, err
	}
	places := map[string]string{}
	for id, d := range r.dead {
		if place := store.PlaceOf(d.At, id); q.Behind(place) && r.matches(&q, &d) {
			places[place] = id
		}
	}
	order := slices.Sorted(maps.Keys(places))
	if q.Newest {
		slices.Reverse(order)
	}
	for _, place := range order {
		vs = append(vs, see(r.dead[places[place]]))
	}
	return vs, nil
}

func (r *route) matches(q *store.Query, d *store.DeadLetter) bool {
	return (q.Key == "" || d.Key == q.Key) && (q.Group == "" || d.Fingerprint == q.Group) &&
		within(q, d.At) && (!q.Unmirrored || r.pending[d.ID])
}

// DeadLetter implements store.Store.
func (s *Store) DeadLetter(ctx context.Context, route, id string) (store.DeadLetter, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.open(ctx, route)
	if err != nil {
		return store.DeadLetter{}, err
	}
	d, ok := r.dead[id]
	if !ok {
		return store.DeadLetter{}, fmt.Errorf("%w: dead letter %q of route %q", store.ErrNotFound, id, route)
	}
	return copyDead(d), nil
}
