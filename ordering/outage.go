package ordering

import (
	"time"

	"github.com/brokerbridge/bridge/ordering/lane"
)

// pauseInterrupted is how long a delivery that was interrupted, though nobody
// stops the process, waits until it is made again.
const pauseInterrupted = 100 * time.Millisecond

// outage is a target that does not answer. It is nobody's failure: no try is
// spent, nothing is given up, and the heads of the lanes wait in memory. When it
// lasts, what is in hand is parked, but for one head that goes on probing, and
// the source is paused.
type outage struct {
	waiting  []*item   // heads to be published again
	until    time.Time // not before then
	since    time.Time // of the first failure; zero: the target answers
	parkedAt time.Time
	parked   []*entry // lanes whose heads wait in the store for the end of it
	paused   bool     // the source was told to pause
	answered bool     // something was confirmed in the results in hand
}

// holds reports whether nothing shall be published now.
func (o *outage) holds(now time.Time) bool { return now.Before(o.until) }

// shuts reports whether the source was told to pause, and could be.
func (o *outage) shuts(pause func(bool)) bool { return o.paused && pause != nil }

// add keeps a head for another delivery.
func (o *outage) add(it *item, until time.Time) {
	o.waiting = append(o.waiting, it)
	if until.After(o.until) {
		o.until = until
	}
}

// judge decides after the results of a call whether the target is away.
func (o *outage) judge(l *loop, away error) {
	answered := o.answered
	o.answered = false
	switch {
	case answered && !o.since.IsZero():
		l.log.Info("the target answers again", "after", l.now.Sub(o.since).Round(time.Millisecond))
		o.end(l)
	case away != nil && !answered && o.since.IsZero():
		o.begin(l, l.now)
		l.log.Warn("the target is unavailable; nothing is given up, intake pauses", "error", away)
	}
	o.probe(l)
}

// begin notes that the target does not answer.
func (o *outage) begin(l *loop, since time.Time) {
	o.since, o.parkedAt = since, since
	l.counts.outage.Store(true)
}

// probe makes sure that something is on its way to the target while it does not
// answer: the message that probed may have ended as a dead letter.
func (o *outage) probe(l *loop) {
	inHand := func() bool { return len(o.waiting)+l.ready.size()+len(l.calls) > 0 }
	if o.since.IsZero() || l.stopping || inHand() {
		return
	}
	for len(o.parked) > 0 && !inHand() {
		e := o.parked[0]
		o.parked = o.parked[1:]
		l.step(e, nil, lane.Event{Kind: lane.Wake, Rev: e.lane.Next, At: l.now})
	}
	if !inHand() {
		o.end(l) // there is nothing left to probe with
	}
}

// end lets everything go on.
func (o *outage) end(l *loop) {
	if o.paused && l.cfg.Pause != nil {
		l.cfg.Pause(false)
	}
	o.paused = false
	parked := o.parked
	o.parked, o.since = nil, time.Time{}
	l.counts.outage.Store(false)
	for _, e := range parked {
		l.step(e, nil, lane.Event{Kind: lane.Wake, Rev: e.lane.Next, At: l.now})
	}
}

// last parks what is in hand once the outage lasts: brokers do not wait for
// ever for an acknowledgement.
func (o *outage) last(l *loop) {
	if o.since.IsZero() || l.now.Sub(o.parkedAt) < l.cfg.OutageAfter || !o.probing(l) {
		return
	}
	o.parkedAt = l.now
	o.paused = true
	if l.cfg.Pause != nil {
		l.cfg.Pause(true)
	}
	probes := min(len(o.waiting), 1)
	rest := append(o.waiting[probes:], l.ready.clear()...)
	o.waiting = o.waiting[:probes:probes]
	for _, it := range rest {
		o.parkHead(l, it)
	}
	l.parkAll()
	l.log.Warn("the target is still unavailable; what was in hand is parked", "messages", len(rest))
}

// parkHead parks a head. It waits in the store, but for one of which a call is
// still under way: read from there it would be sent again beside that.
func (o *outage) parkHead(l *loop, it *item) {
	switch {
	case it.lane == nil: // it is in the store
		o.waiting = append(o.waiting, it)
	case isAwaited(it.verdict):
		o.waiting = append(o.waiting, it)
		l.step(it.lane, nil, lane.Event{Kind: lane.Overdue, At: l.now})
	default:
		it.lane.due = time.Time{}
		l.step(it.lane, nil, lane.Event{
			Kind: lane.Retry, Rev: it.id.Revision, Pause: l.rules.Hold + time.Hour, At: l.now,
		})
		o.parked = append(o.parked, it.lane)
	}
}

// overdue parks what the handler has had for too long, and what waits behind it.
// When no worker is left because the target does not even say no, that is an
// outage like others.
func (l *loop) overdue() {
	if l.lookAt.IsZero() || l.now.Before(l.lookAt) {
		return
	}
	l.lookAt = time.Time{}
	late := 0
	for _, c := range l.calls {
		if due := c.since.Add(l.cfg.OutageAfter); due.After(l.now) {
			l.lookAt = earliest(l.lookAt, due)
			continue
		}
		late++
		l.parkCall(c)
	}
	if late == 0 {
		return
	}
	l.lookAt = earliest(l.lookAt, l.now.Add(l.cfg.OutageAfter)) // for what comes meanwhile
	if late == l.handler.Load().workers && l.outage.since.IsZero() {
		l.log.Warn("the target does not answer; nothing is given up, what is in hand is parked")
		l.outage.begin(l, l.calls[0].since)
	}
}

// parkCall parks what a call has in hand, whatever becomes of it, and what waits
// behind that.
func (l *loop) parkCall(c *call) {
	for _, it := range c.items {
		if it.lane == nil {
			continue
		}
		if l.handler.Load().steady {
			l.step(it.lane, nil, lane.Event{Kind: lane.Overdue, At: l.now})
		}
		if it.lane.lane.Held() > 0 {
			l.step(it.lane, nil, lane.Event{Kind: lane.Pressure, At: l.now})
		}
	}
}

// next is when the outage wants to be looked at again; zero: never. A time that
// is past wants nothing: what is ready then waits for a worker, not for a time.
func (o *outage) next(l *loop) (t time.Time) {
	if o.holds(l.now) && len(o.waiting)+l.ready.size() > 0 {
		t = o.until
	}
	if !o.since.IsZero() && o.probing(l) {
		t = earliest(t, o.parkedAt.Add(l.cfg.OutageAfter))
	}
	return t
}

// probing reports whether something is on its way to the target, or will be.
func (o *outage) probing(l *loop) bool { return len(o.waiting)+len(l.calls) > 0 }
