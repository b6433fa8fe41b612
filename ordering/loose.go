package ordering

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// mostLoose bounds how many dead letters for which no lane waits are redriven at
// once: they are in memory.
const mostLoose = 1000

// loose are the dead letters, for which no lane waits, that are being redriven.
// They stay dead letters in the store until they are parked or the target has
// them.
type loose struct {
	letters map[string]*store.DeadLetter // by id
	pausing []pause                      // published beside the order, between two tries
}

// pause is a message that waits for its next try.
type pause struct {
	item *item
	due  time.Time
}

func (s *loose) has(id string) bool { return s.letters[id] != nil }

// add notes that a dead letter is being redriven.
func (s *loose) add(d *store.DeadLetter) {
	if s.letters == nil {
		s.letters = map[string]*store.DeadLetter{}
	}
	s.letters[d.ID] = d
}

// saysAgain is what a dead letter is told whose message is there already.
const saysAgain = "the same message came before: discard this one"

// leave ends a redrive. Where no change takes the dead letter away or replaces it,
// it stays one, and says why.
func (s *loose) leave(l *loop, it *item, says string) {
	delete(s.letters, it.dead)
	if l.moving[it.dead] == 0 {
		l.tellEnd(it.dead, Stayed, says)
	}
}

// next is when the first of those that pause is due; zero: never.
func (s *loose) next() (t time.Time) {
	for _, p := range s.pausing {
		t = earliest(t, p.due)
	}
	return t
}

// ring lets those go on that have paused for long enough.
func (s *loose) ring(l *loop) {
	s.pausing = slices.DeleteFunc(s.pausing, func(p pause) bool {
		due := !p.due.After(l.now)
		if due {
			l.ready.push(p.item)
		}
		return due
	})
}

// redriveLoose redrives a dead letter for which no lane waits.
func (l *loop) redriveLoose(o *operation, d *store.DeadLetter) error {
	if l.loose.has(d.ID) {
		o.out.Says = fmt.Sprintf("the dead letter of %s is being redriven already", named(d))
		return nil
	}
	if len(l.loose.letters)-len(l.ends) >= mostLoose { // whoever has many sent bounds them himself
		return fmt.Errorf("%w: %d dead letters are being redriven", ErrBusy, mostLoose)
	}
	it := l.reread(d)
	w, err := l.wayOf(it, o.OutOfOrder)
	if err != nil {
		return err
	}
	if it.refusal == nil {
		o.out.Key, o.out.Epoch, o.out.Revision = w.id.Key, w.id.Epoch, w.id.Revision
	}
	o.out.Says, o.out.InOrder, o.out.Parked = w.says, w.inOrder, w.parked
	if o.DryRun || w.idle {
		return nil
	}
	audit := store.Audit{Target: d.ID}
	if !w.inOrder {
		audit.Action = "redrive_out_of_order"
	}
	l.loose.add(d)
	l.sign(o, l.route, audit, func() error { return l.sendLoose(it, o.OutOfOrder) })
	return nil
}

// reread is the message of a dead letter for which no lane waits, as if it came
// from the source. Where nothing could be read of it, that is tried again: the
// configuration may be another one.
func (l *loop) reread(d *store.DeadLetter) *item {
	m := d.Message
	m.Metadata = maps.Clone(m.Metadata) // the dead letter stays as it is
	it := l.restore(&entry{key: store.Key{Name: d.Key, Epoch: d.Epoch}}, m, fromLoose)
	it.lane, it.dead = nil, d.ID
	it.redriven()
	switch d.Reason {
	case lane.Conflict.String(), lane.Regressed.String(), lane.Late.String(), lane.Implausible.String():
	default:
		if !d.Lane && (l.cfg.Order != Unordered || d.Attempts == 0 || d.Reason == ReasonForeign) { // else it was read, and delivered in vain
			l.read(it)
		}
	}
	return it
}

// way says how a dead letter for which no lane waits would go.
type way struct {
	id      ID
	inOrder bool
	idle    bool // not at all: there is nothing to do
	parked  int
	says    string
}

// wayOf finds it. What could only go out of order is an error unless allowed.
func (l *loop) wayOf(it *item, outOfOrder bool) (way, error) {
	w, err := l.inOrder(it)
	if err != nil && outOfOrder && l.cfg.Stamp {
		return w, fmt.Errorf("%w: this route numbers what it delivers, and beside the order there is no number: discard it", ErrRefused)
	}
	if err == nil || !outOfOrder || !errors.Is(err, ErrRefused) && !errors.Is(err, ErrPassed) {
		return w, err
	}
	w.says = fmt.Sprintf("publishes %s out of order, as it is", revisionOf(it.id.Revision, it.id.Key))
	return w, nil
}

// inOrder finds out what its lane would do with it, were it to arrive.
func (l *loop) inOrder(it *item) (way, error) {
	w := way{id: it.id}
	if it.refusal != nil {
		return w, fmt.Errorf("%w: %s; change the route's order, discard it, or redrive it out of order", ErrRefused, it.unread())
	}
	if l.cfg.Order == Unordered {
		w.inOrder, w.says = true, "redrives it"
		return w, nil
	}
	v, ef, err := l.place(it, &w.id)
	if err != nil {
		return w, err
	}
	name := revisionOf(w.id.Revision, w.id.Key)
	w.parked = v.lane.Parked
	switch ef.Verb {
	case lane.Deliver, lane.Hold, lane.Park:
		w.inOrder = true
		w.says = fmt.Sprintf("redrives %s at its place in the order", name)
		return w, nil
	case lane.Refuse:
		sentinel := ErrPassed
		if ef.Reason == lane.Implausible {
			sentinel = ErrRefused
		}
		return w, fmt.Errorf("%w: %s; %sdiscard it, or redrive it out of order", sentinel, l.explain(v, it, ef.Reason), v.hint())
	default: // Drop, DropUnknown, Join
		if w.id.Revision >= v.lane.Next {
			w.idle = true
			w.says = fmt.Sprintf("nothing to do: the same message waits as %s already, discard this one", name)
			return w, nil
		}
		return w, fmt.Errorf("%w: %s was passed, the key is at %d; discard it, or redrive it out of order", ErrPassed, name, v.lane.Next)
	}
}

// hint says what a record that was created anew waits for.
func (e *entry) hint() string {
	if e.lane.Reborn {
		return "release the new epoch of its key first, "
	}
	return ""
}

// place tries on which lane would take a message and what it would say to it.
func (l *loop) place(it *item, id *ID) (*entry, lane.Effect, error) {
	for locked := false; ; locked = true {
		v, err := l.tried(laneKey{id.Key, id.Epoch}, locked)
		if err != nil {
			return nil, lane.Effect{}, err
		}
		if l.cfg.Order == ByArrival && it.id.Revision == 0 {
			it.id.Revision = v.turn()
			id.Revision = it.id.Revision
			defer func() { it.id.Revision = 0 }() // it gets one when it goes
		}
		ev, err := l.arrival(v, it)
		if err != nil {
			return nil, lane.Effect{}, err
		}
		if ef := v.lane.Step(nil, ev)[0]; ef.Verb != lane.NextEpoch {
			return v, ef, nil
		}
		id.Epoch++
	}
}

// sendLoose sets a redrive going, now that it is durable that it was asked for.
// The lanes may have moved on since.
func (l *loop) sendLoose(it *item, outOfOrder bool) error {
	w, err := l.wayOf(it, outOfOrder)
	switch {
	case l.stopping:
		err = ErrStopped
	case err != nil || w.idle:
	case !w.inOrder:
		l.ready.push(it)
		return nil
	default:
		if err = l.arrive(it); err == nil {
			return nil
		}
	}
	says := ""
	if err != nil {
		says = told(err)
	}
	l.loose.leave(l, it, says)
	return err
}

// looseDone records that the target has a dead letter that went beside the order.
func (l *loop) looseDone(it *item) {
	c := l.edit(l.route)
	c.store.Ledger.Delivered++
	l.gone(c, it)
}

// gone takes a redriven dead letter out of the store.
func (l *loop) gone(c *change, it *item) {
	l.unearth(c, it.dead)
	c.store.Ledger.Redriven++
	l.loose.leave(l, it, "")
}

// looseFailed decides what becomes of one that failed beside the order, and
// reports whether the target was unavailable.
func (l *loop) looseFailed(it *item, v verdict, took time.Duration) bool {
	switch away := v.Class() == "unavailable"; {
	case v.GivenUp():
		note(it, v, l.now, took)
		l.deadAgain(it)
	case l.stopping:
		l.loose.leave(l, it, "")
	case away:
		l.outage.add(it, l.now.Add(v.Pause()))
		return true
	case v.Class() == "interrupted":
		l.outage.add(it, l.now.Add(pauseInterrupted))
		return false
	default:
		note(it, v, l.now, took)
		l.loose.pausing = append(l.loose.pausing, pause{it, l.now.Add(v.Pause())})
	}
	l.counts.attempts.add(v.Class())
	return false
}

// deadAgain stores what happened to a dead letter that failed beside the order.
// Its reason stays: it says why it is beside it.
func (l *loop) deadAgain(it *item) {
	d := *l.loose.letters[it.dead]
	d.Tries = it.tries
	l.died(l.rewrite(nil, d), &d)
	l.loose.leave(l, it, "")
	l.counts.dead.add(d.Reason)
	l.log.Warn("dead letter again", append(about(d.Key, d.Rev, d.Message.ID), l.traits(it,
		"id", d.ID, "reason", d.Reason, "class", d.Class, "attempts", d.Attempts, "error", d.Error)...)...)
}
