package ordering

import (
	"fmt"
	"strconv"
	"time"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// redrive sends a dead letter through again.
func (l *loop) redrive(o *operation, id string) error {
	d, e, err := l.about(o, "redrive", id)
	if err != nil {
		return err
	}
	if e == nil {
		return l.redriveLoose(o, &d)
	}
	o.out.InOrder, o.out.Parked = true, e.lane.Parked
	if !e.due.IsZero() {
		o.out.Says = fmt.Sprintf("%s is being redriven already", named(&d))
		return nil
	}
	o.out.Says = fmt.Sprintf("redrives %s; %s", named(&d), behind(e.lane.Parked, "in order"))
	if !o.DryRun {
		e.due = l.now // until it is through: see obey
		l.sign(o, e, store.Audit{Target: id}, nil)
	}
	return nil
}

// obey does what an operator asked of a lane that stands still, once it is
// durable that it was asked: nothing is published unseen, and after a crash it
// is done all the same. In such a lane Due says that it was asked, and when.
func (l *loop) obey(e *entry, durable time.Time) {
	if l.stopping || durable.IsZero() || !durable.Equal(e.due) {
		return
	}
	switch e.mode {
	case lane.Quarantined:
		l.step(e, nil, lane.Event{Kind: lane.Redrive, Rev: e.lane.Next, At: l.now})
	case lane.Locked:
		e.due = time.Time{}
		l.edit(e)
		l.step(e, nil, lane.Event{Kind: lane.Release, At: l.now})
	default: // Waiting: Due is the time of the next try
	}
}

// discard gives a dead letter up, or archives it.
func (l *loop) discard(o *operation, act Act, id string) error {
	d, e, err := l.about(o, string(act), id)
	if err != nil {
		return err
	}
	if l.redriven(id, e) {
		return fmt.Errorf("%w: the dead letter is being redriven", ErrBusy)
	}
	if e == nil {
		o.out.Says = fmt.Sprintf("%ss the dead letter of %s, for which nothing waits", act, named(&d))
	} else {
		o.out.InOrder, o.out.Parked, o.out.To = true, e.lane.Parked, d.Rev+1
		o.out.Says = fmt.Sprintf("%ss %s, the key goes on at %d; %s", act, named(&d), d.Rev+1, behind(e.lane.Parked, "in order"))
	}
	if !o.DryRun {
		l.sign(o, l.putAway(o, act, &d, e), store.Audit{Target: id}, nil)
	}
	return nil
}

// skip goes on without what is missing.
func (l *loop) skip(o *operation, k laneKey, to lane.Revision) error {
	e, err := l.named(k)
	if err != nil {
		return err
	}
	next := e.lane.Next
	o.out = Outcome{Action: "skip", Key: k.name, Epoch: k.epoch, Revision: next, Parked: e.lane.Parked}
	if to != 0 && to <= next {
		o.out.Says = fmt.Sprintf("key %s is at revision %d already", quoted(k.name), next)
		return nil
	}
	if to == 0 {
		to = lane.MaxRevision
	}
	at := e.skipsTo(to)
	switch {
	case at <= next:
		return e.notBlocked()
	case at-next > l.rules.MaxJump:
		return fmt.Errorf("%w: %d revisions, from %d to %d, are missing and order.max_jump is %d; skip in steps by naming a lower revision, "+
			"or, where the store was lost, run once with --adopt-once", ErrTooFar, at-next, next, at-1, l.rules.MaxJump)
	}
	o.out.To = at
	o.out.Says = fmt.Sprintf("key %s goes on at revision %d without %s; %s", quoted(k.name), at, span(next, at-1), behind(e.lane.Parked, "up to the next gap"))
	if !o.DryRun {
		l.operator = o
		l.step(e, nil, lane.Event{Kind: lane.SkipTo, Rev: at, At: l.now})
		l.operator = nil
		l.sign(o, e, store.Audit{Target: spanText(next, at-1)}, nil)
	}
	return nil
}

// skipsTo is where a skip would lead; 0 if nowhere.
func (e *entry) skipsTo(to lane.Revision) lane.Revision {
	for _, ef := range e.lane.Clone().Step(nil, lane.Event{Kind: lane.SkipTo, Rev: to}) {
		if ef.Verb == lane.SkipRange {
			return ef.To + 1
		}
	}
	return 0
}

// release gives a gap its time once more, or opens an epoch.
func (l *loop) release(o *operation, k laneKey) error {
	e, err := l.named(k)
	if err != nil {
		return err
	}
	o.out = Outcome{Action: "release", Key: k.name, Epoch: k.epoch, Revision: e.lane.Next, Parked: e.lane.Parked}
	if o.NewEpoch {
		return l.openEpoch(o, e)
	}
	if e.lane.Mode != lane.GapBlocked {
		return e.notBlocked()
	}
	o.out.Says = fmt.Sprintf("gives revision %d of key %s another %v to come; %s", e.lane.Next, quoted(k.name), l.rules.GapTimeout, behind(e.lane.Parked, "then"))
	if !o.DryRun {
		l.step(e, nil, lane.Event{Kind: lane.Release, At: l.now})
		l.sign(o, e, store.Audit{Target: spanText(e.lane.Next, e.lane.Next)}, nil)
	}
	return nil
}

// about reads the dead letter of an operation, and the lane that waits for it, nil
// if there is none. The outcome says so.
func (l *loop) about(o *operation, action, id string) (d store.DeadLetter, e *entry, err error) {
	if d, err = l.deadLetter(id); err != nil {
		return d, nil, err
	}
	if e, err = l.blockedBy(&d); err != nil {
		return d, nil, err
	}
	o.out = Outcome{Action: action, Key: d.Key, Epoch: d.Epoch, Revision: d.Rev, Dead: []string{id}}
	return d, e, nil
}

// blockedBy returns the lane that waits for a dead letter, nil if there is none.
func (l *loop) blockedBy(d *store.DeadLetter) (*entry, error) {
	if !d.Lane {
		return nil, nil
	}
	e, err := l.stored(laneKey{d.Key, d.Epoch})
	if err != nil || e == nil || !e.waitsFor(d) {
		return nil, err
	}
	return e, nil
}

// waitsFor reports whether a lane stands at a dead letter.
func (e *entry) waitsFor(d *store.DeadLetter) bool {
	return e.lane.Mode == lane.Quarantined && e.lane.Next == d.Rev
}

// named returns the lane of a key that an operator has named.
func (l *loop) named(k laneKey) (*entry, error) {
	e, err := l.stored(k)
	if err == nil && e == nil {
		err = fmt.Errorf("%w: key %s in epoch %d", store.ErrNotFound, quoted(k.name), k.epoch)
	}
	return e, err
}

// notBlocked says why there is nothing to skip or release.
func (e *entry) notBlocked() error {
	says := ""
	switch at := revisionOf(e.lane.Next, e.key.Name); e.lane.Mode {
	case lane.Gap:
		says = fmt.Sprintf("%s is missing but still has time to come; skip it, or wait", at)
	case lane.GapBlocked:
		says = fmt.Sprintf("%s did not come in time; skip it, or release the gap", at)
	case lane.Quarantined:
		says = fmt.Sprintf("%s is a dead letter; redrive or discard it", at)
	case lane.Waiting:
		says = fmt.Sprintf("%s has failed and is tried again by itself", at)
	case lane.Adopting:
		says = fmt.Sprintf("key %s is new and still looks for its first revision; wait", quoted(e.key.Name))
	case lane.Locked:
		says = fmt.Sprintf("epoch %d of key %s is not open yet; release it as a new epoch", e.key.Epoch, quoted(e.key.Name))
	default:
		says = fmt.Sprintf("key %s is at revision %d and waits for nothing", quoted(e.key.Name), e.lane.Next)
	}
	return fmt.Errorf("%w: %s", ErrNotBlocked, says)
}

// named names a dead letter for an operator.
func named(d *store.DeadLetter) string {
	if d.Nameless() && d.Key != "" {
		return "a message without a revision, of key " + quoted(d.Key)
	}
	return revisionOf(d.Rev, d.Key)
}

// revisionOf names a message for an operator.
func revisionOf(r lane.Revision, key string) string {
	if key == "" {
		return "a message without a key"
	}
	return fmt.Sprintf("revision %d of key %s", r, quoted(key))
}

// behind says what becomes of what is parked.
func behind(n int, how string) string {
	switch n {
	case 0:
		return "nothing is parked behind it"
	case 1:
		return "1 message parked behind it follows " + how
	}
	return fmt.Sprintf("%d messages parked behind it follow %s", n, how)
}

// span says which revisions.
func span(from, to lane.Revision) string {
	if from == to {
		return fmt.Sprintf("revision %d", from)
	}
	return fmt.Sprintf("revisions %d to %d", from, to)
}

// spanText is span as the audit keeps it: "4" or "4-9".
func spanText(from, to lane.Revision) string {
	s := strconv.FormatInt(int64(from), 10)
	if from != to {
		s += "-" + strconv.FormatInt(int64(to), 10)
	}
	return s
}
