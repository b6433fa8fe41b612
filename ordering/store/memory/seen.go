package memory

import (
	"context"
	"maps"

	"github.com/brokerbridge/bridge/ordering/store"
)

// Seen implements store.Store.
func (s *Store) Seen(ctx context.Context, name string, since uint32, prints []store.SeenPrint) ([]bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.open(ctx, name)
	if err != nil {
		return nil, err
	}
	seen := make([]bool, len(prints))
	for i, p := range prints {
		era, known := r.seen[p]
		seen[i] = known && era >= since
	}
	return seen, nil
}

// Forget implements store.Store.
func (s *Store) Forget(ctx context.Context, name string, before uint32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.open(ctx, name)
	if err != nil {
		return err
	}
	maps.DeleteFunc(r.seen, func(_ store.SeenPrint, era uint32) bool { return era < before })
	return nil
}
