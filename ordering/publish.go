package ordering

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering/lane"
)

// call is messages on their way through the handler.
type call struct {
	items []*item
	errs  []error // what it said of each
	since time.Time
}

// publish is a worker: it calls the handler for what the loop hands out.
func (l *loop) publish(next Batch) {
	for c := range l.work {
		msgs := make([]*message.Message, len(c.items))
		for i, it := range c.items {
			msgs[i] = it.msg // nothing else of it: the loop may park it meanwhile
		}
		if c.errs = next(msgs); len(c.errs) != len(msgs) {
			err := fmt.Errorf("ordering: the handler answered for %d of %d messages", len(c.errs), len(msgs))
			c.errs = slices.Repeat([]error{err}, len(msgs))
		}
		l.results <- c
	}
}

// publishReady hands what is ready to idle workers.
func (l *loop) publishReady() {
	if l.stopping { // what a settled head has let go was never tried
		l.retreat(l.ready.clear())
	}
	if l.outage.holds(l.now) || l.counts.storeDown.Load() {
		return
	}
	if len(l.outage.waiting) > 0 {
		l.ready.again(l.outage.waiting)
		l.outage.waiting = nil
	}
	for l.idle > 0 && l.ready.size() > 0 {
		l.idle--
		c := &call{items: l.board(), since: l.now}
		l.calls = append(l.calls, c)
		if l.lookAt.IsZero() {
			l.lookAt = l.now.Add(l.cfg.OutageAfter)
		}
		l.work <- c
	}
}

// prepare makes a message ready for the handler.
func (l *loop) prepare(it *item) {
	if it.msg.Context().Err() != nil { // its delivery is over, or a handler's own: it is ours still
		it.msg.SetContext(outlived{l.context, it.msg.Context()})
	}
	it.noteStory()
	if l.cfg.Spans != nil {
		l.beginTry(it)
	}
}

// outlived is the context of a message whose own has ended: with its values, and
// the end of the run.
type outlived struct {
	context.Context
	own context.Context
}

func (o outlived) Value(key any) any { return o.own.Value(key) }

// settle takes the outcome of a call.
func (l *loop) settle(c *call) {
	l.idle++
	l.calls = slices.DeleteFunc(l.calls, func(o *call) bool { return o == c })
	if l.gaveBack {
		return
	}
	l.counts.confirm(c.errs)
	var away error
	for i, n := 0, 0; i < len(c.items); i += n {
		it := c.items[i]
		if n = c.chunkAt(i); it.lane != nil {
			l.landed(c.items[i:i+n], c.errs[i:i+n])
		}
		if c.errs[i] == nil {
			it.span.Done()
			l.confirmed(it)
			l.outage.answered = true
			continue
		}
		if l.failed(it, c.errs[i], l.now.Sub(c.since)) {
			away = c.errs[i]
		}
	}
	l.outage.judge(l, away)
}

// sentNow is how many messages of the source are with the handler.
func (l *loop) sentNow() (n int64) {
	for _, c := range l.calls {
		for _, it := range c.items {
			if it.origin == fromSource {
				n++
			}
		}
	}
	return n
}

// confirmed records that the target has a message.
func (l *loop) confirmed(it *item) {
	if l.cfg.Confirmed != nil && !it.came.IsZero() {
		l.cfg.Confirmed(max(0, l.now.Sub(it.came)))
	}
	if it.lane == nil {
		l.looseDone(it)
		return
	}
	l.step(it.lane, nil, lane.Event{Kind: lane.Confirmed, Rev: it.id.Revision, At: l.now})
}

// failed steps a lane whose head failed, and reports whether the target was
// unavailable.
func (l *loop) failed(it *item, err error, took time.Duration) bool {
	if m := (*misuse)(nil); errors.As(err, &m) {
		l.misused(m)
		return false // and the message stays as it is, unacknowledged
	}
	v := judge(err, it.tries)
	it.span.Failed(v.Class(), v)
	if it.lane == nil {
		return l.looseFailed(it, v, took)
	}
	it.verdict = v
	ev := lane.Event{Rev: it.id.Revision, At: l.now}
	switch {
	case l.flood.tripped || l.stopping && !v.GivenUp():
		if !v.GivenUp() && v.Class() != "unavailable" && v.Class() != "interrupted" {
			note(it, v, l.now, took)
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
		note(it, v, l.now, took)
		ev.Kind = lane.GaveUp
	default:
		note(it, v, l.now, took)
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
	if it.origin == fromSource || it.origin == fromLoose {
		l.step(e, nil, lane.Event{Kind: lane.Pressure, At: l.now})
	}
	l.dropUnlessSource(it)
}
