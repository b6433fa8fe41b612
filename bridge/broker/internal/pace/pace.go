// Package pace says how long an edge waits before it tries again.
package pace

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// LookAgain is the wait for what an operator has to put right.
const LookAgain = 5 * time.Second

// A try that lasted so long was a good one: the next failure starts over.
const settledAfter = 10 * time.Second

// Setback is an error that says when to try again.
type Setback struct {
	Err  error
	Wait time.Duration
}

// Error is that of Err.
func (s *Setback) Error() string { return s.Err.Error() }

// Unwrap returns Err.
func (s *Setback) Unwrap() error { return s.Err }

// Later is a setback that waits for an operator.
func Later(err error) error { return &Setback{err, LookAgain} }

// Pace is the wait between tries: as a [Setback] says, else growing from 200 ms
// to 5 s. The zero value is ready.
type Pace struct{ exponential *backoff.ExponentialBackOff }

// After returns the wait that follows an error of a try that lasted so long.
func (p *Pace) After(err error, lasted time.Duration) time.Duration {
	if p.exponential == nil {
		p.exponential = backoff.NewExponentialBackOff(
			backoff.WithInitialInterval(200*time.Millisecond),
			backoff.WithMaxInterval(5*time.Second),
			backoff.WithMaxElapsedTime(0))
	}
	if lasted > settledAfter {
		p.exponential.Reset()
	}
	var s *Setback
	if errors.As(err, &s) {
		return s.Wait + rand.N(s.Wait/4+1) // so that two that hit upon each other part
	}
	return p.exponential.NextBackOff()
}

// Again calls try until ctx ends, tells how each try ended, and waits between
// them.
func (p *Pace) Again(ctx context.Context, try func(context.Context) error, tell func(error)) {
	for {
		began := time.Now()
		err := try(ctx)
		if ctx.Err() != nil {
			return
		}
		tell(err)
		if !Sleep(ctx, p.After(err, time.Since(began))) {
			return
		}
	}
}

// Sleep waits so long, unless ctx ends first: false.
func Sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
