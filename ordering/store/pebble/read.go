package pebble

import (
	"context"
	"errors"
	"fmt"

	"github.com/cespare/xxhash/v2"
	pdb "github.com/cockroachdb/pebble/v2"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble/internal/rows"
)

// view shows a value to see, which must not keep it, and reports whether there
// is one.
func (s *Store) view(key []byte, see func([]byte) error) (bool, error) {
	v, closer, err := s.db.Get(key)
	if errors.Is(err, pdb.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, errors.Join(see(v), closer.Close())
}

// get returns a copy of a value.
func (s *Store) get(key []byte) (value []byte, ok bool, err error) {
	ok, err = s.view(key, func(v []byte) error {
		value = append([]byte{}, v...)
		return nil
	})
	return value, ok, err
}

// read runs see on a lane until what it saw is durable. The lane's key comes
// with room for a table in front.
func (s *Store) read(ctx context.Context, k store.Key, see func(r *route, key []byte) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.begin(); err != nil {
		return err
	}
	defer s.calls.end()
	r, err := s.route(k.Route)
	if err != nil {
		return err
	}
	key := rows.AppendLane(make([]byte, 0, 64), rows.Records, r.number, k.Name, k.Epoch)
	for {
		if err := see(r, key); err != nil {
			return fmt.Errorf("store: lane %q of route %q: %w", k.Name, k.Route, err)
		}
		// Pebble shows a batch before its fsync is over. Whatever was seen is
		// durable if the lane is not in flight after that.
		landed := r.inFlight(xxhash.Sum64(key[1:]))
		if landed == nil {
			return s.failure()
		}
		if err := s.awaitLanding(ctx, landed); err != nil {
			return err
		}
	}
}

// awaitLanding waits for the end of a flight.
func (s *Store) awaitLanding(ctx context.Context, landed <-chan struct{}) error {
	select {
	case <-landed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.files.Failed():
		return s.failure()
	}
}

// awaitLanded waits for the flight of a route that is under way, if one is:
// whatever was seen of the route before is durable then.
func (s *Store) awaitLanded(ctx context.Context, r *route) error {
	r.mu.Lock()
	f := r.flight
	r.mu.Unlock()
	if f != nil {
		if err := s.awaitLanding(ctx, f.landed); err != nil {
			return err
		}
	}
	return s.failure()
}

// inFlight returns what ends the flight of a lane; nil: it is not in flight.
func (r *route) inFlight(sum uint64) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.flight == nil {
		return nil
	}
	if _, ok := r.flight.lanes[sum]; !ok {
		return nil
	}
	return r.flight.landed
}

// Load implements store.Store.
func (s *Store) Load(ctx context.Context, k store.Key) (rec store.Record, err error) {
	err = s.read(ctx, k, func(r *route, key []byte) (err error) {
		forgotten := s.known.forgotten()
		var h rows.Head
		h, rec, err = s.record(r, key)
		if err == nil { // it is most probably committed next
			s.known.addRead(key[1:], h, forgotten)
		}
		return err
	})
	if err != nil {
		return store.Record{}, err
	}
	rec.Key = k
	return rec, nil
}

// Find implements store.Store.
func (s *Store) Find(ctx context.Context, k store.Key, r lane.Revision) (f store.Found, err error) {
	err = s.read(ctx, k, func(_ *route, key []byte) (err error) {
		f = store.Found{}
		key[0] = byte(rows.Parked)
		f.Parked, err = s.view(rows.AppendRevision(key, r), func(v []byte) (err error) {
			_, f.Print, err = rows.PeekParked(v)
			return err
		})
		if err != nil {
			return err
		}
		key[0] = byte(rows.Skips)
		f.Skipped, err = s.skipped(key, r)
		return err
	})
	if err != nil {
		return store.Found{}, err
	}
	return f, nil
}

// skipped reports whether r is in one of the ranges of a lane. They do not
// overlap, so only the last that starts at or below r can have it.
func (s *Store) skipped(prefix []byte, r lane.Revision) (in bool, err error) {
	it, err := s.db.NewIter(&pdb.IterOptions{LowerBound: prefix, UpperBound: rows.End(prefix)})
	if err != nil {
		return false, err
	}
	if it.SeekLT(append(rows.AppendRevision(prefix, r), 0)) {
		var skip store.Skip
		skip, err = rows.ReadSkip(it.Value())
		in = err == nil && r <= skip.To
	}
	return in, errors.Join(err, it.Error(), it.Close())
}

// scanner shows rows between two keys, in order, until see returns false. What it
// shows is good until see returns.
type scanner func(from, to []byte, see func(key, value []byte) (bool, error)) error

// scan is the scanner of Pebble's own rows.
func (s *Store) scan(from, to []byte, see func(key, value []byte) (bool, error)) error {
	return s.walk(from, to, (*pdb.Iterator).First, (*pdb.Iterator).Next, func(it *pdb.Iterator) (bool, error) {
		return see(it.Key(), it.Value())
	})
}

// scanBack is scan from the end.
func (s *Store) scanBack(from, to []byte, see func(key, value []byte) (bool, error)) error {
	return s.walk(from, to, (*pdb.Iterator).Last, (*pdb.Iterator).Prev, func(it *pdb.Iterator) (bool, error) {
		return see(it.Key(), it.Value())
	})
}

// walk goes over the rows between two keys until see returns false.
func (s *Store) walk(from, to []byte, first, next func(*pdb.Iterator) bool, see func(*pdb.Iterator) (bool, error)) error {
	it, err := s.db.NewIter(&pdb.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return err
	}
	more := true
	for first(it); it.Valid() && more && err == nil; next(it) {
		more, err = see(it)
	}
	return errors.Join(err, it.Error(), it.Close())
}

// Parked implements store.Store.
func (s *Store) Parked(ctx context.Context, k store.Key, from lane.Revision, limit int) (ms []store.Message, err error) {
	err = s.read(ctx, k, func(_ *route, key []byte) error {
		ms = nil
		key[0] = byte(rows.Parked)
		return s.scan(rows.AppendRevision(key, from), rows.End(key), func(_, row []byte) (bool, error) {
			m, err := rows.ReadParked(row)
			if err != nil {
				return false, err
			}
			ms = append(ms, m)
			return limit <= 0 || len(ms) < limit, nil
		})
	})
	if err != nil {
		return nil, err
	}
	return ms, nil
}

// ParkedRuns implements store.Store.
func (s *Store) ParkedRuns(ctx context.Context, k store.Key, from lane.Revision, look int) (runs []store.Run, err error) {
	r, err := s.beginRoute(ctx, k.Route)
	if err != nil {
		return nil, err
	}
	defer s.calls.end()
	prefix := rows.AppendLane(nil, rows.Parked, r.number, k.Name, k.Epoch)
	seen := 0
	err = s.walk(rows.AppendRevision(prefix[:len(prefix):len(prefix)], from), rows.End(prefix), (*pdb.Iterator).First, (*pdb.Iterator).Next,
		func(it *pdb.Iterator) (bool, error) {
			rev, err := rows.SplitRevision(it.Key()[len(prefix):])
			if err != nil {
				return false, fmt.Errorf("store: lane %q of route %q: %w", k.Name, k.Route, err)
			}
			runs = store.AppendRun(runs, rev)
			seen++
			return seen < look, nil
		})
	if err != nil {
		return nil, err
	}
	return runs, nil
}

// Skips implements store.Store.
func (s *Store) Skips(ctx context.Context, k store.Key) (skips []store.Skip, err error) {
	err = s.read(ctx, k, func(_ *route, key []byte) error {
		skips = nil
		key[0] = byte(rows.Skips)
		return s.scan(key, rows.End(key), func(_, row []byte) (bool, error) {
			skip, err := rows.ReadSkip(row)
			skips = append(skips, skip)
			return true, err
		})
	})
	if err != nil {
		return nil, err
	}
	return skips, nil
}
