package ordering

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// deadLetters is the namespace of the ids of dead letters.
var deadLetters = uuid.MustParse("6f1d3c1e-1f0c-5a53-9d2f-0b7a4d1f9a52")

// deadID is the id of the dead letter that stands at a revision of a lane. It
// is the same each time, so that a message given up twice is one dead letter.
func (l *loop) deadID(e *entry, r lane.Revision) string {
	name := fmt.Sprintf("%d:%s\x00%d\x00%d", len(e.key.Name), e.key.Name, e.key.Epoch, r)
	return uuid.NewSHA1(deadLetters, []byte(name)).String()
}

// looseID is the id of a dead letter that belongs to no lane, made of what the
// message is: delivered again, it is the same one. The id that the source gave it
// does not suffice. Producers put there what they like, such as an order's number, or
// nothing.
func looseID(it *item, reason string) string {
	name := fmt.Appendf(nil, "%s\x00%d:%s\x00%d:%s\x00%d\x00",
		reason, len(it.msg.UUID), it.msg.UUID, len(it.id.Key), it.id.Key, it.id.Epoch)
	if it.refusal == nil || reason == ReasonPanic {
		name = fmt.Appendf(name, "%d\x00%x\x00", it.id.Revision, it.print)
	}
	if same := it.same(); same != "" {
		name = append(append(name, same...), 0)
	}
	return uuid.NewSHA1(deadLetters, append(name, it.msg.Payload...)).String()
}

// letter is an item as a dead letter.
func (l *loop) letter(it *item, id, reason string) store.DeadLetter {
	d := store.DeadLetter{
		Route: l.cfg.Route, ID: id, Key: it.id.Key, Epoch: it.id.Epoch,
		Reason: reason, Target: l.cfg.Target, Message: it.stored(l.now),
	}
	if d.FirstFailed.IsZero() {
		d.FirstFailed, d.LastFailed = l.now, l.now
	}
	return d
}

// giveUp makes the head of a lane a dead letter.
func (l *loop) giveUp(e *entry, r lane.Revision) {
	it, ok := e.find(r)
	if !ok {
		return
	}
	c := l.account(e)
	reason := "max_attempts"
	if it.verdict != nil && it.verdict.Reason() != "" {
		reason = it.verdict.Reason()
	}
	d := l.letter(it, l.deadID(e, r), reason)
	if d.Lane = !e.alone; e.alone {
		d.Key = ""
		if it.origin == fromLoose {
			d.ID = it.dead
		}
	}
	l.noteDead(it, reason)
	l.bury(c, d)
	l.died(c, &d)
	c.conclude(it)
	e.due = time.Time{}
	switch {
	case it.origin == fromParked:
		c.store.Unpark = append(c.store.Unpark, r)
	case it.origin == fromLoose && it.dead != d.ID:
		l.gone(c, it)
	case it.origin == fromLoose:
		if !d.Lane { // replaced, it would count as a duplicate
			l.unearth(c, d.ID)
		}
		l.loose.leave(l, it, "")
	}
	e.drop(it)
	l.leaveAlone(e)
	l.counts.dead.add(reason)
	l.log.Warn("dead letter", append(about(d.Key, d.Rev, d.Message.ID), l.traits(it,
		"id", d.ID, "reason", reason, "class", d.Class, "attempts", d.Attempts, "error", d.Error)...)...)
}

// refuse makes a message a dead letter that belongs to no lane.
func (l *loop) refuse(e *entry, it *item, why lane.Reason) {
	if it.origin == fromLoose { // it is one already
		e.drop(it)
		l.loose.leave(l, it, l.explain(e, it, why))
		return
	}
	if it.tries.Error == "" {
		it.tries.Error = l.explain(e, it, why)
		it.tries.Class = "permanent"
	}
	if why != lane.Conflict { // which says more about order.same than about the route
		l.noteDead(it, why.String())
	}
	c := l.edit(e)
	d := l.letter(it, looseID(it, why.String()), why.String())
	l.bury(c, d)
	l.died(c, &d)
	c.conclude(it)
	e.drop(it)
	l.counts.dead.add(why.String())
}

// explain says why a lane refused a message.
func (l *loop) explain(e *entry, it *item, why lane.Reason) string {
	switch why {
	case lane.Conflict:
		return fmt.Sprintf("revision %d of this key came before with other content (order.same says what is compared)", it.id.Revision)
	case lane.Regressed:
		return "the first revisions of this key came again with other content: the record was created anew"
	case lane.Late:
		return fmt.Sprintf("revision %d was skipped before it came", it.id.Revision)
	case lane.BelowFirst:
		return fmt.Sprintf("revision %d is below order.first (%d)", it.id.Revision, l.rules.First)
	default:
		return fmt.Sprintf("revision %d is more than order.max_jump (%d) above the highest known, %d",
			it.id.Revision, l.rules.MaxJump, e.lane.Highest)
	}
}

// refuseUnidentified makes a message without a usable key or revision a dead
// letter.
func (l *loop) refuseUnidentified(it *item) {
	reason := l.refusalOf(it)
	c := l.edit(l.route)
	d := l.letter(it, looseID(it, reason), reason)
	l.bury(c, d)
	l.died(c, &d)
	c.conclude(it)
	l.counts.dead.add(reason)
}

// refusalOf is the reason for which a message cannot be identified, and notes the
// cause.
func (l *loop) refusalOf(it *item) string {
	if g := it.givenUp(); g != nil {
		it.tries = g.Tries
		it.tries.Error, it.tries.Class = store.ErrorText(it.tries.Error), "permanent"
		if it.tries.FirstFailed.IsZero() || it.tries.LastFailed.IsZero() {
			it.tries.FirstFailed, it.tries.LastFailed = l.now, l.now
		}
		return ReasonForeign // by design: it says nothing of the route
	}
	reason := ReasonUndecodable
	var id *IdentifyError
	if errors.As(it.refusal, &id) {
		reason = id.Reason
	}
	it.tries.Error = store.ErrorText(it.refusal.Error())
	it.tries.Class = "permanent"
	l.noteDead(it, reason)
	return reason
}

// givenUp is what is known of a message that somebody else gave up; nil for others.
func (it *item) givenUp() *GivenUpError {
	var g *GivenUpError
	if it.refusal == nil || !errors.As(it.refusal, &g) {
		return nil
	}
	return g
}

// same is what tells a message that cannot be identified from every other one, if
// that is known.
func (it *item) same() string {
	if g := it.givenUp(); g != nil {
		return g.Same
	}
	var id *IdentifyError
	if it.refusal == nil || !errors.As(it.refusal, &id) {
		return ""
	}
	return id.Same
}

// expel refuses the parked messages above a revision and tells the lane what is
// left.
func (l *loop) expel(e *entry, above lane.Revision) {
	ev := lane.Event{Kind: lane.Expelled, At: l.now}
	rows, err := l.parked(e, e.lane.Next)
	if err != nil {
		l.halt(HaltInconsistent, fmt.Errorf("read the parked messages of a key: %w", err))
		return
	}
	for _, it := range rows {
		if it.id.Revision > above {
			ev.Count++
			l.refuse(e, it, lane.Implausible)
			c := l.edit(e)
			c.store.Unpark = append(c.store.Unpark, it.id.Revision)
			continue
		}
		if ev.To == 0 || it.id.Revision < ev.To {
			ev.To = it.id.Revision
		}
		ev.Rev = max(ev.Rev, it.id.Revision)
	}
	l.uncache(e)
	l.step(e, nil, ev)
}

// parked returns all parked messages of a lane, those on their way into the
// store included, but not those on their way out.
func (l *loop) parked(e *entry, from lane.Revision) ([]*item, error) {
	rows, err := l.cfg.Store.Parked(context.Background(), e.key, from, 0)
	if err != nil {
		return nil, err
	}
	items := make([]*item, 0, len(rows))
	for _, m := range rows {
		if it, ok := e.find(m.Rev); (!ok || it.storing == 0) && !e.unparking(m.Rev) {
			items = append(items, l.restore(e, m, fromParked))
		}
	}
	for _, it := range e.items {
		if it.storing > 0 {
			items = append(items, it)
		}
	}
	return items, nil
}

// haltLane stops the route for the sake of one lane.
func (l *loop) haltLane(e *entry, ef lane.Effect) {
	if ef.Reason == lane.Failure {
		err := errors.New("a message failed for good")
		if it, ok := e.find(ef.Rev); ok && it.verdict != nil {
			err = it.verdict
		}
		l.halt(HaltDeadLetter, err)
		return
	}
	l.halt(HaltInconsistent, fmt.Errorf("revision %d of a key is parked but not in the store", ef.Rev))
}

// halt stops the route.
func (l *loop) halt(reason string, err error) {
	if l.halted == nil {
		l.halted = &HaltError{Reason: reason, Err: err}
		l.log.Error("the route stops", "reason", reason, "error", err)
	}
}
