// Package roulette shows nack(requeue=true) beside the bridge, on somebody's own
// RabbitMQ: the same messages, ten of which cannot be processed, in a queue each for
// three services. All are Watermill routers with the same handler,
// which works in memory; RabbitMQ, its requeueing, and the bridge's subscriber,
// middlewares and store are the real ones.
//
// The queues are its own; it deletes them at its end.
package roulette

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	rabbit "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/demo/internal/screen"
)

// Options are how it is played. Out and URL are required.
type Options struct {
	Out io.Writer
	// URL is that of a RabbitMQ on which queues may be declared. It is not told: it
	// may hold a password.
	URL string
	// Lasts is how long it goes on until what the ten lack is there. Default 10 s.
	Lasts time.Duration
	// Messages is how many each queue has; a multiple of 100. Default 10,000.
	Messages int

	// enough ends it before its time; nil: nothing does.
	enough func(context.Context, []*player) bool
}

func (o *Options) fill() {
	if o.Lasts <= 0 {
		o.Lasts = 10 * time.Second
	}
	if o.Messages <= 0 {
		o.Messages = 10_000
	}
	if o.enough == nil {
		o.enough = func(context.Context, []*player) bool { return false }
	}
}

// ErrUnreachable says that no RabbitMQ can be used there.
var ErrUnreachable = errors.New("RabbitMQ cannot be used")

// Score is how far a player was when what the ten lack came, and how it ended.
type Score struct {
	Name string
	Then Standing
	End  Standing
}

// Standing is how far a player is.
type Standing struct {
	Done    int // messages that were processed
	Early   int // those of them that the one before them of their key was lacking of
	Again   int // deliveries by RabbitMQ of a message that had come before
	Refused int // tries of the ten that failed
	Dead    int // dead letters
	Parked  int // messages that wait behind them
}

// settling is how long the last messages may take to come when all can.
const settling = 30 * time.Second

// Run plays, and prints how it goes and how it ended.
func Run(ctx context.Context, opts Options) (scores []Score, err error) {
	opts.fill()
	dir, err := os.MkdirTemp("", "bridge-roulette-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if _, err := rabbit.ParseURI(opts.URL); err != nil { // which quotes it, with its password
		return nil, fmt.Errorf("%w: that is no URL of one", ErrUnreachable)
	}
	conn, err := rabbit.Dial(opts.URL)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	queues := names()
	defer func() { err = errors.Join(err, clearTable(conn, queues)) }()
	fmt.Fprintf(opts.Out, opening, screen.Count(opts.Messages), opts.Lasts)
	if err := deal(ctx, conn, queues, opts.Messages); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	players, err := seat(opts.URL, dir, queues)
	if err != nil {
		return nil, err
	}
	if scores, err = play(ctx, players, opts); err == nil {
		fmt.Fprint(opts.Out, report(scores, opts.Messages))
	}
	return scores, err
}

// play has all at work, until what the ten lack is there, and on until nothing is
// missing.
func play(ctx context.Context, players []*player, opts Options) (scores []Score, err error) {
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, len(players))
	for _, p := range players {
		go func() {
			ended <- p.service.Run(ctx)
			stop() // the others too
		}()
	}
	defer func() {
		stop()
		for range players {
			err = errors.Join(err, <-ended)
		}
	}()
	fmt.Fprint(opts.Out, head(players))
	for began := time.Now(); time.Since(began) < opts.Lasts && !opts.enough(ctx, players); {
		select {
		case <-time.After(time.Second):
			fmt.Fprint(opts.Out, line(ctx, time.Since(began), players))
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	for _, p := range players {
		scores = append(scores, Score{Name: p.name, Then: p.standing(ctx)})
		if err := p.service.Mend(ctx); err != nil {
			return nil, err
		}
	}
	for began := time.Now(); missing(players, opts.Messages) > 0 && time.Since(began) < settling && ctx.Err() == nil; {
		time.Sleep(50 * time.Millisecond)
	}
	for i, p := range players {
		scores[i].End = p.standing(ctx)
	}
	return scores, ctx.Err()
}
