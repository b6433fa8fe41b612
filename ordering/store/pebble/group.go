package pebble

import (
	"context"
	"fmt"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble/internal/rows"
)

// noCause is that of a lane that waits for no dead letter.
var noCause rows.Fingerprint

// group is a group as it stands behind the changes that a commit has taken in.
type group struct {
	store.Group
	dirty bool // it is to be written with the batch
}

// give makes a dead letter one of the group's, but for the counting.
func (g *group) give(d *store.DeadLetter) {
	if g.First.IsZero() || d.At.Before(g.First) {
		g.First = d.At
	}
	if !d.At.Before(g.Last) {
		g.Last, g.Error = d.At, d.Error
	}
	g.Reason, g.Class, g.Target = d.Reason, d.Class, d.Target
}

// lookGroup reads a group that a change touches, unless an earlier one has.
func (w *work) lookGroup(f rows.Fingerprint) error {
	if w.groups[f] != nil {
		return nil
	}
	g := &group{}
	w.key = rows.AppendGroup(w.key[:0], w.r.number, f)
	_, err := w.s.view(w.key, func(v []byte) (err error) {
		g.Group, err = rows.ReadGroupRow(v)
		return err
	})
	if err != nil {
		return fmt.Errorf("group %s: %w", f, err)
	}
	if w.groups == nil {
		w.groups = map[rows.Fingerprint]*group{}
	}
	w.groups[f] = g
	return nil
}

// group returns one that was looked at, to be changed.
func (w *work) group(f rows.Fingerprint) *group {
	w.touched = append(w.touched, f)
	return w.groups[f]
}

// causeOf says which dead letter's group a lane waits for behind a change.
func (w *work) causeOf(c *store.Change, was rows.Fingerprint) rows.Fingerprint {
	if c.Record.State.Mode != lane.Quarantined {
		return noCause
	}
	for i := range c.Dead {
		if d := &c.Dead[i]; d.Lane && d.Key == c.Key.Name && d.Epoch == c.Key.Epoch && d.Rev == c.Record.State.Next {
			was = w.prints[i]
		}
	}
	return was
}

// wait counts a lane where it waits now, and no more where it did.
func (w *work) wait(was, is *rows.Head) {
	if was.Cause != noCause {
		g := w.group(was.Cause)
		g.Keys--
		g.Parked -= int64(was.Rows)
	}
	if is.Cause != noCause {
		g := w.group(is.Cause)
		g.Keys++
		g.Parked += int64(is.Rows)
	}
}

// settleGroups ends what a change did to groups: one that nothing is in begins
// anew.
func (w *work) settleGroups() {
	for _, f := range w.touched {
		g := w.groups[f]
		if g.Dead <= 0 && g.Keys <= 0 && g.Parked <= 0 {
			g.Group = store.Group{}
		}
		if !g.dirty {
			g.dirty = true
			w.dirty = append(w.dirty, f)
		}
	}
	w.touched = w.touched[:0]
}

// endGroups writes the groups that a batch changed.
func (w *work) endGroups() {
	for _, f := range w.dirty {
		g := w.groups[f]
		g.dirty = false
		w.key = rows.AppendGroup(w.key[:0], w.r.number, f)
		if g.Dead <= 0 && g.Keys <= 0 && g.Parked <= 0 {
			w.delete(w.key)
			continue
		}
		w.value = rows.AppendGroupRow(w.value[:0], &g.Group)
		w.set(w.key, w.value)
	}
	w.dirty = w.dirty[:0]
}

// Groups implements store.Store.
func (s *Store) Groups(ctx context.Context, route string) (gs []store.Group, err error) {
	r, err := s.beginRoute(ctx, route)
	if err != nil {
		return nil, err
	}
	defer s.calls.end()
	prefix := rows.AppendRoute(nil, rows.Groups, r.number)
	err = s.scan(prefix, rows.End(prefix), func(key, row []byte) (bool, error) {
		g, err := rows.ReadGroupRow(row)
		if err != nil {
			return false, err
		}
		if g.Fingerprint = rows.Fingerprint(key[len(prefix):]).String(); g.Dead > 0 || g.Keys > 0 {
			gs = append(gs, g)
		}
		return true, ctx.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("store: groups of route %q: %w", route, err)
	}
	return gs, nil
}
