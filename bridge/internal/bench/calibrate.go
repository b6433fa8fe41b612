package main

import (
	"context"
	"errors"
	"fmt"
)

// calibrate finds how many messages keep a contender busy for the seconds asked
// for: with more and more of them, until a run lasts long enough to tell.
func (s *stage) calibrate(ctx context.Context, p plan, way direction, c contender) (int, error) {
	p = c.plan(p)
	limit := p.rounded(atMost(way))
	for p.Messages = min(p.rounded(c.probe), limit); ; {
		m, err := s.run(ctx, p, way, c)
		if err != nil && !errors.Is(err, errFast) {
			return 0, fmt.Errorf("calibrate: %w", err)
		}
		n, enough := p.next(m, limit)
		if enough {
			return n, nil
		}
		p.Messages = n
	}
}

// atMost bounds what the disk must hold twice. Only from Kafka to Kafka does
// anyone move a million in five seconds.
func atMost(way direction) int {
	if way == (direction{kafka, kafka}) {
		return 5_000_000
	}
	return 1_000_000
}

// next is how many messages to try after a run of p.Messages, or how many are
// enough. A run of half the time tells the rate: a shorter one is mostly its
// beginning. There is room for a calibration slower than what follows.
func (p plan) next(m measure, limit int) (n int, enough bool) {
	const room = 1.5
	wanted := float64(p.Seconds)
	if m.Seconds >= wanted/2 || p.Messages >= limit {
		if m.Rate == 0 {
			return limit, true
		}
		return min(p.rounded(int(m.Rate*wanted*room)), limit), true
	}
	more := 5.0
	if m.Seconds > 0 {
		more = min(max(wanted/m.Seconds, 2), 5)
	}
	return min(p.rounded(int(float64(p.Messages)*more)), limit), false
}

// rounded gives each key equally many, and at least one, where keys take turns.
func (p plan) rounded(n int) int {
	if p.Draw != byTurns {
		return max(n, 1)
	}
	return max(n/p.Keys, 1) * p.Keys
}
