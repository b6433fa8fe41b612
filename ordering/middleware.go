package ordering

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
)

// mostHandlers is how many handlers the middleware runs at once by default.
const mostHandlers = 64

// Middleware is the Resequencer for anyone's Watermill router: it calls the
// handler for messages in the order of their revisions, and returns to the
// router, which then acknowledges, when the message is settled or parked. A
// parked message reaches the handler later, with a context of its own.
//
// One Resequencer serves one handler; a second one is answered with ErrHandlers.
// So is a handler that produces messages with ErrProduces.
func (r *Resequencer) Middleware(h message.HandlerFunc) message.HandlerFunc {
	workers := r.cfg.Workers
	orInt(&workers, mostHandlers)
	err := r.attach(&handling{next: one(h), perCall: 1, workers: workers})
	r.SourceUp() // a router says nothing of its subscriber's connection; who knows better calls SourceDown
	return func(m *message.Message) ([]*message.Message, error) {
		if err != nil {
			return nil, err
		}
		// Asked for once: as soon as the message is taken, its handler may set another.
		ctx := m.Context()
		w := waiter{done: make(chan struct{})}
		d := Deliveries{Messages: []*message.Message{m}, Tokens: []uint64{0}, Acker: &w}
		if err := r.take(ctx, d); err != nil {
			return nil, paced(ctx, err)
		}
		select {
		case <-w.done:
			return nil, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-r.ended:
			select {
			case <-w.done: // settled in the last moment
				return nil, nil
			default:
				return nil, paced(ctx, ErrStopped)
			}
		}
	}
}

// paceStopped is how long a message is kept once Run has ended: the router will
// refuse it, and a stock subscriber send it again at once.
const paceStopped = time.Second

// paced returns an error after a pause, or as soon as the message is not wanted
// any more.
func paced(ctx context.Context, err error) error {
	timer := time.NewTimer(paceStopped)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return err
}

// waiter is a router's call that waits for its message to be durable.
type waiter struct{ done chan struct{} }

// Ack lets the router acknowledge.
func (w *waiter) Ack([]uint64) { close(w.done) }

// one is a handler of single messages as a batch.
func one(h message.HandlerFunc) Batch {
	return func(msgs []*message.Message) []error {
		errs := make([]error, len(msgs))
		for i, m := range msgs {
			errs[i] = guarded(h, m)
		}
		return errs
	}
}

// guarded calls a handler; a panic fails this message for good, and only it.
func guarded(h message.HandlerFunc, m *message.Message) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = plain{
				error: fmt.Errorf("panic: %v\n%s", p, debug.Stack()),
				class: "permanent", attempts: Attempts(m) + 1, givenUp: true, reason: "panic",
			}
		}
	}()
	produced, err := h(m)
	if err == nil && len(produced) > 0 {
		return ErrProduces
	}
	return err
}
