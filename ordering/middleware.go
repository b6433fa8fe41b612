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
// What cannot work ends Run with a [*HaltError], and the messages at hand are not
// acknowledged: a second handler (ErrHandlers), a handler that returns messages
// for the router to publish (ErrProduces), and a middleware of the table below
// (ErrMiddleware). Those before the Resequencer are noticed with the first
// message; those behind it with the first one at which they, or the handler, ask
// the message's context for something, which Watermill's Retry does before each
// try and its PoisonQueue before it publishes.
//
//	Watermill's Retry, PoisonQueue, IgnoreErrors, InstantAck, Deduplicator: not at all
//	policies.DeadLetter: not at all
//	policies.Retry: not before the Resequencer
func (r *Resequencer) Middleware(h message.HandlerFunc) message.HandlerFunc {
	workers := r.cfg.Workers
	orInt(&workers, mostHandlers)
	c := newChain(r, h)
	if err := r.attach(&handling{next: c.one(h), perCall: 1, workers: workers}); err != nil {
		why := &misuse{HaltHandler, err}
		c.note(why)
		go c.halt(why) // it need not wait for the message that would show it
	}
	r.SourceUp() // a router says nothing of its subscriber's connection; who knows better calls SourceDown
	return func(m *message.Message) ([]*message.Message, error) {
		ctx := m.Context() // asked for once: as soon as the message is taken, its handler may set another
		wrong := c.look()
		if wrong == nil {
			defer c.hand(m)()
			return nil, r.pass(ctx, m)
		}
		if acknowledged(m) { // by InstantAck: nobody else would keep it
			_ = r.pass(context.WithoutCancel(ctx), m) // what is wrong is told anyway
		}
		return nil, c.refuse(ctx, m, wrong)
	}
}

// pass takes a message in and waits until it is durable.
func (r *Resequencer) pass(ctx context.Context, m *message.Message) error {
	w := waiter{done: make(chan struct{})}
	d := Deliveries{Messages: []*message.Message{m}, Tokens: []uint64{0}, Acker: &w}
	if err := r.take(ctx, d); err != nil {
		return paced(ctx, err)
	}
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-r.ended:
		select {
		case <-w.done: // settled in the last moment
			return nil
		default:
			return paced(ctx, ErrStopped)
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

// guarded calls a handler; a panic fails this message for good, and only it. Who
// stands behind the Resequencer is above it on the stack, see chain.peek.
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
		return &misuse{HaltHandler, fmt.Errorf("%w (it returned %d; add it with router.AddConsumerHandler and give it a publisher)", ErrProduces, len(produced))}
	}
	return err
}
