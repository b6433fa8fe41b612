package pebble

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	pdb "github.com/cockroachdb/pebble/v2"

	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble/internal/rows"
)

// putSeen adds what is to be remembered.
func (w *work) putSeen(c *store.Change) {
	for i := range c.Seen {
		if i == 0 || c.Seen[i].Era != c.Seen[i-1].Era {
			w.r.beginEra(c.Seen[i].Era)
		}
		w.key = append(rows.AppendEra(w.key[:0], w.r.number, c.Seen[i].Era), c.Seen[i].Print[:]...)
		w.set(w.key, nil)
	}
}

// beginEra notes that there may be rows of an era.
func (r *route) beginEra(era uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i, known := slices.BinarySearch(r.eras, era); !known {
		r.eras = slices.Insert(r.eras, i, era)
	}
}

// restoreEras finds out of which eras a route has rows.
func (s *Store) restoreEras(r *route) error {
	prefix := rows.AppendRoute(nil, rows.Seen, r.number)
	it, err := s.db.NewIter(&pdb.IterOptions{LowerBound: prefix, UpperBound: rows.End(prefix)})
	if err != nil {
		return err
	}
	defer func() { _ = it.Close() }()
	for ok := it.First(); ok; {
		key := it.Key()
		if len(key) < len(prefix)+4 {
			return fmt.Errorf("%w: a sighting of %d bytes", rows.ErrCorrupt, len(key))
		}
		era := binary.BigEndian.Uint32(key[len(prefix):])
		r.eras = append(r.eras, era)
		ok = it.SeekGE(rows.End(rows.AppendEra(nil, r.number, era)))
	}
	return it.Error()
}

// erasFrom are those of which there may be rows.
func (r *route) erasFrom(since uint32) []uint32 {
	r.mu.Lock()
	defer r.mu.Unlock()
	i, _ := slices.BinarySearch(r.eras, since)
	return slices.Clone(r.eras[i:])
}

// Seen implements store.Store. Most of what it is asked for was never there, which
// the Bloom filters say; only a yes has to wait for the commit it may stem from.
func (s *Store) Seen(ctx context.Context, name string, since uint32, prints []store.SeenPrint) ([]bool, error) {
	r, err := s.beginRoute(ctx, name)
	if err != nil {
		return nil, err
	}
	defer s.calls.end()
	eras := r.erasFrom(since)
	seen := make([]bool, len(prints))
	some := false
	key := make([]byte, 0, 32)
	for i := range prints {
		for _, era := range slices.Backward(eras) {
			key = append(rows.AppendEra(key[:0], r.number, era), prints[i][:]...)
			if seen[i], err = s.view(key, func([]byte) error { return nil }); err != nil {
				return nil, fmt.Errorf("store: what route %q has seen: %w", name, err)
			}
			if seen[i] {
				some = true
				break
			}
		}
	}
	if some {
		return seen, s.awaitLanded(ctx, r)
	}
	return seen, s.failure()
}

// Forget implements store.Store.
func (s *Store) Forget(ctx context.Context, name string, before uint32) error {
	r, err := s.beginRoute(ctx, name)
	if err != nil {
		return err
	}
	defer s.calls.end()
	if len(r.erasFrom(0)) == len(r.erasFrom(before)) {
		return nil
	}
	if err := s.take(ctx, r.saving); err != nil {
		return err
	}
	b := s.db.NewBatch()
	_ = b.DeleteRange(rows.AppendEra(nil, r.number, 0), rows.AppendEra(nil, r.number, before), nil)
	return s.await(ctx, func() error {
		err := s.write(b, false)
		if err == nil {
			r.endEras(before)
		}
		return err
	}, func() { r.saving <- struct{}{} })
}

// endEras notes that rows are gone. One of an era that has just begun anew is not
// looked for either: it would be forgotten next time.
func (r *route) endEras(before uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i, _ := slices.BinarySearch(r.eras, before)
	r.eras = slices.Delete(r.eras, 0, i)
}
