package pebble

import (
	"context"
	"errors"
	"fmt"
	"sync"

	pdb "github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"

	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble/internal/rows"
)

// format is the version of the store as a whole: which tables there are and
// what they mean. An older store is brought to it when it is opened.
//
//	1  Meta, Routes, Ledgers, Records, Blocked, Parked, Skips, Dead, DeadByName
//	2  Audits, AuditByKey, Positions, Unmirrored; ledgers count what was filtered, and Unmirrored
//	3  Journal
//	4  Seen; records have a Stamp
//	5  DeadByTime, DeadByName and Unmirrored by place, DeadByGroup, Groups, Archive, Operations, Events, Told,
//	   OpenSkips; dead letters have a fingerprint, records a cause, audits a count and a hash
//	6  parked messages and dead letters have a log of their tries
const format = 6

// route is a route's part of the store.
type route struct {
	number   uint32
	identity store.Identity

	// turn holds one token: the right to commit. Whoever has it has work, too.
	turn    chan struct{}
	work    work
	journal journal
	outbox  outbox

	saving chan struct{} // holds one token: the right to save positions, or to read them

	mu     sync.Mutex
	eras   []uint32 // of which there are sightings, ascending
	ledger store.Ledger
	flight *flight // the commit whose fsync is under way, or nil
}

// flight is a commit that may be visible but is not known to be durable.
type flight struct {
	lanes  map[uint64]int // by hash of the lane's key: the index of its change
	landed chan struct{}
}

func newRoute(number uint32, id store.Identity, l store.Ledger) *route {
	return &route{number: number, identity: id, turn: token(), saving: token(), ledger: l}
}

func metaKey(name string) []byte { return append([]byte{byte(rows.Meta)}, name...) }

func routeKey(name string) []byte { return append([]byte{byte(rows.Routes)}, name...) }

// restore reads what the store as a whole remembers, or founds it.
func (s *Store) restore() error {
	v, ok, err := s.get(metaKey("format"))
	switch {
	case err != nil:
		return err
	case !ok:
		return s.found()
	case len(v) != 1 || v[0] == 0 || v[0] > format:
		return fmt.Errorf("%w: it has format %d, this program reads %d", store.ErrFormat, v, format)
	}
	id, _, err := s.get(metaKey("id"))
	if err != nil {
		return err
	}
	s.id = string(id)
	if err := s.restoreRoutes(); err != nil {
		return err
	}
	if err := s.upgrade(v[0]); err != nil {
		return fmt.Errorf("bring it to format %d: %w", format, err)
	}
	s.audited, err = s.lastAudit()
	return err
}

// found writes the first rows of a new store.
func (s *Store) found() error {
	it, err := s.db.NewIter(nil)
	if err != nil {
		return err
	}
	empty := !it.First()
	if err := errors.Join(it.Error(), it.Close()); err != nil {
		return err
	}
	if !empty {
		return fmt.Errorf("%w: there is a Pebble database without a format of ours", store.ErrFormat)
	}
	s.id = uuid.NewString()
	b := s.db.NewBatch()
	_ = b.Set(metaKey("format"), []byte{format}, nil)
	_ = b.Set(metaKey("id"), []byte(s.id), nil)
	if err := s.write(b, true); err != nil {
		return err
	}
	// Pebble begins the log of a new database in its oldest format, whose
	// damage looks like the end of a crash. This begins another one.
	return s.db.Flush()
}

func (s *Store) restoreRoutes() error {
	prefix := []byte{byte(rows.Routes)}
	it, err := s.db.NewIter(&pdb.IterOptions{LowerBound: prefix, UpperBound: rows.End(prefix)})
	if err != nil {
		return err
	}
	defer func() { _ = it.Close() }()
	for it.First(); it.Valid(); it.Next() {
		number, id, err := rows.ReadRouteRow(it.Value())
		if err != nil {
			return fmt.Errorf("route %q: %w", it.Key()[1:], err)
		}
		l, err := s.readLedger(number)
		if err != nil {
			return fmt.Errorf("ledger of route %q: %w", id.Route, err)
		}
		r := newRoute(number, id, l)
		if err := s.replay(r); err != nil {
			return fmt.Errorf("journal of route %q: %w", id.Route, err)
		}
		if err := s.restoreEras(r); err != nil {
			return fmt.Errorf("what route %q has seen: %w", id.Route, err)
		}
		if err := s.restoreOutbox(r); err != nil {
			return fmt.Errorf("events of route %q: %w", id.Route, err)
		}
		s.routes[id.Route] = r
	}
	return it.Error()
}

func (s *Store) readLedger(number uint32) (store.Ledger, error) {
	v, ok, err := s.get(rows.AppendRoute(nil, rows.Ledgers, number))
	if err != nil || !ok {
		return store.Ledger{}, err
	}
	return rows.ReadLedger(v)
}

// Open implements store.Store.
func (s *Store) Open(ctx context.Context, id store.Identity) (store.Ledger, error) {
	if err := ctx.Err(); err != nil {
		return store.Ledger{}, err
	}
	if err := s.begin(); err != nil {
		return store.Ledger{}, err
	}
	defer s.calls.end()
	if s.files.Full() {
		return store.Ledger{}, store.ErrFull
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.routes[id.Route]
	if r == nil {
		return store.Ledger{}, s.addRoute(id)
	}
	if err := id.Same(r.identity); err != nil {
		return store.Ledger{}, err
	}
	return r.counts(), nil
}

// addRoute allots a route the next number; routes are never removed.
func (s *Store) addRoute(id store.Identity) error {
	number := uint32(1)
	for _, r := range s.routes {
		number = max(number, r.number+1)
	}
	b := s.db.NewBatch()
	_ = b.Set(routeKey(id.Route), rows.AppendRouteRow(nil, number, &id), nil)
	if err := s.write(b, true); err != nil {
		return fmt.Errorf("store route %q: %w", id.Route, err)
	}
	s.routes[id.Route] = newRoute(number, id, store.Ledger{})
	return nil
}

func (s *Store) route(name string) (*route, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if r := s.routes[name]; r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("%w: route %q", store.ErrNotFound, name)
}

// Ledger implements store.Store.
func (s *Store) Ledger(_ context.Context, name string) (store.Ledger, error) {
	if err := s.begin(); err != nil {
		return store.Ledger{}, err
	}
	defer s.calls.end()
	r, err := s.route(name)
	if err != nil {
		return store.Ledger{}, err
	}
	return r.counts(), nil
}

func (r *route) counts() store.Ledger {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ledger
}
