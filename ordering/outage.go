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
	inHand := func() bool { return len(o.waiting)+len(l.ready)+len(l.calls) > 0 }
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
	if o.since.IsZero() || l.now.Sub(o.parkedAt) < l.cfg.OutageAfter {
		return
	}
	probes := min(len(o.waiting), 1)
	if probes+len(l.calls) == 0 {
		return
	}
	o.parkedAt = l.now
	o.paused = true
	if l.cfg.Pause != nil {
		l.cfg.Pause(true)
	}
	rest := append(o.waiting[probes:], l.ready...)
	o.waiting, l.ready = o.waiting[:probes:probes], nil
	for _, it := range rest {
		if it.lane == nil { // it is in the store
			o.waiting = append(o.waiting, it)
			continue
		}
		it.lane.due = time.Time{}
		l.step(it.lane, nil, lane.Event{
			Kind: lane.Retry, Rev: it.id.Revision, Pause: l.rules.Hold + time.Hour, At: l.now,
		})
		o.parked = append(o.parked, it.lane)
	}
	l.parkAll()
	l.log.Warn("the target is still unavailable; what was in hand is parked", "messages", len(rest))
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

// next is when the outage wants to be looked at again; zero: never.
func (o *outage) next(ready bool, after time.Duration) time.Time {
	switch {
	case o.until.IsZero() || (len(o.waiting) == 0 && !ready):
		return time.Time{}
	case o.since.IsZero():
		return o.until
	}
	return earliest(o.until, o.parkedAt.Add(after))
}
