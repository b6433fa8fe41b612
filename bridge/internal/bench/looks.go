package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	lookEvery = 50 * time.Millisecond
	patience  = time.Minute // without a new message
)

// errFast says that the looks saw too little.
var errFast = errors.New("it was over before two looks saw it under way; -seconds is too short")

// errStalled says that it is not slow, but stuck.
var errStalled = fmt.Errorf("no new message for %v", patience)

// looks are what was seen of a target that fills: the first look that found
// something, and the last that did not find all.
type looks struct {
	first, last look
	grown       look // the first that found as many as the last
}

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
	if n > l.grown.n || l.grown.at.IsZero() {
		l.grown = look{at, n}
	}
	return n >= all
}

// stalled says whether nothing has come for too long.
func (l *looks) stalled() bool { return l.last.at.Sub(l.grown.at) > patience }

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
func watch(ctx context.Context, target end, n int, m mover) (l looks, err error) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		failed := m.look(l.first.n > 0) // before it is counted: a child may be done by then
		asked := time.Now()
		count, err := target.count(ctx)
		if err != nil {
			return l, err
		}
		if l.note(asked.Add(time.Since(asked)/2), count, n) {
			return l, nil
		}
		if l.stalled() {
			failed = errors.Join(failed, errStalled)
		}
		if failed != nil {
			return l, fmt.Errorf("after %d of %d messages: %w", count, n, failed)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return l, fmt.Errorf("after %d of %d messages: %w", count, n, ctx.Err())
		}
	}
}
