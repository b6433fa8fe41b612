// Package service is a Watermill service as many are, for those who compare what
// becomes of a message that its handler refuses: it reads a queue of RabbitMQ and
// refuses messages that lack something, until what they lack is there.
//
// It is stock Watermill, where RabbitMQ requeues what was refused, unless it has a
// store: then it is the same router and handler with the bridge's middlewares.
package service

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-amqp/v2/pkg/amqp"
	"github.com/ThreeDotsLabs/watermill/message"
	rabbit "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/store/pebble"
)

// Options are what a service is. URL, Queue, Handle and the headers are required.
type Options struct {
	URL   string // of RabbitMQ
	Queue string
	// Arguments are those the queue was declared with.
	Arguments rabbit.Table
	// Prefetch is how many messages RabbitMQ hands over before they are
	// acknowledged. 0: Watermill's default, which is 1.
	Prefetch int

	// Handle is the job, for what is not refused.
	Handle func(*message.Message) error
	// Key, Revision and Poison are names of headers. A message with the last is
	// refused until [Service.Mend].
	Key, Revision, Poison string

	// Middlewares are those of a service without a store.
	Middlewares func(*Service) ([]message.HandlerMiddleware, error)
	// Dir is the folder of the store. "": it has none, and no middleware of the
	// bridge.
	Dir string
	// Own is the bridge's own subscriber in the place of the stock one.
	Own bool
}

// Where a policy bounds them, a message has so many tries; the pause after the
// first doubles.
const (
	Tries = 4
	Pause = 100 * time.Millisecond
)

// name is that of the handler, and of the route in the store.
const name = "service"

var errRefused = errors.New("no such customer")

// Service is made by [New].
type Service struct {
	opts   Options
	counts *counts
	mended atomic.Bool

	resequencer *ordering.Resequencer // nil: it has no store
	store       *pebble.Store
}

// New opens the store, if there is one. Run closes it.
func New(opts Options) (*Service, error) {
	s := &Service{opts: opts, counts: newCounts()}
	if opts.Dir == "" {
		return s, nil
	}
	return s, s.remember()
}

// Run serves until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	router, err := message.NewRouter(message.RouterConfig{}, watermill.NopLogger{})
	if err != nil {
		return err
	}
	if s.resequencer != nil {
		return s.ordered(ctx, router)
	}
	var all []message.HandlerMiddleware
	if s.opts.Middlewares != nil {
		if all, err = s.opts.Middlewares(s); err != nil {
			return err
		}
	}
	in, err := s.subscriber()
	if err != nil {
		return err
	}
	router.AddConsumerHandler(name, s.opts.Queue, in, s.handle).AddMiddleware(all...)
	return errors.Join(router.Run(ctx), in.Close()) // where ctx ends, the router may leave it open
}

func (s *Service) handle(m *message.Message) error {
	if m.Metadata.Get(s.opts.Poison) != "" && !s.mended.Load() {
		s.counts.refuse()
		return errRefused
	}
	return s.opts.Handle(m)
}

// Mend has nothing refused from now on, and sends what was given up through again,
// each at its place.
func (s *Service) Mend(ctx context.Context) error {
	s.mended.Store(true)
	if s.resequencer == nil {
		return nil
	}
	return s.redrive(ctx)
}

// subscriber is the stock one, which hands on one message at a time.
func (s *Service) subscriber() (message.Subscriber, error) {
	c := amqp.NewDurableQueueConfig(s.opts.URL)
	c.Queue.Arguments = s.opts.Arguments
	c.Marshaler = marshaler{c.Marshaler, s.counts}
	if s.opts.Prefetch > 0 {
		c.Consume.Qos.PrefetchCount = s.opts.Prefetch
	}
	in, err := amqp.NewSubscriber(c, watermill.NopLogger{})
	if err != nil {
		return nil, fmt.Errorf("open the source: %w", err)
	}
	return in, nil
}
