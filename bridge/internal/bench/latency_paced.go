package main

import (
	"context"
	"fmt"
	"time"

	"github.com/brokerbridge/bridge/bridge/internal/bench/load"
)

const (
	// warmUp is the beginning of a run that is left out.
	warmUp = 2 * time.Second
	// connecting is how long a sender has until its first message is due.
	connecting = 200 * time.Millisecond
	// caseTimeout is for a run that parks and drains much.
	caseTimeout = 15 * time.Minute
)

// pace is what a time of steady traffic was like. Latencies are in milliseconds.
type pace struct {
	Rate  float64 `json:"rate"` // messages per second, at the target
	P50   float64 `json:"p50_ms"`
	P99   float64 `json:"p99_ms"`
	P999  float64 `json:"p999_ms"`
	Max   float64 `json:"max_ms"`
	Found string  `json:"found"` // by the check
}

func paceOf(p *load.Period, of *crowd) pace {
	return pace{
		Rate: p.Rate(), P50: p.Took(50), P99: p.Took(99), P999: p.Took(99.9), Max: p.Took(100),
		Found: of.outcome().outcome(),
	}
}

func (p pace) line(round int, name string) string {
	return fmt.Sprintf("%5d  %-14s %9.0f msg/s   p50 %.2f   p99 %.2f   p99.9 %.2f   max %.2f ms   %s\n",
		round, name, p.Rate, p.P50, p.P99, p.P999, p.Max, p.Found)
}

// paced lets a contender move a crowd at a rate, and times all after the warm-up.
// One message goes ahead of the others: once it is there, everybody is at work.
func (c *course) paced(ctx context.Context, rate float64, who contender, of *crowd) (*load.Period, error) {
	of.Messages = 1 + of.during(rate, warmUp)
	c.receive(of.expect())
	if err := c.begin(ctx, of.plan, who); err != nil {
		return nil, err
	}
	if err := c.scout(ctx, of); err != nil {
		return nil, err
	}
	timed, err := c.stretch(ctx, of, 1, rate, warmUp)
	if err != nil {
		return nil, err
	}
	return timed, c.arrived(ctx, of)
}

// end ends the contender, and completes what is known of a crowd.
func (c *course) end(ctx context.Context, of *crowd, timed *load.Period) (got pace, err error) {
	if of.found.Left, err = c.finish(ctx); err != nil {
		return got, err
	}
	return paceOf(timed, of), nil
}

// during is how many messages a stretch has.
func (c *crowd) during(rate float64, skip time.Duration) int {
	return int(rate * (skip + c.lasts()).Seconds())
}

func (c *crowd) lasts() time.Duration { return time.Duration(c.Seconds) * time.Second }

// scout sends the first message, and waits until it is there.
func (c *course) scout(ctx context.Context, of *crowd) error {
	if err := c.send(ctx, of, 0, 1, load.Schedule{}); err != nil {
		return err
	}
	return c.sink.await(ctx, c.mover, func() bool { return of.here > 0 })
}

// stretch sends at a rate, the i-th message first. The period that is timed is all
// but what is skipped.
func (c *course) stretch(ctx context.Context, of *crowd, i int, rate float64, skip time.Duration) (*load.Period, error) {
	start := time.Now().Add(connecting)
	timed := c.sink.open(of, start.Add(skip), of.lasts())
	return timed, c.send(ctx, of, i, of.during(rate, skip), load.Schedule{Start: start, Rate: rate})
}

// arrived waits until all of the crowds are there.
func (c *course) arrived(ctx context.Context, crowds ...*crowd) error {
	for _, of := range crowds {
		if err := c.sink.await(ctx, c.mover, func() bool { return of.seen.missing == 0 }); err != nil {
			return fmt.Errorf("%d of %d messages have arrived: %w", of.here, of.Messages, err)
		}
	}
	return nil
}

// half is the rate to send at: half of the bridge's own, unless another was asked
// for.
func (s *stage) half(ctx context.Context, p plan, way direction) (float64, error) {
	if p.Rate > 0 {
		return float64(p.Rate), nil
	}
	full, err := s.fullRate(ctx, p, way)
	fmt.Printf("%s: the bridge moves %.0f messages per second\n", way, full)
	return full / 2, err
}

// fullRate is that of the bridge from a full source.
func (s *stage) fullRate(ctx context.Context, p plan, way direction) (float64, error) {
	n, err := s.calibrate(ctx, p, way, theBridge)
	if err != nil {
		return 0, err
	}
	p.Messages = n
	m, err := s.run(ctx, p, way, theBridge)
	if err != nil {
		return 0, err
	}
	return m.Rate, s.dropSources()
}
