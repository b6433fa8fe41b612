// Command saga takes orders through payment, stock and shipping, each a service of
// its own behind RabbitMQ, and back again where one of them refuses. An
// orchestrator tells them what to do, one step after the other. Kill it where you
// like (kill -9) and start it again with the same -dir: each order comes to its
// end, and nothing is done twice. (Within ten minutes: see queues.go.)
//
//	make brokers
//	go run ./examples/saga
//
// Read saga.go first: the steps, and what follows what. Then participants.go.
// main.go plays four orders. examples/internal/service is the plumbing that every
// service needs: order, inbox, outbox, retry, dead letters.
//
// Where the services decide by themselves what to do next, see
// examples/choreography.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"
)

func main() {
	dir := flag.String("dir", "", "where the services keep their state (default: a new directory, removed at the end)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *dir, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "saga:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string, out io.Writer) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	goesOn := dir != "" // when it is started again
	if !goesOn {
		if dir, err = os.MkdirTemp("", "saga"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	shop, err := open(ctx, dir, out)
	if err != nil {
		return err
	}
	err = shop.play()
	return errors.Join(err, shop.close(err != nil && goesOn))
}

// play is the story. After a crash it is played from the start again: an order that
// is placed again is a copy, which is dropped.
func (s *shop) play() error {
	for _, o := range []Order{
		{ID: "A-1", Item: "book", Amount: 30},
		{ID: "A-2", Item: "unicorn", Amount: 70}, // there is none
		{ID: "A-3", Item: "unicorn", Amount: 90}, // and the refund fails
		{ID: "A-4", Item: "book", Amount: 20, Within: map[string]time.Duration{"stock": 500 * time.Millisecond}},
	} {
		if err := s.place(o); err != nil {
			return err
		}
		if err := s.await("order "+o.ID+" to end", func() (bool, error) { return s.tend(o.ID) }); err != nil {
			return err
		}
	}
	if err := s.await("rest", s.atRest); err != nil {
		return err
	}
	return s.report()
}

// tend reports whether an order has come to its end. Until then it does what people
// do: it mends what is broken.
func (s *shop) tend(order string) (over bool, err error) {
	state, err := s.state(order)
	if err != nil || state.over() {
		return true, err
	}
	if state.State == Cancelling {
		s.faults.mend("reserve", order) // the warehouse answers again: too late
	}
	dead, err := s.payment.DeadLetters(s.ctx, order)
	if err != nil {
		return true, err
	}
	for _, d := range dead {
		s.faults.mend("refund", order)
		switch redriven, err := s.payment.Redrive(s.ctx, d.ID, "the account is known again"); {
		case err != nil:
			return true, err
		case redriven:
			s.say("operator", order, "has mended the account, and redrives the "+d.Metadata["kind"])
		}
	}
	return false, nil
}
