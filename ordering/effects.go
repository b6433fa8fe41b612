package ordering

import (
	"time"

	"github.com/brokerbridge/bridge/ordering/failpoint"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// step gives a lane an event and carries out what it asks for. cur is the
// arriving message, if the event is one.
func (l *loop) step(e *entry, cur *item, ev lane.Event) {
	from := len(l.out)
	l.out = e.lane.Step(l.out, ev)
	for i := from; i < len(l.out); i++ {
		l.carryOut(e, cur, l.out[i])
	}
	l.out = l.out[:from]
	l.settleMode(e)
}

// settleMode notes a change of the lane's mode and when it wants to hear of
// time.
func (l *loop) settleMode(e *entry) {
	if m := e.lane.Mode; m != e.mode {
		l.counts.count(e.mode, -1)
		l.counts.count(m, 1)
		e.mode = m
		e.since = l.now
		if m == lane.Quarantined || m == lane.GapBlocked { // it may be forgotten
			l.uncache(e)
		}
		if m == lane.Gap || m == lane.Adopting {
			e.lane.Step(nil, lane.Event{Kind: sourceEvent(l.source), At: l.now})
		}
	}
	deadline := e.lane.Deadline()
	if e.mode == lane.Waiting && !e.due.IsZero() && (deadline.IsZero() || e.due.Before(deadline)) {
		deadline = e.due
	}
	l.timers.set(e, deadline)
}

// sourceEvent tells a lane whether the source delivers.
func sourceEvent(up bool) lane.Kind {
	if up {
		return lane.Resumed
	}
	return lane.Stopped
}

// carryOut does what one effect asks for.
func (l *loop) carryOut(e *entry, cur *item, ef lane.Effect) {
	switch ef.Verb {
	case lane.Deliver:
		l.deliver(e, cur, ef.Rev)
	case lane.Hold:
		failpoint.Hit(failpoint.Held)
		e.keep(e.pick(cur, ef.Rev))
	case lane.Park:
		l.park(e, e.pick(cur, ef.Rev))
	case lane.Join:
		if cur.origin == fromLoose {
			l.loose.leave(l, cur, saysAgain)
		} else if it, ok := e.find(ef.Rev); ok {
			it.more = append(it.more, cur.first)
			c := l.edit(l.route) // counted now, acknowledged with the first one
			c.store.Ledger.Duplicates++
			c.taken++
		}
	case lane.Drop, lane.DropUnknown:
		l.dropCopy(e, cur, ef.Verb == lane.DropUnknown)
	case lane.Settle:
		l.settled(e, ef.Rev)
	case lane.Fetch, lane.Retake:
		l.fetch(e, ef.Verb == lane.Retake)
	default:
		l.record(e, cur, ef)
	}
}

// record does what the rarer effects ask for, each of which leaves a record.
func (l *loop) record(e *entry, cur *item, ef lane.Effect) {
	switch ef.Verb {
	case lane.GiveUp:
		l.giveUp(e, ef.Rev)
	case lane.Refuse:
		l.refuse(e, e.pick(cur, ef.Rev), ef.Reason)
	case lane.Expel:
		l.expel(e, ef.Rev)
	case lane.Discharge:
		c := l.edit(e)
		l.unearth(c, l.deadID(e, ef.Rev))
		c.store.Ledger.Discarded++
	case lane.SkipRange:
		c := l.edit(e)
		skip := store.Skip{From: ef.Rev, To: ef.To, At: l.now, By: "gap", Reason: "gap_timeout"}
		if l.operator != nil {
			skip.By, skip.Reason = l.operator.By, l.operator.Reason
		}
		c.store.Skip = append(c.store.Skip, skip)
		l.skipped(c, e, &skip)
		c.store.Ledger.Skipped += int64(ef.To - ef.Rev + 1)
		l.log.Warn("a gap was skipped", "key", logged(e.key.Name), "from", ef.Rev, "to", ef.To, "by", skip.By)
	case lane.Adopted:
		l.edit(e)
	case lane.NextEpoch:
		l.nextEpoch(e, cur)
	case lane.Expired:
		l.gaps.expired = append(l.gaps.expired, e)
	case lane.Block:
		l.blocked(l.edit(e), e, ef)
		l.log.Warn("a key is quarantined; what follows is parked", "key", logged(e.key.Name), "reason", ef.Reason.String(), "revision", ef.Rev)
	case lane.Halt:
		l.haltLane(e, ef)
	default:
	}
}

// pick is the item an effect speaks of: the arriving one, or one in memory.
func (e *entry) pick(cur *item, r lane.Revision) *item {
	if cur != nil && cur.id.Revision == r {
		return cur
	}
	it, _ := e.find(r)
	return it
}

// deliver puts the head of a lane where the workers find it, unless the target
// is not to have it, or has it.
func (l *loop) deliver(e *entry, cur *item, r lane.Revision) {
	it := e.pick(cur, r)
	if it == cur {
		e.keep(it)
	}
	if it.foreign || e.claim(r) {
		l.passing = append(l.passing, it)
		return
	}
	l.ready.push(it)
}

// edit returns the change in which an entry's next commit gathers.
func (l *loop) edit(e *entry) *change {
	if e.pending != nil {
		return e.pending
	}
	if n := len(l.free); n > 0 {
		e.pending = l.free[n-1]
		l.free = l.free[:n-1]
	} else {
		e.pending = &change{}
	}
	if e == l.route {
		e.since = l.now // tells this change from every other one, should its outcome be unknown
	}
	l.dirty = append(l.dirty, e)
	return e.pending
}

// park puts a message into the store, or puts it there again with its attempts.
func (l *loop) park(e *entry, it *item) {
	c := l.edit(e)
	c.store.Park = append(c.store.Park, it.stored(l.now))
	c.parks = append(c.parks, it)
	c.conclude(it)
	if it.origin == fromDead || it.origin == fromLoose {
		l.gone(c, it)
	}
	it.origin = fromParked
	it.storing++
	e.keep(it)
	l.uncache(e)
}

// conclude acknowledges an item's deliveries with this change.
func (c *change) conclude(it *item) {
	if it.first.acker != nil {
		c.taken++
	}
	c.acks = it.release(c.acks)
	c.remember(it)
}

// settled records that the target has a message, or is not to have it.
func (l *loop) settled(e *entry, r lane.Revision) {
	it, ok := e.find(r)
	if !ok {
		return
	}
	c := l.account(e)
	if it.tries.Class == classPurged {
		c.store.Ledger.Purged++
	} else if it.foreign {
		c.store.Ledger.Filtered++
	} else {
		c.store.Ledger.Delivered++
		e.stamp = max(e.stamp, it.stamp)
		l.noteDelivered(it)
	}
	l.finish(c, e, it)
	l.leaveAlone(e)
}

// finish takes an item out of memory and, where it has a row, out of the store.
func (l *loop) finish(c *change, e *entry, it *item) {
	c.conclude(it)
	switch it.origin {
	case fromParked:
		c.store.Unpark = append(c.store.Unpark, it.id.Revision)
	case fromDead, fromLoose:
		l.gone(c, it)
		e.due = time.Time{}
	case fromSource:
	}
	e.drop(it)
}

// dropCopy acknowledges a duplicate once what it duplicates is durable.
func (l *loop) dropCopy(e *entry, cur *item, unverified bool) {
	if cur.origin == fromLoose { // it stays what it is
		l.loose.leave(l, cur, saysAgain)
		return
	}
	target := l.route
	if e.pending != nil || e.sent != nil {
		target = e
	}
	c := l.edit(target)
	c.store.Ledger.Duplicates++
	if unverified {
		c.store.Ledger.Unverified++
	}
	c.conclude(cur)
}
