package ordering

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// classPurged marks a parked message whose content was purged. No source can say
// it: the class of a failure is ours.
const classPurged = "purged"

// Purge forgets the content of all messages of a key that the store has: its dead
// letters, the archived ones, and what is parked. It asks for no place in the
// order: where the key waits for a dead letter it goes on behind it, and parked
// messages keep their place, to be settled there without being published. The
// key's name stays, with its checkpoint and in the audit.
//
// Errors may quote what a message said: those of groups and of events that were not
// sent stay.
func (r *Resequencer) Purge(ctx context.Context, key string, op Operation) (Outcome, error) {
	kept, err := r.archivedOf(ctx, key) // outside the loop: the archive may be large
	if err != nil {
		return Outcome{}, err
	}
	out, err := r.operate(ctx, op, func(l *loop, o *operation) error { return l.purge(o, key, kept) })
	if err != nil || !out.Done {
		return out, err
	}
	if late, err := r.archivedOf(ctx, key); err == nil && len(late) > 0 { // put away meanwhile
		more, err := r.Purge(ctx, key, op)
		more.Dead, more.Done = append(out.Dead, more.Dead...), true
		return more, err
	}
	return out, nil
}

// purge gathers first and changes then, so that it is done as a whole or not at
// all.
func (l *loop) purge(o *operation, key string, kept []string) error {
	if l.burying(key) || slices.ContainsFunc(kept, func(id string) bool { return l.moving[id] > 0 }) {
		return errUncommitted
	}
	letters, err := l.lettersOf(key)
	if err != nil {
		return err
	}
	lanes, parked, err := l.parkedOf(key)
	if err != nil {
		return err
	}
	n := len(letters) + len(kept) + parked
	o.out = Outcome{Action: "purge", Key: key, Parked: parked}
	for i := range letters {
		o.out.Dead = append(o.out.Dead, letters[i].ID)
	}
	o.out.Says = fmt.Sprintf("purges %d dead letters, %d archived and %d parked messages of key %s", len(letters), len(kept), parked, quoted(key))
	if o.DryRun || n == 0 {
		return nil
	}
	for i := range lanes {
		l.purgeParked(&lanes[i])
	}
	for i := range letters {
		if err := l.purgeLetter(&letters[i]); err != nil {
			return err
		}
	}
	c := l.edit(l.route)
	for _, id := range kept {
		l.takeOut(c, id)
	}
	l.event(c, store.Event{Type: EventPurge, Key: key, By: o.By, Reason: o.Reason})
	l.sign(o, l.route, store.Audit{Count: int64(n)}, nil)
	return nil
}

// lettersOf are the dead letters of a key, none of which is on its way.
func (l *loop) lettersOf(key string) (all []store.DeadLetter, err error) {
	for d, err := range l.cfg.Store.DeadLetters(context.Background(), store.Query{Route: l.cfg.Route, Key: key}) {
		if err != nil {
			return nil, err
		}
		e, err := l.blockedBy(&d)
		switch {
		case err != nil:
			return nil, err
		case l.moving[d.ID] > 0:
			return nil, errUncommitted
		case l.redriven(d.ID, e):
			return nil, fmt.Errorf("%w: a dead letter of the key is being redriven", ErrBusy)
		}
		all = append(all, d)
	}
	return all, nil
}

func (r *Resequencer) archivedOf(ctx context.Context, key string) (ids []string, err error) {
	for a, err := range r.cfg.Store.Archive(ctx, store.Query{Route: r.cfg.Route, Key: key}) {
		if errors.Is(err, store.ErrNotFound) {
			break
		}
		if err != nil {
			return nil, err
		}
		ids = append(ids, a.ID)
	}
	return ids, nil
}

// purging is a lane with what is parked in it.
type purging struct {
	entry *entry
	rows  []store.Message
}

// parkedOf are the lanes of a key in all its epochs, with what is parked.
func (l *loop) parkedOf(key string) (all []purging, n int, err error) {
	for rec, err := range l.cfg.Store.Lanes(context.Background(), store.Query{Route: l.cfg.Route, Key: key}) {
		if err != nil {
			return nil, 0, err
		}
		e, err := l.stored(laneKey{rec.Key.Name, rec.Key.Epoch})
		if err != nil || e == nil {
			return nil, 0, err
		}
		if e.pending != nil || e.sent != nil {
			return nil, 0, errUncommitted
		}
		if e.lane.Flying() {
			return nil, 0, fmt.Errorf("%w: a message of the key is being published", ErrBusy)
		}
		rows, err := l.cfg.Store.Parked(context.Background(), e.key, 0, 0)
		if err != nil {
			return nil, 0, err
		}
		all = append(all, purging{e, rows})
		n += len(rows)
	}
	return all, n, nil
}

// purgeParked puts marks in the places of parked messages.
func (l *loop) purgeParked(p *purging) {
	if len(p.rows) == 0 {
		return
	}
	c := l.edit(p.entry)
	for _, m := range p.rows {
		m = store.Message{Rev: m.Rev, Print: m.Print, ParkedAt: m.ParkedAt, Tries: store.Tries{Class: classPurged}}
		c.store.Park = append(c.store.Park, m)
		it := l.restore(p.entry, m, fromParked) // what is stored until then is not to be found
		c.parks = append(c.parks, it)
		it.storing++
		p.entry.keep(it)
	}
	l.uncache(p.entry)
}

// purgeLetter takes a dead letter away, and lets its lane go on.
func (l *loop) purgeLetter(d *store.DeadLetter) error {
	e, err := l.blockedBy(d)
	if err != nil {
		return err
	}
	c := l.edit(l.takeAway(d, e))
	c.store.Ledger.Discarded--
	c.store.Ledger.Purged++
	return nil
}

// isPurged reports whether nothing of a message is left but its place.
func isPurged(m *store.Message) bool { return m.Class == classPurged }

// Close says that an operator has seen to a skipped range, which then is no open
// skip any more. from is its first revision.
func (r *Resequencer) Close(ctx context.Context, key string, epoch uint32, from lane.Revision, op Operation) (Outcome, error) {
	return r.operate(ctx, op, func(l *loop, o *operation) error { return l.closeSkip(o, laneKey{key, epoch}, from) })
}

func (l *loop) closeSkip(o *operation, k laneKey, from lane.Revision) error {
	e, err := l.named(k)
	if err != nil {
		return err
	}
	skip, err := l.openSkip(e, from)
	if err != nil {
		return err
	}
	o.out = Outcome{Action: "close", Key: k.name, Epoch: k.epoch, Revision: skip.From, To: skip.To}
	o.out.Says = fmt.Sprintf("closes the skip of %s of key %s", span(skip.From, skip.To), quoted(k.name))
	if !o.DryRun {
		c := l.edit(e)
		c.store.Close = append(c.store.Close, from)
		l.sign(o, e, store.Audit{Target: spanText(skip.From, skip.To)}, nil)
	}
	return nil
}

// openSkip finds a skipped range of a lane that is open.
func (l *loop) openSkip(e *entry, from lane.Revision) (store.Skip, error) {
	if e.pending != nil || e.sent != nil {
		return store.Skip{}, errUncommitted
	}
	skips, err := l.cfg.Store.Skips(context.Background(), e.key)
	if err != nil {
		return store.Skip{}, err
	}
	for _, s := range skips {
		if s.From != from {
			continue
		}
		before := store.Skip{At: s.At, From: from - 1}
		for open, err := range l.cfg.Store.OpenSkips(context.Background(), l.cfg.Route, store.OpenSkip{Key: e.key, Skip: before}) {
			if err != nil || open.Key == e.key && open.From == from {
				return open.Skip, err
			}
			break
		}
	}
	return store.Skip{}, fmt.Errorf("%w: key %s has no open skip that begins at revision %d", store.ErrNotFound, quoted(e.key.Name), from)
}
