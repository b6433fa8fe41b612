package pebble

import (
	"context"
	"fmt"

	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble/internal/rows"
)

// Positions implements store.Store. It takes the turn of those who save, because
// Pebble shows a batch before its fsync is over.
func (s *Store) Positions(ctx context.Context, route string) (ps []store.Position, err error) {
	r, err := s.beginRoute(ctx, route)
	if err != nil {
		return nil, err
	}
	defer s.calls.end()
	select {
	case <-r.saving:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.files.Failed():
		return nil, s.failure()
	}
	defer func() { r.saving <- struct{}{} }()
	prefix := rows.AppendRoute(nil, rows.Positions, r.number)
	err = s.scan(prefix, rows.End(prefix), func(_, row []byte) (bool, error) {
		p, err := rows.ReadPositionRow(row)
		ps = append(ps, p)
		return true, err
	})
	if err != nil {
		return nil, fmt.Errorf("store: positions of route %q: %w", route, err)
	}
	return ps, s.failure()
}

// SavePositions implements store.Store. It does not wait for commits of the
// route, only for an earlier call of its own.
func (s *Store) SavePositions(ctx context.Context, route string, ps ...store.Position) error {
	r, err := s.beginRoute(ctx, route)
	if err != nil {
		return err
	}
	defer s.calls.end()
	if len(ps) == 0 {
		return nil
	}
	if err := s.take(ctx, r.saving); err != nil {
		return err
	}
	b := s.db.NewBatch()
	for i := range ps {
		_ = b.Set(rows.AppendPosition(nil, r.number, &ps[i]), rows.AppendPositionRow(nil, &ps[i]), nil)
	}
	return s.await(ctx, func() error { return s.write(b, true) }, func() { r.saving <- struct{}{} })
}

// beginRoute starts a call about a route, unless it returns an error.
func (s *Store) beginRoute(ctx context.Context, name string) (*route, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := s.begin(); err != nil {
		return nil, err
	}
	r, err := s.route(name)
	if err != nil {
		s.calls.end()
		return nil, err
	}
	return r, nil
}
