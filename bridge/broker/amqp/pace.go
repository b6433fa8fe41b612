package amqp

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v4"
)

const (
	// A session that lasted so long was a good one: the next loss starts over.
	settledAfter = 10 * time.Second
	lookAgain    = 5 * time.Second // for what an operator has to put right
	elsewhere    = 2 * time.Second // for another consumer to go
)

// setback is an error that says when to try again.
type setback struct {
	err  error
	wait time.Duration
}

func (s *setback) Error() string { return s.err.Error() }
func (s *setback) Unwrap() error { return s.err }

// pace is how long a source waits between sessions.
type pace struct{ exponential *backoff.ExponentialBackOff }

// after returns the wait that follows an error of a session that lasted so long.
func (p *pace) after(err error, lasted time.Duration) time.Duration {
	if p.exponential == nil {
		p.exponential = backoff.NewExponentialBackOff(
			backoff.WithInitialInterval(200*time.Millisecond),
			backoff.WithMaxInterval(5*time.Second),
			backoff.WithMaxElapsedTime(0))
	}
	if lasted > settledAfter {
		p.exponential.Reset()
	}
	var s *setback
	if errors.As(err, &s) {
		return s.wait + rand.N(s.wait/4+1) // so that two that hit upon each other part
	}
	return p.exponential.NextBackOff()
}
