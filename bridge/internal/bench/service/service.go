// Package service is a Watermill service as many are: it reads a queue of RabbitMQ,
// publishes to a topic of Kafka, and refuses messages that lack something, until
// what they lack is there. What becomes of the refused ones is up to its policy.
//
// All policies have the same router, handler and publisher. The stock parts have
// their defaults but where a policy says otherwise.
package service

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/internal/bench/load"
	"github.com/brokerbridge/bridge/bridge/internal/rawloop"
)

// Options say where it reads and writes.
type Options struct {
	Policy Policy
	URL    string // of RabbitMQ
	Queue  string

	Brokers []string // of Kafka
	Topic   string
	Dead    string // the topic of what is given up, for [PoisonQueue]

	Dir string // the store of [Middlewares] and [Edges]
}

var errRefused = errors.New("no such customer")

// Run runs the service until ctx ends. It says how far it is, one line for each
// change. SIGUSR1 tells it that what was lacking is there: from then on nothing is
// refused, and what has dead letters redrives them.
func Run(ctx context.Context, o Options) error {
	s := &service{Options: o, log: watermill.NopLogger{}, counts: newCounts()}
	var err error
	if s.publisher, err = s.publisherTo(); err != nil {
		return err
	}
	if s.router, err = message.NewRouter(message.RouterConfig{}, s.log); err != nil {
		return err
	}
	return errors.Join(s.Policy.run(ctx, s), s.publisher.Close())
}

type service struct {
	Options

	log       watermill.LoggerAdapter
	router    *message.Router
	publisher message.Publisher
	counts    *counts
	mended    atomic.Bool
}

// handle is the job: it refuses what is marked, and publishes the rest.
func (s *service) handle(m *message.Message) error {
	if m.Metadata.Get(load.PoisonHeader) != "" && !s.mended.Load() {
		s.counts.refuse()
		return errRefused
	}
	return s.publisher.Publish(s.Topic, m)
}

// publisherTo writes a key's messages to one partition.
func (s *service) publisherTo() (message.Publisher, error) {
	p, err := kafka.NewPublisher(kafka.PublisherConfig{
		Brokers: s.Brokers,
		Marshaler: kafka.NewWithPartitioningMarshaler(func(_ string, m *message.Message) (string, error) {
			return m.Metadata.Get(rawloop.KeyHeader), nil
		}),
	}, s.log)
	if err != nil {
		return nil, fmt.Errorf("open the target: %w", err)
	}
	return p, nil
}

// serve runs the router, and says how it goes.
func (s *service) serve(ctx context.Context, look func(context.Context) error, mend func(context.Context) error) error {
	ctx, stop := context.WithCancel(ctx)
	told := make(chan error, 1)
	go func() { told <- s.attend(ctx, look, mend) }()
	err := s.router.Run(ctx) // closes the subscriber
	stop()
	return errors.Join(err, <-told)
}

func (s *service) storeDir() string { return filepath.Join(s.Dir, "store") }
