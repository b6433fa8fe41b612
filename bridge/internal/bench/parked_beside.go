package main

import (
	"context"

	"github.com/brokerbridge/bridge/bridge/internal/bench/load"
)

// beside is what other keys of the route notice of a drain.
type beside struct {
	Sent   float64 `json:"sent"`   // messages per second
	Before pace    `json:"before"` // while all that is parked rests
	Beside pace    `json:"beside"`
	Over   bool    `json:"over"`  // the drain ended before the others did
	Found  string  `json:"found"` // by the check of what was parked
}

func (s *stage) beside(ctx context.Context, p plan, way direction, rate float64) (beside, error) {
	c := s.course(way)
	return on(ctx, c, func(ctx context.Context) (beside, error) { return c.beside(ctx, p, rate) })
}

// beside parks, sends others at a rate, drains, and sends others meanwhile.
func (c *course) beside(ctx context.Context, p plan, rate float64) (got beside, err error) {
	parked := parkedCrowd(p, manyParked)
	if _, _, err := c.park(ctx, parked); err != nil {
		return got, err
	}
	others := &crowd{plan: p, name: "other", base: otherBase}
	first := 1 + others.during(rate, warmUp)
	others.Messages = first + others.during(rate, 0)
	c.receive(parked.expect(), others.expect())
	before, err := c.before(ctx, others, rate, first)
	if err != nil {
		return got, err
	}
	if err := c.send(ctx, parked, 0, parked.Keys, load.Schedule{}); err != nil {
		return got, err
	}
	during, err := c.stretch(ctx, others, first, rate, 0)
	if err != nil {
		return got, err
	}
	over, _ := c.sink.look(func() bool { return parked.seen.missing == 0 }, during.End())
	if err := c.arrived(ctx, parked, others); err != nil {
		return got, err
	}
	got = beside{Sent: rate, Over: over}
	if got.Beside, err = c.end(ctx, others, during); err != nil {
		return got, err
	}
	got.Before, got.Found = paceOf(before, others), parked.outcome().outcome()
	return got, nil
}

// before sends others while nothing else happens, until all are there.
func (c *course) before(ctx context.Context, others *crowd, rate float64, n int) (*load.Period, error) {
	if err := c.scout(ctx, others); err != nil {
		return nil, err
	}
	timed, err := c.stretch(ctx, others, 1, rate, warmUp)
	if err != nil {
		return nil, err
	}
	return timed, c.sink.await(ctx, c.mover, func() bool { return others.here == n })
}
