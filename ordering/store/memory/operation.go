package memory

import (
	"context"
	"iter"
	"maps"
	"slices"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// operate forgets operations, and replaces others.
func (r *route) operate(c *store.Change) {
	for _, id := range c.Over {
		delete(r.operations, id)
	}
	for _, o := range c.Operations {
		o = copyOperation(o)
		o.Route = c.Key.Route
		r.operations[o.ID] = o
	}
}

func copyOperation(o store.Operation) store.Operation {
	if len(o.Selection.IDs) == 0 {
		o.Selection.IDs = nil
	}
	o.Selection.IDs = slices.Clone(o.Selection.IDs)
	o.Selection.Since, o.Selection.Until = plain(o.Selection.Since), plain(o.Selection.Until)
	o.Began, o.Changed, o.Ended = plain(o.Began), plain(o.Changed), plain(o.Ended)
	return o
}

// Operations implements store.Store.
func (s *Store) Operations(ctx context.Context, name string) (os []store.Operation, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.open(ctx, name)
	if err != nil {
		return nil, err
	}
	for _, id := range slices.Sorted(maps.Keys(r.operations)) {
		os = append(os, copyOperation(r.operations[id]))
	}
	return os, nil
}

// tell appends events, and forgets those that were sent.
func (r *route) tell(c *store.Change) {
	sent := 0
	for sent < len(r.events) && r.events[sent].Seq <= c.Sent {
		sent++
	}
	r.events = r.events[sent:]
	for _, e := range c.Events {
		r.told++
		e = copyEvent(e)
		e.Seq = r.told
		r.events = append(r.events, e)
	}
	r.ledger.Unsent = int64(len(r.events))
}

func copyEvent(e store.Event) store.Event {
	e.At, e.Revision, e.To, e.Reply = plain(e.At), copied(e.Revision), copied(e.To), copied(e.Reply)
	return e
}

func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// Events implements store.Store.
func (s *Store) Events(ctx context.Context, name string, after uint64, limit int) (es []store.Event, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.open(ctx, name)
	if err != nil {
		return nil, err
	}
	for _, e := range r.events {
		if e.Seq > after && (limit <= 0 || len(es) < limit) {
			es = append(es, copyEvent(e))
		}
	}
	return es, nil
}

// skip adds skipped ranges, which are open, and closes others.
func (r *route) skip(e *entry, c *store.Change) {
	was := len(e.open)
	for _, k := range c.Skip {
		k.At = plain(k.At)
		e.skips[k.From], e.open[k.From] = k, true
	}
	for _, from := range c.Close {
		delete(e.open, from)
	}
	r.ledger.OpenSkips += int64(len(e.open) - was)
}

// OpenSkips implements store.Store with the ranges as they are when it begins.
func (s *Store) OpenSkips(ctx context.Context, route string, after store.OpenSkip) iter.Seq2[store.OpenSkip, error] {
	return listed(0, func() ([]store.OpenSkip, error) { return s.openSkips(ctx, route, after) })
}

func (s *Store) openSkips(ctx context.Context, name string, after store.OpenSkip) (skips []store.OpenSkip, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.open(ctx, name)
	if err != nil {
		return nil, err
	}
	for k, e := range r.lanes {
		for from := range e.open {
			if o := (store.OpenSkip{Key: k, Skip: e.skips[from]}); after == (store.OpenSkip{}) || o.Compare(&after) > 0 {
				skips = append(skips, o)
			}
		}
	}
	slices.SortFunc(skips, func(a, b store.OpenSkip) int { return a.Compare(&b) })
	return skips, nil
}

// newEntry is a lane of which nothing is stored.
func newEntry() *entry {
	return &entry{parked: map[lane.Revision]store.Message{}, skips: map[lane.Revision]store.Skip{}, open: map[lane.Revision]bool{}}
}
