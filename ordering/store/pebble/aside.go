package pebble

import (
	"context"
	"fmt"
	"iter"

	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble/internal/rows"
)

// lookAside reads which rows of the archive a change touches, and encodes its
// operations, which may fail.
func (w *work) lookAside(c *store.Change) (err error) {
	for _, id := range c.Restore {
		if err := w.lookArchived(id); err != nil {
			return err
		}
	}
	for i := range c.Archive {
		if err := w.lookArchived(c.Archive[i].ID); err != nil {
			return err
		}
	}
	clear(w.operations)
	w.operations = w.operations[:0]
	for i := range c.Operations {
		o := c.Operations[i]
		o.Route = c.Key.Route
		row, err := rows.AppendOperation(nil, o)
		if err != nil {
			return fmt.Errorf("operation %q: %w", o.ID, err)
		}
		w.operations = append(w.operations, row)
	}
	return nil
}

func (w *work) lookArchived(id string) error {
	return w.lookAt(w.archiveKey(id), func([]byte) (row, error) { return row{}, nil })
}

func (w *work) archiveKey(id string) []byte {
	w.key = append(rows.AppendRoute(w.key[:0], rows.Archive, w.r.number), id...)
	return w.key
}

// putAside takes dead letters out of the archive, puts others in, forgets operations
// and replaces others.
func (w *work) putAside(c *store.Change) {
	for _, id := range c.Restore {
		key := w.archiveKey(id)
		if w.seen[string(key)].exists {
			w.ledger.Kept--
			w.seen[string(key)] = row{}
			w.delete(key)
		}
	}
	for i := range c.Archive {
		w.putArchived(&c.Archive[i])
	}
	for _, id := range c.Over {
		w.key = append(rows.AppendRoute(w.key[:0], rows.Operations, w.r.number), id...)
		w.delete(w.key)
	}
	for i := range c.Operations {
		w.key = append(rows.AppendRoute(w.key[:0], rows.Operations, w.r.number), c.Operations[i].ID...)
		w.set(w.key, w.operations[i])
	}
}

// putArchived writes a row with the fingerprint that the dead letter had.
func (w *work) putArchived(a *store.Archived) {
	key := w.archiveKey(a.ID)
	if !w.seen[string(key)].exists {
		w.ledger.Kept++
		w.seen[string(key)] = row{exists: true}
	}
	print, ok := rows.ParseFingerprint(a.Fingerprint)
	if !ok {
		print = rows.FingerprintOf(&a.DeadLetter)
	}
	w.value = rows.AppendArchived(w.value[:0], a, print)
	w.set(key, w.value)
}

// Archive implements store.Store.
func (s *Store) Archive(ctx context.Context, q store.Query) iter.Seq2[store.Archived, error] {
	return func(yield func(store.Archived, error) bool) {
		r, err := s.route(q.Route)
		if err != nil {
			yield(store.Archived{}, err)
			return
		}
		prefix := rows.AppendRoute(nil, rows.Archive, r.number)
		sp := span{from: prefix, to: rows.End(prefix), size: deadPage}
		if q.After != "" {
			sp.after(append(append(prefix[:len(prefix):len(prefix)], q.After...), 0))
		}
		n := 0
		for a, err := range pages(ctx, s, s.scan, sp, func(key, value []byte) (store.Archived, bool, error) {
			a, err := readArchived(r, string(key[len(prefix):]), value)
			return a, (q.Key == "" || a.Key == q.Key) && (q.Group == "" || a.Fingerprint == q.Group), err
		}) {
			if !yield(a, err) {
				return
			}
			if n++; n == q.Limit {
				return
			}
		}
	}
}

func readArchived(r *route, id string, value []byte) (store.Archived, error) {
	a, err := rows.ReadArchived(value)
	if err != nil {
		return store.Archived{}, fmt.Errorf("store: archived dead letter %q of route %q: %w", id, r.identity.Route, err)
	}
	a.Route, a.ID = r.identity.Route, id
	return a, nil
}

// Archived implements store.Store.
func (s *Store) Archived(ctx context.Context, route, id string) (store.Archived, error) {
	r, err := s.beginRoute(ctx, route)
	if err != nil {
		return store.Archived{}, err
	}
	defer s.calls.end()
	value, ok, err := s.get(append(rows.AppendRoute(nil, rows.Archive, r.number), id...))
	if err == nil && !ok {
		err = fmt.Errorf("%w: archived dead letter %q of route %q", store.ErrNotFound, id, route)
	}
	if err != nil {
		return store.Archived{}, err
	}
	return readArchived(r, id, value)
}

// Operations implements store.Store.
func (s *Store) Operations(ctx context.Context, name string) ([]store.Operation, error) {
	return landed(ctx, s, name, func(r *route) (os []store.Operation, err error) {
		prefix := rows.AppendRoute(nil, rows.Operations, r.number)
		err = s.scan(prefix, rows.End(prefix), func(key, row []byte) (bool, error) {
			o, err := rows.ReadOperation(row)
			if err != nil {
				return false, fmt.Errorf("operation %q: %w", key[len(prefix):], err)
			}
			os = append(os, o)
			return true, nil
		})
		return os, err
	})
}

// landed returns what read does once it is durable.
func landed[T any](ctx context.Context, s *Store, name string, read func(*route) ([]T, error)) ([]T, error) {
	r, err := s.beginRoute(ctx, name)
	if err != nil {
		return nil, err
	}
	defer s.calls.end()
	vs, err := read(r)
	if err == nil {
		err = s.awaitLanded(ctx, r)
	}
	if err != nil {
		return nil, fmt.Errorf("store: route %q: %w", name, err)
	}
	return vs, nil
}
