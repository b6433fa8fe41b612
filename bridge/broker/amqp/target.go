package amqp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/internal/pace"
	"github.com/brokerbridge/bridge/bridge/broker/internal/told"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/ordering/failpoint"
	"github.com/brokerbridge/bridge/policies"
)

// defaultTimeout is how long a publish waits for the next outcome.
const defaultTimeout = 10 * time.Second

// Target publishes to a queue, or to an exchange with a routing key, on a
// connection of its own. Each publish is mandatory and its confirm awaited:
//
//   - a confirm is success, a refusal (nack) is unavailable;
//   - what no queue takes comes back: unroutable for good if the routing key was
//     the message's own, unavailable if it is the target's;
//   - what was on its way when the connection was lost is sent again, with the
//     same id, until its outcome is known;
//   - what was on its way when a message ended the channel is sent again one by
//     one, and the one that ends its channel alone fails for good;
//   - what has no outcome after TargetOptions.Timeout is unavailable. It is not
//     sent a second time while it may still arrive.
type Target struct {
	b       *Broker
	to      config.To
	opts    broker.TargetOptions
	log     *slog.Logger
	place   entity
	timeout time.Duration
	text    bool // headers as strings

	ctx  context.Context // ends with Close
	stop context.CancelFunc
	work sync.WaitGroup // run and trials

	mu      sync.Mutex
	link    *link
	outlet  *outlet // nil: there is none now
	gone    error   // why there will be none until somebody does something
	last    error   // why there is none now
	changed chan struct{}

	news   *told.Teller
	doubts atomic.Bool // State was told of something that only a confirm refutes

	// What follows belongs to run.
	pace     pace.Pace
	blocking chan amqp.Blocking
	block    string // why RabbitMQ takes nothing now
}

func newTarget(b *Broker, to config.To, opts broker.TargetOptions) *Target {
	t := &Target{
		b: b, to: to, opts: opts, timeout: opts.Timeout, text: to.Headers == config.HeadersText,
		place:   entity{kind: kindQueue, name: to.Queue, end: "to", declare: to.Declare, named: to.OriginQueue()},
		changed: make(chan struct{}),
	}
	if to.Exchange != "" {
		t.place.kind, t.place.name = kindExchange, to.Exchange
	}
	if t.timeout <= 0 {
		t.timeout = defaultTimeout
	}
	t.log = b.logger.With("route", opts.Route, t.place.kind, t.place.name)
	t.place.log = t.log
	t.news = told.Target(t.log, opts.State)
	t.ctx, t.stop = context.WithCancel(context.Background())
	t.work.Go(func() { t.run(t.ctx) })
	return t
}

// Name is the queue or exchange, for people.
func (t *Target) Name() string { return "amqp " + t.place.kind + " " + t.place.name }

func (t *Target) connectionName() string { return "bridge " + t.opts.Route + " target" }

// Publish publishes messages to the target's own place if the topic is "", else
// to the queue, or with the routing key, of that name. It returns when all are
// confirmed, or the first error.
func (t *Target) Publish(topic string, msgs ...*message.Message) error {
	for _, err := range t.publish(topic, msgs) {
		if err != nil {
			return err
		}
	}
	return nil
}

// PublishBatch publishes messages and returns when the outcome of each is known.
// Messages of one key must not be in one batch if the second may not be
// delivered without the first.
func (t *Target) PublishBatch(msgs []*message.Message) []error {
	return t.publish("", msgs)
}

func (t *Target) publish(topic string, msgs []*message.Message) []error {
	errs := make([]error, len(msgs))
	ps := t.pack(topic, msgs, errs)
	failpoint.Hit(failpoint.BeforePublish)
	t.deliver(ps)
	failpoint.Hit(failpoint.Confirmed)
	return errs
}

// deliver returns when each parcel has its result.
func (t *Target) deliver(ps []*parcel) {
	w := t.patience()
	defer w.timer.Stop()
	for len(ps) > 0 {
		o, err := t.await(w)
		if err != nil {
			for _, p := range ps {
				*p.result = err
			}
			return
		}
		if ps = o.send(ps, w); len(ps) > 0 {
			ps = o.after(ps, w)
		}
	}
}

// await returns the outlet, as soon as there is one.
func (t *Target) await(w *patience) (*outlet, error) {
	for {
		t.mu.Lock()
		o, gone, last, changed := t.outlet, t.gone, t.last, t.changed
		t.mu.Unlock()
		switch {
		case t.ctx.Err() != nil:
			return nil, t.givenUp(errClosed, "")
		case w.err != nil:
			return nil, t.givenUp(w.err, "")
		case o != nil:
			return o, nil
		case gone != nil:
			return nil, policies.As(policies.Unavailable, gone)
		}
		if err := w.await(changed); errors.Is(err, errLate) {
			return nil, policies.As(policies.Unavailable, fmt.Errorf("%w: not connected: %w", err, orUnknown(last)))
		}
	}
}

func orUnknown(err error) error {
	if err == nil {
		return errNotConnected
	}
	return err
}

// givenUp is the outcome of what is not waited for any more. It is told, where
// nobody else would say so.
func (t *Target) givenUp(cause error, block string) error {
	if errors.Is(cause, errClosed) {
		return policies.As(policies.Interrupted, cause)
	}
	if block != "" {
		return policies.As(policies.Unavailable, blockedBecause(block))
	}
	err := fmt.Errorf("%w for %v", cause, t.timeout)
	t.mu.Lock()
	connected := t.outlet != nil
	t.mu.Unlock()
	if connected {
		t.doubtful(err)
	}
	return policies.As(policies.Unavailable, err)
}

func blockedBecause(why string) error { return fmt.Errorf("RabbitMQ %w: %s", broker.ErrBlocked, why) }

// Close ends the connection. Publishes that have no outcome yet return errors of
// class interrupted, as later ones do.
func (t *Target) Close() error {
	t.stop()
	t.mu.Lock()
	l := t.link
	t.mu.Unlock()
	l.hangUp()
	t.work.Wait()
	t.b.ends.Forget(t)
	return nil
}

var _ broker.Target = (*Target)(nil)
