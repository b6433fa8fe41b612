package pebble

import (
	"context"
	"slices"
	"strings"
)

// care is what looks after the files beside Pebble.
type care struct {
	backing chan struct{} // holds one token: the right to make a backup
	ending  context.Context
	end     context.CancelFunc
	reserve *reserve // nil: there is none
}

func newCare() care {
	ctx, end := context.WithCancel(context.Background())
	return care{backing: token(), ending: ctx, end: end}
}

// until is ctx until the store is closed.
func (c *care) until(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(c.ending, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

// counted are the routes by name, with their ledgers.
func (s *Store) counted() []Counted {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]Counted, 0, len(s.routes))
	for _, r := range s.routes {
		all = append(all, Counted{r.identity.Route, r.counts()})
	}
	slices.SortFunc(all, func(a, b Counted) int { return strings.Compare(a.Route, b.Route) })
	return all
}

// Routes are the routes that the store knows, by name, with their ledgers.
func (s *Store) Routes() []Counted { return s.counted() }

// Format is the version of the store as a whole.
func (s *Store) Format() int { return format }
