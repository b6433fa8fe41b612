package service

import (
	"context"
	"errors"
	"log/slog"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker/amqp"
	"github.com/brokerbridge/bridge/bridge/broker/pubsub"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble"
	"github.com/brokerbridge/bridge/policies"
)

// remember opens the store.
func (s *Service) remember() (err error) {
	if s.store, err = pebble.Open(s.opts.Dir, pebble.Options{}); err != nil {
		return err
	}
	s.resequencer, err = ordering.New(ordering.Config{
		Route: name, Store: s.store, SingleInstance: true, First: 1, Logger: slog.New(slog.DiscardHandler),
		Identify: ordering.By{Key: []ordering.Field{ordering.Header(s.opts.Key)}, Revision: ordering.Header(s.opts.Revision)}.Identify,
	})
	if err != nil {
		return errors.Join(err, s.store.Close())
	}
	return nil
}

// ordered is the bridge's way.
func (s *Service) ordered(ctx context.Context, router *message.Router) error {
	in, err := s.source()
	if err != nil {
		return errors.Join(err, s.store.Close())
	}
	router.AddConsumerHandler(name, s.opts.Queue, in, s.handle).AddMiddleware(
		s.arrived,
		s.resequencer.Middleware,
		policies.Retry{Attempts: Tries, Initial: Pause, Jitter: -1, Tried: ordering.Attempts}.Middleware,
	)
	ctx, stop := context.WithCancelCause(ctx)
	ended := make(chan error, 1)
	go func() {
		err := s.resequencer.Run(ctx)
		stop(err)
		ended <- err
	}()
	err = errors.Join(router.Run(ctx), in.Close())
	stop(nil)
	return errors.Join(err, <-ended, s.store.Close())
}

func (s *Service) source() (message.Subscriber, error) {
	if !s.opts.Own {
		return s.subscriber()
	}
	shop := amqp.New("shop", config.AMQP{URL: config.NewSecret(s.opts.URL)}, nil)
	return pubsub.NewSubscriber(shop, func(queue string) config.From {
		return config.From{Queue: queue, Window: max(s.opts.Prefetch, 1)}
	}, pubsub.Options{}), nil
}

// arrived counts what the bridge's own subscriber hands over; the stock one's is
// counted when it is decoded.
func (s *Service) arrived(next message.HandlerFunc) message.HandlerFunc {
	return func(m *message.Message) ([]*message.Message, error) {
		if s.opts.Own {
			s.counts.take(m.UUID)
		}
		return next(m)
	}
}

// redrive sends all dead letters through again.
func (s *Service) redrive(ctx context.Context) error {
	var ids []string
	for d, err := range s.store.DeadLetters(ctx, store.Query{Route: name}) {
		if err != nil {
			return err
		}
		ids = append(ids, d.ID)
	}
	for _, id := range ids {
		if _, err := s.resequencer.Redrive(ctx, id, ordering.Operation{By: "on-call", Reason: "the customer was added"}); err != nil {
			return err
		}
	}
	return nil
}
