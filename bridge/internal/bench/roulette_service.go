package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	logs "github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"

	"github.com/brokerbridge/bridge/bridge/demo/service"
	"github.com/brokerbridge/bridge/bridge/internal/bench/load"
	"github.com/brokerbridge/bridge/bridge/internal/bench/stock"
	"github.com/brokerbridge/bridge/bridge/internal/rawloop"
)

// policy is what becomes of a message that a service refuses: as -service says it.
type policy string

const (
	requeue     policy = "requeue"      // the stock subscriber nacks, RabbitMQ requeues
	ahead       policy = "ahead"        // the same, with a prefetch of 100
	retry       policy = "retry"        // Watermill's Retry before that
	poisonQueue policy = "poison-queue" // Retry, then Watermill's PoisonQueue
	middlewares policy = "middlewares"  // the bridge's middlewares on the stock subscriber
	edges       policy = "edges"        // and on its own
)

const prefetched = 100

// serve is a service as a child, with a policy and the folder for a store; it runs
// until ctx ends. It publishes to a topic, and says how far it is, one line for each
// change. SIGUSR1 mends what it lacks.
func serve(ctx context.Context, p policy, words, dir string) error {
	e, err := parseErrand(words)
	if err != nil {
		return err
	}
	out, err := stock.Publisher(kafkaAddrs(), logs.NopLogger{})
	if err != nil {
		return fmt.Errorf("open the target: %w", err)
	}
	o := service.Options{
		URL: amqpURL(), Queue: e.from.name, Key: rawloop.KeyHeader, Revision: load.RevisionHeader, Poison: load.PoisonHeader,
		Handle: func(m *message.Message) error { return out.Publish(e.to.name, m) },
	}
	if err := p.set(&o, out, deadOf(e.to.name), dir); err != nil {
		return errors.Join(err, out.Close())
	}
	s, err := service.New(o)
	if err != nil {
		return errors.Join(err, out.Close())
	}
	ctx, stop := context.WithCancel(ctx)
	told := make(chan error, 1)
	go func() { told <- attend(ctx, s) }()
	err = s.Run(ctx)
	stop()
	return errors.Join(err, <-told, out.Close())
}

// set makes options those of a policy.
func (p policy) set(o *service.Options, out message.Publisher, dead, dir string) error {
	tries := middleware.Retry{MaxRetries: service.Tries - 1, InitialInterval: service.Pause, Multiplier: 2}.Middleware
	switch p {
	case requeue:
	case ahead:
		o.Prefetch = prefetched
	case retry:
		o.Middlewares = func(*service.Service) ([]message.HandlerMiddleware, error) {
			return []message.HandlerMiddleware{tries}, nil
		}
	case poisonQueue:
		o.Middlewares = func(s *service.Service) ([]message.HandlerMiddleware, error) {
			poison, err := middleware.PoisonQueue(s.GivenUp(out), dead)
			return []message.HandlerMiddleware{poison, tries}, err
		}
	case middlewares:
		o.Dir = dir
	case edges:
		o.Dir, o.Own, o.Prefetch = dir, true, prefetched
	default:
		return fmt.Errorf("there is no policy %q", p)
	}
	return nil
}

// said is what a service says of itself.
const said = "at taken=%d again=%d refused=%d dead=%d parked=%d\n"

// attend says how far a service is, and mends what it lacks when it is told to.
func attend(ctx context.Context, s *service.Service) error {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	var failed error
	for last, tick := (service.Counts{Taken: -1}), time.NewTicker(100*time.Millisecond); ; {
		select {
		case <-ctx.Done():
			return failed
		case <-asked:
			failed = errors.Join(failed, s.Mend(ctx))
		case <-tick.C:
			if n, err := s.Counts(ctx); err == nil && n != last { // it fails when it is about to end
				fmt.Printf(said, n.Taken, n.Again, n.Refused, n.Dead, n.Parked)
				last = n
			}
		}
	}
}

// heard is what a service said in a line; false: it said something else.
func heard(line string) (n service.Counts, ok bool) {
	got, err := fmt.Sscanf(line, said, &n.Taken, &n.Again, &n.Refused, &n.Dead, &n.Parked)
	return n, err == nil && got == 5
}
