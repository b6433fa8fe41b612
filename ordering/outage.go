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
func (o *outage) judge(l *loop, away *outcome) {
	answered := o.answered
	o.answered = false
	switch {
	case answered && !o.since.IsZero():
		l.log.Info("the target answers again", "after", l.now.Sub(o.since).Round(time.Millisecond))
		o.end(l)
	case away != nil && !answered && o.since.IsZero():
		o.since = l.now
		o.parkedAt = l.now
		l.counts.outage.Store(true)
		l.log.Warn("the target is unavailable; nothing is given up, intake pauses", "error", away.err)
	}
}

// end lets everything go on.
func (o *outage) end(l *loop) {
	if len(o.parked) > 0 && l.cfg.Pause != nil {
		l.cfg.Pause(false)
	}
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
	if o.since.IsZero() || l.now.Sub(o.parkedAt) < l.cfg.OutageAfter || len(o.waiting) == 0 {
		return
	}
	o.parkedAt = l.now
	if l.cfg.Pause != nil {
		l.cfg.Pause(true)
	}
	rest := append(o.waiting[1:], l.ready...)
	o.waiting, l.ready = o.waiting[:1:1], nil
	for _, it := range rest {
		it.lane.due = time.Time{}
		l.step(it.lane, nil, lane.Event{
			Kind: lane.Retry, Rev: it.id.Revision, Pause: l.rules.Hold + time.Hour, At: l.now,
		})
		o.parked = append(o.parked, it.lane)
	}
	l.parkAll()
	l.log.Warn("the target is still unavailable; what was in hand is parked", "messages", len(rest))
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
