// Package demo shows the bridge at work on a machine with nothing but Go: a
// queue that shuffles, repeats, loses and sends again, the bridge as it would
// run in earnest, a Kafka inside the process, and a consumer that reads the
// topic back and checks it.
//
// Everything between the queue and the consumer is the real thing: the topology
// file, the routes, the Pebble store, the Kafka edge and its wire protocol. What
// the report says was read from Kafka and from the store afterwards; nothing is
// said because it was meant to be so.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/brokerbridge/bridge/bridge/demo/internal/screen"
	"github.com/brokerbridge/bridge/bridge/demo/internal/stream"
)

var (
	// ErrFailed says that the consumer or the store had something else than was
	// promised; the report has printed what.
	ErrFailed = errors.New("the demo's check failed")
	// ErrOptions says that the demo cannot run with these options.
	ErrOptions = errors.New("the demo cannot run like this")
)

// Options are how the demo runs. The zero value is useful.
type Options struct {
	// Out gets the live view and the report. Default: nowhere.
	Out io.Writer
	// Live says that Out is a terminal on which lines can be drawn anew; else a
	// line is written every second.
	Live bool
	// Messages is how many events are made, each a revision of one of Keys orders.
	// Default 10,000 of 100; at least 20 for each of at least 10.
	Messages, Keys int
	// Seed decides what goes wrong where: the same seed, the same stream. How it
	// interleaves with time is up to the machine.
	Seed uint64
	// Rate is how many messages are sent in a second. 0: so that sending takes 12
	// seconds; below 0: as fast as it goes.
	Rate int
	// GapTimeout is how long a missing revision is waited for. Default 2 s.
	GapTimeout time.Duration
	// Dir gets the topology, the log and the store, and keeps them; it must be
	// empty or missing. Default: a temporary one, removed at the end.
	Dir string
	// Keep keeps the temporary directory too.
	Keep bool
	// Tamper falsifies the topic before it is checked, to see the check fail: Loss
	// or Order. Default: not at all.
	Tamper Tamper
}

func (o *Options) fill() {
	if o.Out == nil {
		o.Out = io.Discard
	}
	if o.Messages <= 0 {
		o.Messages = 10_000
	}
	if o.Keys <= 0 {
		o.Keys = 100
	}
	if o.GapTimeout <= 0 {
		o.GapTimeout = 2 * time.Second
	}
}

// pace is how many messages a second are sent; 0: no limit.
func (o *Options) pace(sends int) float64 {
	switch {
	case o.Rate < 0:
		return 0
	case o.Rate == 0:
		return float64(sends) / 12
	}
	return float64(o.Rate)
}

// Run runs the demo and prints its report. The error is [ErrFailed] when the
// check failed, that of ctx when it ended first, and else says what could not be
// set up.
func Run(ctx context.Context, opts Options) (report Report, err error) {
	opts.fill()
	s, err := stream.New(stream.Settings{Messages: opts.Messages, Keys: opts.Keys, Seed: opts.Seed})
	if err != nil {
		return Report{}, fmt.Errorf("%w: %w", ErrOptions, err)
	}
	st, err := openStage(opts)
	if err != nil {
		return Report{}, err
	}
	defer func() { err = st.leave(ctx, err) }()
	view := screen.New(opts.Out, opts.Live)
	view.Say(opening(s, opts))
	played, err := st.play(ctx, s, opts, view)
	view.End()
	if err != nil {
		if ctx.Err() != nil {
			fmt.Fprintln(opts.Out, "\nStopped. What was under way was settled or parked; nothing was checked.")
		}
		return Report{}, err
	}
	if err := st.tamper(ctx, opts.Tamper, s); err != nil {
		return Report{}, err
	}
	report, err = st.report(ctx, s, played)
	if err != nil {
		return Report{}, err
	}
	fmt.Fprint(opts.Out, report.text(opts, st))
	if !report.OK() {
		return report, ErrFailed
	}
	return report, nil
}
