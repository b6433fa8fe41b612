package ordering

import (
	"errors"
	"fmt"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering/lane"
)

// publish is a worker: it calls the handler for what the loop hands out.
func (l *loop) publish(next Batch) {
	for items := range l.work {
		msgs := make([]*message.Message, len(items))
		for i, it := range items {
			it.noteAttempts()
			msgs[i] = it.msg
		}
		errs := next(msgs)
		res := make([]outcome, len(items))
		for i, it := range items {
			res[i].item = it
			if len(errs) == len(items) {
				res[i].err = errs[i]
			} else {
				res[i].err = fmt.Errorf("ordering: the handler answered for %d of %d messages", len(errs), len(items))
			}
		}
		l.results <- res
	}
}

// publishReady hands what is ready to idle workers.
func (l *loop) publishReady() {
	if l.outage.holds(l.now) || l.counts.storeDown.Load() {
		return
	}
	if len(l.outage.waiting) > 0 {
		l.ready = append(l.outage.waiting, l.ready...)
		l.outage.waiting = nil
	}
	most := l.handler.Load().perCall
	for l.idle > 0 && len(l.ready) > 0 {
		n := min(len(l.ready), most)
		items := make([]*item, n)
		copy(items, l.ready)
		rest := copy(l.ready, l.ready[n:])
		clear(l.ready[rest:])
		l.ready = l.ready[:rest]
		l.idle--
		l.work <- items
	}
}

// settle takes the outcome of a call.
func (l *loop) settle(res []outcome) {
	l.idle++
	if l.gaveBack {
		return
	}
	var away *outcome
	for i := range res {
		o := &res[i]
		if o.err == nil {
			l.step(o.item.lane, nil, lane.Event{Kind: lane.Confirmed, Rev: o.item.id.Revision, At: l.now})
			l.outage.answered = true
			continue
		}
		if l.failed(o.item, o.err) {
			away = o
		}
	}
	l.outage.judge(l, away)
}

// failed steps a lane whose head failed, and reports whether the target was
// unavailable.
func (l *loop) failed(it *item, err error) bool {
	if errors.Is(err, ErrProduces) {
		l.halt(HaltHandler, err)
		l.outage.add(it, l.now) // the stop that follows parks it, untried
		return false
	}
	v := judge(err, it.tries)
	it.verdict = v
	ev := lane.Event{Rev: it.id.Revision, At: l.now}
	switch {
	case l.stopping && !v.GivenUp():
		if v.Class() == "transient" {
			note(&it.tries, v, l.now)
		}
		l.putBack(it)
		return false
	case v.Class() == "unavailable":
		l.outage.add(it, l.now.Add(v.Pause()))
		return true
	case v.Class() == "interrupted":
		l.outage.add(it, l.now.Add(pauseInterrupted))
		return false
	case v.GivenUp():
		note(&it.tries, v, l.now)
		ev.Kind = lane.GaveUp
	default:
		note(&it.tries, v, l.now)
		it.lane.due = l.now.Add(v.Pause())
		ev.Kind, ev.Pause = lane.Retry, v.Pause()
	}
	l.counts.attempts.add(v.Class())
	l.step(it.lane, nil, ev)
	l.dropUnlessSource(it)
	return false
}

// putBack returns a head that was not tried, or not to the end, to its lane and
// parks it, for the process is stopping.
func (l *loop) putBack(it *item) {
	e := it.lane
	l.step(e, nil, lane.Event{Kind: lane.Interrupted, Rev: it.id.Revision, At: l.now})
	if it.origin == fromSource {
		l.step(e, nil, lane.Event{Kind: lane.Pressure, At: l.now})
	}
	l.dropUnlessSource(it)
}
