package pubsub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/cenkalti/backoff/v4"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/internal/pace"
	"github.com/brokerbridge/bridge/bridge/config"
)

// ErrClosed is what a closed publisher or subscriber returns.
var ErrClosed = errors.New("pubsub: closed")

// Options are what both sides share. The zero value is useful.
type Options struct {
	// Name is what operators see in the list of connections. Default "watermill".
	Name string
	// Pause is how long a nacked message waits before it comes again; it doubles
	// each time up to MaxPause. Defaults 100 ms and 10 s.
	Pause, MaxPause time.Duration
	// Logger gets what happens to connections. Default: nowhere.
	Logger *slog.Logger
}

func (o Options) filled() Options {
	if o.Name == "" {
		o.Name = "watermill"
	}
	if o.Pause <= 0 {
		o.Pause = 100 * time.Millisecond
	}
	if o.MaxPause <= 0 {
		o.MaxPause = 10 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// state logs when an end of the broker comes and goes.
func (o Options) state(what string) func(error) {
	log := o.Logger.With("name", o.Name, "what", what)
	return func(err error) {
		if err != nil {
			log.Warn("does not answer", "error", err)
		} else {
			log.Info("answers")
		}
	}
}

// Subscriber is a Watermill subscriber on the sources of a broker.
type Subscriber struct {
	broker broker.Broker
	from   func(topic string) config.From
	opts   Options

	mu     sync.Mutex
	closed bool
	cancel map[*subscription]context.CancelFunc
	wg     sync.WaitGroup
}

// NewSubscriber returns a subscriber; from says what a topic of Subscribe means:
// a queue of RabbitMQ or a topic of Kafka, its group and its window.
func NewSubscriber(b broker.Broker, from func(topic string) config.From, opts Options) *Subscriber {
	return &Subscriber{broker: b, from: from, opts: opts.filled(), cancel: map[*subscription]context.CancelFunc{}}
}

// Subscribe reads a topic until ctx ends or the subscriber is closed. It does not
// wait for a connection: a broker that is away is waited for. What was not
// acknowledged by the end is delivered again to whoever reads next.
func (s *Subscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	source, err := s.broker.Source(s.from(topic), broker.SourceOptions{Route: s.opts.Name, State: s.opts.state(topic)})
	if err != nil {
		return nil, fmt.Errorf("subscribe to %q: %w", topic, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	sub := &subscription{opts: s.opts, out: make(chan *message.Message)}
	if err := s.begin(ctx, cancel, sub, source); err != nil {
		cancel()
		return nil, errors.Join(fmt.Errorf("subscribe to %q: %w", topic, err), source.Close())
	}
	return sub.out, nil
}

// begin runs a subscription, unless the subscriber is closed.
func (s *Subscriber) begin(ctx context.Context, cancel context.CancelFunc, sub *subscription, source broker.Source) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	carriers, err := source.Subscribe(ctx, "")
	if err != nil {
		return err
	}
	s.cancel[sub] = cancel
	s.wg.Go(func() {
		defer s.forget(sub)
		defer cancel()
		sub.run(ctx, carriers)
		if err := source.Close(); err != nil {
			s.opts.Logger.Warn("closing a source", "name", source.Name(), "error", err)
		}
		close(sub.out)
	})
	return nil
}

func (s *Subscriber) forget(sub *subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.cancel, sub)
}

// Close ends all subscriptions and waits for them. It may be called twice.
func (s *Subscriber) Close() error {
	s.mu.Lock()
	s.closed = true
	for _, cancel := range s.cancel {
		cancel()
	}
	s.mu.Unlock()
	s.wg.Wait()
	return nil
}

// subscription is one Subscribe.
type subscription struct {
	opts Options
	out  chan *message.Message
	open sync.WaitGroup // messages that were neither acknowledged nor let go of
}

// run hands out what is in the carriers, first deliveries in their order.
func (s *subscription) run(ctx context.Context, carriers <-chan *message.Message) {
	defer s.open.Wait()
	for carrier := range carriers {
		carrier.Ack() // it only transports
		c, ok := broker.Unpack(carrier)
		if !ok {
			continue
		}
		for i, m := range c.Messages {
			if m.UUID == "" {
				m.UUID = watermill.NewUUID() // the producer gave it none, and Watermill wants one
			}
			first, ok := s.send(ctx, m)
			if !ok {
				break // the carriers end too
			}
			s.open.Go(func() { s.follow(ctx, m, first, func() { c.Session.Ack(c.Tokens[i : i+1]) }) })
		}
	}
}

// copied is a message as one delivery of it: acknowledged once, with a context
// that ends then.
type copied struct {
	*message.Message
	end context.CancelFunc
}

// send hands out a copy of a message; false if nobody takes it before the end.
func (s *subscription) send(ctx context.Context, m *message.Message) (copied, bool) {
	c := copied{Message: m.Copy()}
	c.Payload = m.Payload // null is not empty
	var own context.Context
	own, c.end = context.WithCancel(ctx)
	c.SetContext(own)
	select {
	case s.out <- c.Message:
		return c, true
	case <-ctx.Done():
		c.end()
		return c, false
	}
}

// follow sends a message again until it is acknowledged or the subscription
// ends.
func (s *subscription) follow(ctx context.Context, m *message.Message, c copied, ack func()) {
	pauses := backoff.NewExponentialBackOff(backoff.WithInitialInterval(s.opts.Pause),
		backoff.WithMaxInterval(s.opts.MaxPause), backoff.WithMultiplier(2), backoff.WithMaxElapsedTime(0))
	for {
		acked, nacked := c.await(ctx)
		c.end()
		if acked {
			ack()
		}
		if !nacked || !pace.Sleep(ctx, pauses.NextBackOff()) {
			return
		}
		var sent bool
		if c, sent = s.send(ctx, m); !sent {
			return
		}
	}
}

// await returns what the consumer says, or neither at the end. An
// acknowledgement that came just before the end counts.
func (c copied) await(ctx context.Context) (acked, nacked bool) {
	select {
	case <-c.Acked():
		return true, false
	case <-c.Nacked():
		return false, true
	case <-ctx.Done():
		select {
		case <-c.Acked():
			return true, false
		default:
			return false, false
		}
	}
}

var _ message.Subscriber = (*Subscriber)(nil)
