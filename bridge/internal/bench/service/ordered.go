package service

import (
	"context"
	"errors"

	"github.com/ThreeDotsLabs/watermill/message"

	bridgeamqp "github.com/brokerbridge/bridge/bridge/broker/amqp"
	"github.com/brokerbridge/bridge/bridge/broker/pubsub"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/bench/load"
	"github.com/brokerbridge/bridge/bridge/internal/rawloop"
	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble"
	"github.com/brokerbridge/bridge/policies"
)

// route is the service's name in its store.
const route = "service"

// ordered is the bridge's way.
func (s *service) ordered(ctx context.Context) error {
	db, err := pebble.Open(s.storeDir(), pebble.Options{})
	if err != nil {
		return err
	}
	r, err := ordering.New(ordering.Config{
		Route: route, Store: db, SingleInstance: true, First: 1,
		Identify: ordering.By{Key: []ordering.Field{ordering.Header(rawloop.KeyHeader)}, Revision: ordering.Header(load.RevisionHeader)}.Identify,
	})
	if err != nil {
		return errors.Join(err, db.Close())
	}
	in, err := s.source()
	if err != nil {
		return errors.Join(err, db.Close())
	}
	s.router.AddConsumerHandler(route, s.Queue, in, s.handle).AddMiddleware(
		s.arrived,
		r.Middleware,
		policies.Retry{Attempts: tries, Initial: pause, Jitter: -1, Tried: ordering.Attempts}.Middleware,
	)
	ctx, stop := context.WithCancelCause(ctx)
	ended := make(chan error, 1)
	go func() {
		err := r.Run(ctx)
		stop(err)
		ended <- err
	}()
	err = s.serve(ctx, s.stats(r), s.redrive(r, db))
	stop(nil)
	return errors.Join(err, <-ended, db.Close())
}

func (s *service) source() (message.Subscriber, error) {
	if s.Policy == Middlewares {
		return s.subscriber()
	}
	shop := bridgeamqp.New("shop", config.AMQP{URL: config.NewSecret(s.URL)}, nil)
	return pubsub.NewSubscriber(shop, func(queue string) config.From {
		return config.From{Queue: queue, Window: prefetch}
	}, pubsub.Options{}), nil
}

// arrived counts what the bridge's own subscriber hands over; the stock one's is
// counted when it is decoded.
func (s *service) arrived(next message.HandlerFunc) message.HandlerFunc {
	return func(m *message.Message) ([]*message.Message, error) {
		if s.Policy == Edges {
			s.counts.take(load.NumberOf(m.Payload))
		}
		return next(m)
	}
}

func (s *service) stats(r *ordering.Resequencer) func(context.Context) error {
	return func(ctx context.Context) error {
		st, err := r.Stats(ctx)
		if err == nil {
			s.counts.stored(st.Ledger.Dead, st.Ledger.Parked)
		}
		return err
	}
}

// redrive sends all dead letters through again, each at its place.
func (s *service) redrive(r *ordering.Resequencer, db store.Store) func(context.Context) error {
	return func(ctx context.Context) error {
		var ids []string
		for d, err := range db.DeadLetters(ctx, store.Query{Route: route}) {
			if err != nil {
				return err
			}
			ids = append(ids, d.ID)
		}
		for _, id := range ids {
			if _, err := r.Redrive(ctx, id, ordering.Operation{By: "on-call", Reason: "the customer was added"}); err != nil {
				return err
			}
		}
		return nil
	}
}
