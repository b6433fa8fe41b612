package pebble

import (
	"context"
	"fmt"

	"github.com/brokerbridge/bridge/ordering/store/pebble/internal/rows"
)

// Compact rewrites the files that hold what was parked, given up or archived under
// a key, so that what was deleted of it leaves the disk. Tables that do not sort by
// key are compacted for the whole route. It is best effort: what a reader still
// holds stays for now, and so does what is in a log that was not flushed.
func (s *Store) Compact(ctx context.Context, route, key string) error {
	r, err := s.beginRoute(ctx, route)
	if err != nil {
		return err
	}
	defer s.calls.end()
	for _, prefix := range r.holds(key) {
		if err := s.db.Compact(ctx, prefix, rows.End(prefix), false); err != nil {
			return fmt.Errorf("store: compact route %q: %w", route, err)
		}
	}
	return s.failure()
}

// holds are the prefixes under which something of a key is stored.
func (r *route) holds(key string) (prefixes [][]byte) {
	for _, t := range [...]rows.Table{rows.Parked, rows.DeadByName} {
		prefix := rows.AppendRoute(nil, t, r.number)
		if key != "" {
			prefix = rows.AppendName(prefix, key)
		}
		prefixes = append(prefixes, prefix)
	}
	for _, t := range [...]rows.Table{rows.Dead, rows.DeadByTime, rows.DeadByGroup, rows.Unmirrored, rows.Archive} {
		prefixes = append(prefixes, rows.AppendRoute(nil, t, r.number))
	}
	return prefixes
}
