package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/brokerbridge/bridge/bridge/internal/e2e/child"
)

const lookEvery = 50 * time.Millisecond

// errFast says that the looks saw too little.
var errFast = errors.New("it was over before two looks saw it under way; -seconds is too short")

// looks are what was seen of a target that fills: the first look that found
// something, and the last that did not find all.
type looks struct{ first, last look }

type look struct {
	at time.Time
	n  int
}

// note takes a look, and says whether all are there.
func (l *looks) note(at time.Time, n, all int) bool {
	if l.first.n == 0 {
		l.first = look{at, n}
	}
	if n < all {
		l.last = look{at, n}
	}
	return n >= all
}

// rate is in messages per second, and how long it took.
func (l *looks) rate() (float64, time.Duration, error) {
	took := l.last.at.Sub(l.first.at)
	if l.first.n == 0 || took <= 0 {
		return 0, 0, errFast
	}
	return float64(l.last.n-l.first.n) / took.Seconds(), took, nil
}

// watch looks at the target until it holds n messages. The answer is of a
// moment between question and arrival: it takes the middle.
func watch(ctx context.Context, target end, n int, c *child.Process) (l looks, err error) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		asked := time.Now()
		count, err := target.count(ctx)
		if err != nil {
			return l, err
		}
		if l.note(asked.Add(time.Since(asked)/2), count, n) {
			return l, nil
		}
		if !c.Running() && c.Code() != 0 {
			return l, fmt.Errorf("the child ended with %d after %d of %d messages", c.Code(), count, n)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return l, fmt.Errorf("after %d of %d messages: %w", count, n, ctx.Err())
		}
	}
}
