package memory

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// change changes a group, which begins with it where there is none.
func (r *route) change(fingerprint string, how func(*store.Group)) {
	g := r.groups[fingerprint]
	g.Fingerprint = fingerprint
	how(&g)
	r.groups[fingerprint] = g
}

// came counts a dead letter in its group.
func (r *route) came(d *store.DeadLetter, isNew bool) {
	r.change(d.Fingerprint, func(g *store.Group) {
		if g.First.IsZero() || d.At.Before(g.First) {
			g.First = d.At
		}
		if !d.At.Before(g.Last) {
			g.Last, g.Error = d.At, d.Error
		}
		g.Reason, g.Class, g.Target = d.Reason, d.Class, d.Target
		if isNew {
			g.Dead++
		}
	})
}

// went counts a dead letter in its group no more.
func (r *route) went(d *store.DeadLetter) {
	r.change(d.Fingerprint, func(g *store.Group) { g.Dead-- })
}

// waits counts a lane with so many parked messages, or counts it no more.
func (r *route) waits(cause string, sign, parked int) {
	if cause == "" {
		return
	}
	r.change(cause, func(g *store.Group) {
		g.Keys += int64(sign)
		g.Parked += int64(sign * parked)
	})
}

// causeOf says which dead letter's group a lane waits for behind a change.
func causeOf(c *store.Change, was string) string {
	if c.Record.State.Mode != lane.Quarantined {
		return ""
	}
	for i := range c.Dead {
		if d := &c.Dead[i]; d.Lane && d.Key == c.Key.Name && d.Epoch == c.Key.Epoch && d.Rev == c.Record.State.Next {
			was = store.FingerprintOf(d)
		}
	}
	return was
}

// endGroups drops those that nothing is in.
func (r *route) endGroups() {
	maps.DeleteFunc(r.groups, func(_ string, g store.Group) bool { return g.Dead == 0 && g.Keys == 0 && g.Parked == 0 })
}

// Groups implements store.Store.
func (s *Store) Groups(ctx context.Context, name string) (gs []store.Group, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.open(ctx, name)
	if err != nil {
		return nil, err
	}
	for _, g := range r.groups {
		if g.Dead > 0 || g.Keys > 0 {
			gs = append(gs, g)
		}
	}
	slices.SortFunc(gs, func(a, b store.Group) int { return cmp.Compare(a.Fingerprint, b.Fingerprint) })
	return gs, nil
}

// within reports whether a time is in the bounds of a query.
func within(q *store.Query, at time.Time) bool {
	return (q.Since.IsZero() || !at.Before(q.Since)) && (q.Until.IsZero() || at.Before(q.Until))
}
