// Package memory keeps lanes in memory: the reference for other stores, and a
// store for tests, demos and whoever can afford to lose what is parked.
package memory

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// Store implements store.Store with maps. Build it with [New].
type Store struct {
	mu     sync.Mutex
	id     string
	routes map[string]*route
	audits []store.Audit // of all routes, in order of Seq
	closed bool
}

// route is all there is of a route. Its values are copies nobody else has.
type route struct {
	identity  store.Identity
	ledger    store.Ledger
	lanes     map[store.Key]*entry
	dead      map[string]store.DeadLetter
	pending   map[string]bool // ids of those of dead that are not mirrored
	positions map[place]store.Position
	seen      map[store.SeenPrint]uint32 // the last era

	groups     map[string]store.Group // by fingerprint
	kept       map[string]store.Archived
	operations map[string]store.Operation
	events     []store.Event // that were not sent; never changed in place
	told       uint64        // the number of the last event
}

// entry is all there is of a lane.
type entry struct {
	record store.Record
	parked map[lane.Revision]store.Message
	skips  map[lane.Revision]store.Skip
	open   map[lane.Revision]bool // those of skips that no operator closed
	cause  string                 // the group that it waits for
}

var _ store.Store = (*Store)(nil)

// New returns an empty store.
func New() *Store {
	return &Store{id: uuid.NewString(), routes: map[string]*route{}}
}

// Clone returns a store with the same content and id, as a process finds it
// that starts after a crash.
func (s *Store) Clone() *Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &Store{id: s.id, routes: map[string]*route{}, audits: slices.Clone(s.audits)}
	for name, r := range s.routes {
		c.routes[name] = r.clone()
	}
	return c
}

func newRoute(id store.Identity) *route {
	return &route{
		identity: id, lanes: map[store.Key]*entry{},
		dead: map[string]store.DeadLetter{}, pending: map[string]bool{}, positions: map[place]store.Position{},
		seen: map[store.SeenPrint]uint32{}, groups: map[string]store.Group{},
		kept: map[string]store.Archived{}, operations: map[string]store.Operation{},
	}
}

// clone copies maps only: values are replaced, never changed.
func (r *route) clone() *route {
	c := newRoute(r.identity)
	c.ledger, c.dead, c.pending, c.positions = r.ledger, maps.Clone(r.dead), maps.Clone(r.pending), maps.Clone(r.positions)
	c.seen, c.groups, c.kept = maps.Clone(r.seen), maps.Clone(r.groups), maps.Clone(r.kept)
	c.operations, c.events, c.told = maps.Clone(r.operations), slices.Clone(r.events), r.told
	for k, e := range r.lanes {
		c.lanes[k] = &entry{
			record: e.record, parked: maps.Clone(e.parked), skips: maps.Clone(e.skips),
			open: maps.Clone(e.open), cause: e.cause,
		}
	}
	return c
}

// Open implements store.Store.
func (s *Store) Open(ctx context.Context, id store.Identity) (store.Ledger, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return store.Ledger{}, err
	}
	r := s.routes[id.Route]
	if r == nil {
		r = newRoute(id)
		s.routes[id.Route] = r
	}
	return r.ledger, id.Same(r.identity)
}

func (s *Store) usable(ctx context.Context) error {
	if s.closed {
		return store.ErrClosed
	}
	return ctx.Err()
}

// open returns a route for one call; s.mu is held.
func (s *Store) open(ctx context.Context, name string) (*route, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	if r := s.routes[name]; r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("%w: route %q", store.ErrNotFound, name)
}

// Ledger implements store.Store.
func (s *Store) Ledger(ctx context.Context, name string) (store.Ledger, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.open(ctx, name)
	if err != nil {
		return store.Ledger{}, err
	}
	return r.ledger, nil
}

// Stats implements store.Store with an estimate.
func (s *Store) Stats(ctx context.Context) (store.Stats, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return store.Stats{}, err
	}
	const row = 400 // about what a record or a dead letter takes beside its message
	n := row * int64(len(s.audits))
	for _, r := range s.routes {
		n += r.ledger.ParkedBytes + row*int64(len(r.lanes)+len(r.dead)+len(r.kept)+len(r.positions)+len(r.events)) + 40*int64(len(r.seen))
		for _, d := range r.dead {
			n += d.Size()
		}
		for _, a := range r.kept {
			n += a.Size()
		}
	}
	return store.Stats{Bytes: n}, nil
}

// ID implements store.Store.
func (s *Store) ID() string { return s.id }

// Close implements store.Store.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return store.ErrClosed
	}
	s.closed = true
	return nil
}

// plain is a time as any store returns it.
func plain(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.Unix(t.Unix(), int64(t.Nanosecond())).UTC()
}

func copyMessage(m store.Message) store.Message {
	m.Metadata = maps.Clone(m.Metadata)
	m.Payload = bytes.Clone(m.Payload)
	m.ParkedAt, m.FirstFailed, m.LastFailed = plain(m.ParkedAt), plain(m.FirstFailed), plain(m.LastFailed)
	return m
}

func copyDead(d store.DeadLetter) store.DeadLetter {
	d.At = plain(d.At)
	d.Message = copyMessage(d.Message)
	return d
}

// inOrder returns the values of a map by ascending keys.
func inOrder[V any](m map[lane.Revision]V) []V {
	var vs []V
	for _, r := range slices.Sorted(maps.Keys(m)) {
		vs = append(vs, m[r])
	}
	return vs
}
