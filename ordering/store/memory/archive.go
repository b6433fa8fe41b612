package memory

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/brokerbridge/bridge/ordering/store"
)

// archive puts dead letters away, and takes out what is restored.
func (r *route) archive(c *store.Change) {
	for _, id := range c.Restore {
		delete(r.kept, id)
	}
	for _, a := range c.Archive {
		a = copyArchived(a)
		a.Route = c.Key.Route
		if a.Fingerprint == "" {
			a.Fingerprint = store.FingerprintOf(&a.DeadLetter)
		}
		r.kept[a.ID] = a
	}
	r.ledger.Kept = int64(len(r.kept))
}

func copyArchived(a store.Archived) store.Archived {
	a.DeadLetter, a.ArchivedAt = copyDead(a.DeadLetter), plain(a.ArchivedAt)
	return a
}

// Archive implements store.Store with the rows as they are when it begins.
func (s *Store) Archive(ctx context.Context, q store.Query) iter.Seq2[store.Archived, error] {
	return listed(q.Limit, func() ([]store.Archived, error) { return s.archived(ctx, q) })
}

func (s *Store) archived(ctx context.Context, q store.Query) (as []store.Archived, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.open(ctx, q.Route)
	if err != nil {
		return nil, err
	}
	for _, a := range r.kept {
		if (q.Key == "" || a.Key == q.Key) && (q.Group == "" || a.Fingerprint == q.Group) && a.ID > q.After {
			as = append(as, copyArchived(a))
		}
	}
	slices.SortFunc(as, func(a, b store.Archived) int { return cmp.Compare(a.ID, b.ID) })
	return as, nil
}

// Archived implements store.Store.
func (s *Store) Archived(ctx context.Context, route, id string) (store.Archived, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.open(ctx, route)
	if err != nil {
		return store.Archived{}, err
	}
	a, ok := r.kept[id]
	if !ok {
		return store.Archived{}, fmt.Errorf("%w: archived dead letter %q of route %q", store.ErrNotFound, id, route)
	}
	return copyArchived(a), nil
}

// listed yields what read returns, up to a limit; 0: all.
func listed[T any](limit int, read func() ([]T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		vs, err := read()
		for i, v := range vs {
			if !yield(v, nil) || i+1 == limit {
				return
			}
		}
		if err != nil {
			var none T
			yield(none, err)
		}
	}
}
