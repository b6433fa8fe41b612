package amqp

import (
	"errors"
	"fmt"
	"time"

	"github.com/brokerbridge/bridge/bridge/broker/internal/pace"
)

// errFlood says that messages grew so fast that cancelling came too late.
var errFlood = errors.New("much larger messages than before: starting over with a smaller prefetch")

// adjust opens or closes the consumer, whichever the moment asks for.
//
// A consumer is widened only when its whole prefetch is here, and nothing is
// acknowledged until it is cancelled: then nothing is on its way. A quorum queue
// takes back what reaches a consumer that was cancelled, and what it had sent to
// the next one by then would overtake it.
func (t *tap) adjust() error {
	open, bytes := t.session.load()
	if err := t.choke(open, bytes); err != nil || t.closing {
		return err
	}
	consuming := t.deliveries != nil
	wanted := !t.paused.Load() && !t.choked && open < t.from.Window
	switch {
	case wanted && !consuming:
		return t.open(open)
	case consuming && (t.paused.Load() || t.choked):
		t.shut()
	case consuming && worthMore(t.prefetch, t.fits(), open) && t.session.holdFull(t.first, t.prefetch):
		t.shut() // and open again, when what was on its way has come
	}
	return nil
}

// choke keeps the bytes that are open below the window's. The prefetch does so
// while sizes are what they were; when they jump, the consumer is cancelled,
// and if what was sent meanwhile is a second window, the connection is given up.
func (t *tap) choke(open int, bytes int64) error {
	limit := t.from.WindowBytes
	if open > 1 && bytes > 2*limit {
		t.mean.bytes = float64(bytes) / float64(open)
		_ = t.link.line.Close() // asking to close would wait for what is on its way
		return &pace.Setback{Err: errFlood, Wait: 100 * time.Millisecond}
	}
	t.choked = bytes >= limit || t.choked && bytes > limit/2
	return nil
}

// open starts a consumer for what the window has left.
func (t *tap) open(open int) error {
	t.prefetch = max(1, min(t.fits(), t.from.Window)-open)
	t.consumed++
	t.tag = fmt.Sprintf("bridge-%s-%s-%d", t.opts.Route, t.opts.Owner, t.consumed)
	deliveries, err := t.consume(t.ch, t.tag, t.prefetch)
	if err != nil {
		return err
	}
	t.deliveries, t.first = deliveries, 0
	t.own++
	if t.opts.Ordered {
		if err := t.atMost(t.link, t.own); err != nil {
			return err
		}
	}
	t.news.Tell(nil)
	return nil
}

// shut cancels the consumer and keeps the session. What was sent before comes
// out of deliveries, which then closes. The confirm is not waited for here: it
// comes behind all that was sent, which has to be taken and weighed meanwhile.
func (t *tap) shut() {
	t.closing = true
	tag := t.tag
	t.calls.Go(func() { _ = t.ch.Cancel(tag, false) }) // fails with the channel only
}
