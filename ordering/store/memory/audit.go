package memory

import (
	"bytes"
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"

	"github.com/brokerbridge/bridge/ordering/store"
)

// audit appends what an operator did; s.mu is held.
func (s *Store) audit(c *store.Change) {
	for _, a := range c.Audit {
		a.Seq, a.Route, a.At = uint64(len(s.audits))+1, c.Key.Route, plain(a.At)
		_, before := s.auditHead()
		a.Hash = a.Sum(before)
		s.audits = append(s.audits, a)
	}
}

func (s *Store) auditHead() (seq uint64, hash store.AuditHash) {
	if n := len(s.audits); n > 0 {
		return s.audits[n-1].Seq, s.audits[n-1].Hash
	}
	return 0, hash
}

// AuditHead implements store.Store.
func (s *Store) AuditHead(ctx context.Context) (seq uint64, hash store.AuditHash, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return 0, hash, err
	}
	seq, hash = s.auditHead()
	return seq, hash, nil
}

// Audits implements store.Store with the rows as they are when it begins.
func (s *Store) Audits(ctx context.Context, q store.AuditQuery) iter.Seq2[store.Audit, error] {
	return func(yield func(store.Audit, error) bool) {
		rows, err := s.auditRows(ctx, q)
		for i, a := range rows {
			if !yield(a, nil) || i+1 == q.Limit {
				return
			}
		}
		if err != nil {
			yield(store.Audit{}, err)
		}
	}
}

func (s *Store) auditRows(ctx context.Context, q store.AuditQuery) (rows []store.Audit, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q.Route == "" {
		err = s.usable(ctx)
	} else {
		_, err = s.open(ctx, q.Route)
	}
	if err != nil {
		return nil, err
	}
	for _, a := range s.audits {
		if q.Within(a.Seq) && (q.Route == "" || a.Route == q.Route) && (q.Key == "" || a.Key == q.Key) {
			rows = append(rows, a)
		}
	}
	if q.Newest {
		slices.Reverse(rows)
	}
	return rows, nil
}

// place is a partition of a topic.
type place struct {
	topic     [16]byte
	partition int32
}

// Positions implements store.Store.
func (s *Store) Positions(ctx context.Context, route string) ([]store.Position, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.open(ctx, route)
	if err != nil {
		return nil, err
	}
	return slices.SortedFunc(maps.Values(r.positions), func(a, b store.Position) int {
		return cmp.Or(bytes.Compare(a.TopicID[:], b.TopicID[:]), cmp.Compare(a.Partition, b.Partition))
	}), nil
}

// SavePositions implements store.Store.
func (s *Store) SavePositions(ctx context.Context, route string, ps ...store.Position) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.open(ctx, route)
	if err != nil {
		return err
	}
	for _, p := range ps {
		r.positions[place{p.TopicID, p.Partition}] = p
	}
	return nil
}
