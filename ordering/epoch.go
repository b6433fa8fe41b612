package ordering

import (
	"context"
	"fmt"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// nextEpoch hands a message of a record that was created anew to the lane of the
// next epoch.
func (l *loop) nextEpoch(e *entry, it *item) {
	next, err := l.entry(e.after(), true)
	if err == nil {
		it.id.Epoch++
		err = l.arriveAt(next, it)
	}
	if err != nil {
		it.id.Epoch = e.key.Epoch
		l.unread = append(l.unread, it)
		l.storeTrouble(err)
	}
}

// after is the lane of the next epoch.
func (e *entry) after() laneKey { return laneKey{e.key.Name, e.key.Epoch + 1} }

// closed reports whether a record was created anew and its next epoch is open.
func (l *loop) closed(e *entry) (bool, error) {
	if !e.lane.Reborn {
		return false, nil
	}
	next, err := l.entry(e.after(), true)
	return err == nil && next.lane.Mode != lane.Locked, err
}

// openEpoch opens the locked epoch that an operator has named, or the one behind
// it.
func (l *loop) openEpoch(o *operation, e *entry) error {
	old, next, err := l.epochs(e)
	switch {
	case err != nil:
		return err
	case next == nil:
		return fmt.Errorf("%w: key %s was not created anew, no epoch waits for its release", ErrNotBlocked, quoted(e.key.Name))
	}
	o.out.Epoch, o.out.Revision, o.out.Parked = next.key.Epoch, next.lane.Next, next.lane.Parked
	if next.lane.Mode != lane.Locked || !next.due.IsZero() {
		o.out.Says = fmt.Sprintf("epoch %d of key %s is open already", next.key.Epoch, quoted(e.key.Name))
		return nil
	}
	firsts, says, err := l.firsts(old, next)
	if err != nil {
		return err
	}
	for _, it := range firsts {
		o.out.Dead = append(o.out.Dead, it.dead)
	}
	o.out.Says = fmt.Sprintf("opens epoch %d of key %s, in which %d messages wait; %s", next.key.Epoch, quoted(e.key.Name), next.lane.Parked, says)
	if o.DryRun {
		return nil
	}
	for _, it := range firsts { // the lane is locked, so they park, in the change that opens it
		it.id.Epoch = next.key.Epoch
		if err := l.arriveAt(next, it); err != nil {
			return err
		}
	}
	next.due = l.now // see obey
	l.sign(o, next, store.Audit{Target: fmt.Sprintf("epoch %d", next.key.Epoch)}, nil)
	return nil
}

// epochs returns the lane of a record as it was, and that of the record created
// anew; nil if it was not. Either may have been named.
func (l *loop) epochs(e *entry) (old, next *entry, err error) {
	if e.lane.Reborn {
		next, err = l.entry(e.after(), true)
		return e, next, err
	}
	if e.key.Epoch > 0 {
		old, err = l.stored(laneKey{e.key.Name, e.key.Epoch - 1})
	}
	if err != nil || e.lane.Mode != lane.Locked && (old == nil || !old.lane.Reborn) {
		return nil, nil, err
	}
	return old, e, nil
}

// firsts returns the first two revisions of a record created anew, which were
// made dead letters before anyone knew, where it is clear which they are.
func (l *loop) firsts(old, next *entry) (firsts []*item, says string, err error) {
	if old == nil {
		return nil, "its first revisions are not known", nil
	}
	letters, err := l.firstLetters(old)
	if err != nil {
		return nil, "", err
	}
	for _, its := range letters {
		if len(its) > 1 {
			return nil, "which of the dead letters are its first revisions is not clear: redrive the right ones", nil
		}
		for _, it := range its {
			if ok, err := l.parks(next, it); err != nil {
				return nil, "", err
			} else if ok {
				firsts = append(firsts, it)
			}
		}
	}
	return firsts, fmt.Sprintf("%d dead letters, its first revisions, come along", len(firsts)), nil
}

// firstLetters returns the dead letters that may be those.
func (l *loop) firstLetters(old *entry) (found [2][]*item, err error) {
	base := old.lane.Base
	if old.refusing(base) || old.refusing(base+1) {
		return found, errUncommitted
	}
	for d, err := range l.cfg.Store.DeadLetters(context.Background(), store.Query{Route: l.cfg.Route, Key: old.key.Name}) {
		i := d.Rev - base
		switch {
		case err != nil:
			return found, err
		case d.Lane, d.Epoch != old.key.Epoch, i < 0, i > 1, l.loose.has(d.ID):
		case d.Reason != [...]lane.Reason{lane.Conflict, lane.Regressed}[i].String():
		case l.moving[d.ID] > 0:
			return found, errUncommitted
		default:
			found[i] = append(found[i], l.reread(&d))
		}
	}
	return found, nil
}

// parks reports whether a locked lane would take a message.
func (l *loop) parks(e *entry, it *item) (bool, error) {
	v := e.trial()
	ev, err := l.arrival(v, it)
	return err == nil && v.lane.Step(nil, ev)[0].Verb == lane.Park, err
}

// refusing reports whether a dead letter without a lane is on its way into the
// store.
func (e *entry) refusing(r lane.Revision) bool {
	for _, c := range []*change{e.pending, e.sent} {
		if c == nil {
			continue
		}
		for i := range c.store.Dead {
			if d := &c.store.Dead[i]; !d.Lane && d.Rev == r {
				return true
			}
		}
	}
	return false
}
