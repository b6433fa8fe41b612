package service

import (
	"context"
	"fmt"
	"time"

	"github.com/ThreeDotsLabs/watermill-amqp/v2/pkg/amqp"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
)

// Policy is what becomes of a message that the handler refuses.
type Policy string

// The policies.
const (
	// Requeue lets the stock subscriber nack: RabbitMQ requeues it at once.
	Requeue Policy = "requeue"
	// Ahead is Requeue with a prefetch of 100.
	Ahead Policy = "ahead"
	// Retry has four tries with Watermill's Retry before that.
	Retry Policy = "retry"
	// PoisonQueue has four tries, then Watermill's PoisonQueue.
	PoisonQueue Policy = "poison-queue"
	// Middlewares has the bridge's middlewares on the stock subscriber.
	Middlewares Policy = "middlewares"
	// Edges has them on the bridge's own subscriber.
	Edges Policy = "edges"
)

// tries is how often a message is tried where a policy bounds it, the first one
// counted; pause is that after the first, and doubles.
const (
	tries = 4
	pause = 100 * time.Millisecond
)

const prefetch = 100

func (p Policy) run(ctx context.Context, s *service) error {
	switch p {
	case Middlewares, Edges:
		return s.ordered(ctx)
	case Requeue, Ahead, Retry, PoisonQueue:
		return s.stock(ctx)
	}
	return fmt.Errorf("there is no policy %q", p)
}

// stock is Watermill's own way.
func (s *service) stock(ctx context.Context) error {
	in, err := s.subscriber()
	if err != nil {
		return err
	}
	if s.Policy == PoisonQueue {
		poison, err := middleware.PoisonQueue(counting{s.publisher, s.counts}, s.Dead)
		if err != nil {
			return err
		}
		s.router.AddMiddleware(poison)
	}
	if s.Policy == Retry || s.Policy == PoisonQueue {
		s.router.AddMiddleware(middleware.Retry{MaxRetries: tries - 1, InitialInterval: pause, Multiplier: 2}.Middleware)
	}
	s.router.AddConsumerHandler(string(s.Policy), s.Queue, in, s.handle)
	return s.serve(ctx, nil, nil)
}

// subscriber is the stock one, which hands on one message at a time.
func (s *service) subscriber() (message.Subscriber, error) {
	c := amqp.NewDurableQueueConfig(s.URL)
	c.Marshaler = marshaler{c.Marshaler, s.counts}
	if s.Policy == Ahead {
		c.Consume.Qos.PrefetchCount = prefetch
	}
	in, err := amqp.NewSubscriber(c, s.log)
	if err != nil {
		return nil, fmt.Errorf("open the source: %w", err)
	}
	return in, nil
}
