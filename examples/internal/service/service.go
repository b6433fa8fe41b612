// Package service is what the services of the examples share: a Watermill handler
// behind the Resequencer, with an inbox and an outbox in its own table.
//
// # The path of a message
//
//	queue ─► order per key ─► alarm ─► retry ─► one update of the table ─► checkpoint ─► ack
//	                                            (inbox, state, outbox)
//	                                                           └─► relay ─► publish ─► forget
//
// # Why nothing is lost or done twice, wherever the process is killed
//
//  1. What a message changes, that it was handled, and what is sent because of it
//     are one update: all of it happens or nothing.
//  2. Killed before the update: the message was not acknowledged, and comes again.
//  3. Killed behind it: the message may come again, and the inbox knows it.
//  4. Killed before an outgoing message was published, or before that was noted:
//     the relay publishes it, perhaps once more, with the same id and revision.
//     Its receiver drops the copy.
package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/examples/internal/table"
	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/store/pebble"
	"github.com/brokerbridge/bridge/policies"
)

// Config is what makes a service. Name, Dir, Subscriber, Publisher, Handle and
// Say are required.
type Config struct {
	Name       string
	Dir        string             // of its table and its store
	Topic      string             // where its messages come from; default Name
	Subscriber message.Subscriber // closed with the service
	Publisher  message.Publisher  // may be shared; must return only when the broker has the message

	// Handle changes the table and sends messages, in one update. What it does
	// outside of the table may be done again after a crash: pass Message.ID on, so
	// that the other side can tell.
	Handle func(*Tx, Message) error
	// Tick is called every 50 ms, for deadlines. Nil: there are none.
	Tick func(*Tx, time.Time) error
	// Retry is for what Handle returns an error for. Afterwards it is a dead letter.
	Retry policies.Retry

	Say     func(service, order, text string) // tells what was done
	Alarm   func(service, text string)        // calls a person; default Say
	Failed  func(error)                       // the service has ended by itself
	Reached func(point string)                // for tests, which kill the process here and there
}

// Service is one that runs.
type Service struct {
	cfg   Config
	table *table.Table
	store *pebble.Store
	order *ordering.Resequencer
	wake  chan struct{} // there is something in the outbox
	stop  context.CancelFunc
	runs  sync.WaitGroup
}

// Start opens a service and returns when it takes messages.
func Start(ctx context.Context, cfg Config) (*Service, error) {
	if cfg.Topic == "" {
		cfg.Topic = cfg.Name
	}
	if cfg.Alarm == nil {
		cfg.Alarm = func(service, text string) { cfg.Say(service, "", text) }
	}
	s := &Service{cfg: cfg, wake: make(chan struct{}, 1)}
	if err := s.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", cfg.Name, err), s.close())
	}
	ctx, s.stop = context.WithCancel(ctx)
	running, err := s.start(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", cfg.Name, err), s.Close())
	}
	select {
	case <-running:
		return s, nil
	case <-ctx.Done():
		return nil, errors.Join(context.Cause(ctx), s.Close())
	}
}

func (s *Service) open() (err error) {
	if err := os.MkdirAll(s.cfg.Dir, 0o700); err != nil {
		return err
	}
	if s.table, err = table.Open(filepath.Join(s.cfg.Dir, "table")); err != nil {
		return err
	}
	if s.store, err = pebble.Open(filepath.Join(s.cfg.Dir, "store"), pebble.Options{}); err != nil {
		return err
	}
	s.order, err = ordering.New(ordering.Config{
		Route: s.cfg.Name, Store: s.store, SingleInstance: true, First: 1,
		Identify: ordering.By{
			Key:      []ordering.Field{ordering.Header("order"), ordering.Header("from")},
			Revision: ordering.Header("revision"),
		}.Identify,
	})
	return err
}

// start runs the router, the Resequencer and the relay.
func (s *Service) start(ctx context.Context) (running <-chan struct{}, err error) {
	router, err := message.NewRouter(message.RouterConfig{}, watermill.NopLogger{})
	if err != nil {
		return nil, err
	}
	router.AddConsumerHandler(s.cfg.Name, s.cfg.Topic, s.cfg.Subscriber, s.handle).AddMiddleware(
		s.checkpointed,
		s.order.Middleware, // in order, per order and sender
		s.alarm,
		s.retry().Middleware, // bounded tries
		policies.Recover{}.Middleware,
	)
	s.run(func() error { return s.order.Run(ctx) })
	s.run(func() error { return s.relay(ctx) })
	s.run(func() error { return router.Run(ctx) })
	return router.Running(), nil
}

// run runs a part of the service. One that fails is told.
func (s *Service) run(part func() error) {
	s.runs.Go(func() {
		if err := part(); err != nil && s.cfg.Failed != nil {
			s.cfg.Failed(fmt.Errorf("%s: %w", s.cfg.Name, err))
		}
	})
}

func (s *Service) retry() policies.Retry {
	r := s.cfg.Retry
	r.Tried = ordering.Attempts // survives a crash
	return r
}

// handle is the handler: one update per message.
func (s *Service) handle(m *message.Message) error {
	in, err := decode(m)
	if err != nil {
		return policies.As(policies.Permanent, err)
	}
	s.reached(arrival(m), in.ID)
	err = s.update(func(tx *Tx) error {
		if tx.handled(in) {
			return nil
		}
		return s.cfg.Handle(tx, in)
	})
	switch {
	case errors.Is(err, table.ErrBroken):
		return policies.As(policies.Unavailable, err) // not the message's fault
	case err != nil:
		return err
	}
	s.reached("committed", in.ID)
	return nil
}

func arrival(m *message.Message) string {
	if ordering.Redriven(m) {
		return "redriven"
	}
	return "received"
}

// handled is the inbox: it reports whether a message was handled before, and notes
// that it is now. Revisions come in order, so the last one says it all.
func (tx *Tx) handled(in Message) bool {
	key := "inbox/" + in.Order + "/" + in.From
	var last int
	if tx.Get(key, &last); in.Revision <= last {
		return true
	}
	tx.Put(key, in.Revision)
	return false
}

// Close stops a service: what it is doing ends, the rest stays in its queue.
func (s *Service) Close() error {
	s.stop()
	s.runs.Wait()
	return s.close()
}

func (s *Service) close() error {
	var errs []error
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	if s.table != nil {
		errs = append(errs, s.table.Close())
	}
	return errors.Join(errs...)
}
