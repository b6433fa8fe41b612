package policies

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/sony/gobreaker"
)

// ErrOpen is in the errors of messages a [Breaker] did not let through. They
// were not tried.
var ErrOpen = errors.New("breaker not closed")

// BreakerConfig says when a [Breaker] opens, and for how long. The zero value is
// useful.
type BreakerConfig struct {
	// Name is what is protected, in errors: "kafka topic orders".
	Name string

	// Ratio of failures at which it opens. Over 0, to 1. 0: 0.5.
	Ratio float64

	// Min is how many messages must have been answered within the window before
	// Ratio says anything. 0: 20.
	Min int

	// Window is the time over which answers are counted; then counting starts
	// anew. 0: 10 s.
	Window time.Duration

	// OpenFor is how long nothing is sent before one message is let through to
	// see. 0: 15 s.
	OpenFor time.Duration

	// Timeout is how long a call may take. One that has not returned by then opens
	// the breaker; it is still awaited, since what becomes of its messages is not
	// known. 0: 10 s. Negative: no limit.
	Timeout time.Duration

	// OnChange is told each change of state, in order and one at a time, by whoever
	// noticed it; it must return at once and may call State. Nil: nobody is told.
	OnChange func(from, to State)
}

func (c BreakerConfig) withDefaults() BreakerConfig {
	c.Ratio = min(cmp.Or(max(c.Ratio, 0), 0.5), 1)
	c.Min = cmp.Or(max(c.Min, 0), 20)
	c.Window = cmp.Or(max(c.Window, 0), 10*time.Second)
	c.OpenFor = cmp.Or(max(c.OpenFor, 0), 15*time.Second)
	c.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	return c
}

// tooMany reports whether the answers of a window open the breaker.
func (c BreakerConfig) tooMany(n gobreaker.Counts) bool {
	answered := float64(n.TotalSuccesses) + float64(n.TotalFailures)
	return answered >= float64(c.Min) && float64(n.TotalFailures) >= c.Ratio*answered
}

// Breaker stops sending to a target that is away, and lets one message through
// now and then to see whether it is back. One Breaker stands for one target and
// may be used by many handlers at once.
//
// Only [Unavailable] failures count against the target. [Transient] and
// [Permanent] ones are the message's own fault: the target has answered.
// [Interrupted] ones say nothing. Each message of a batch counts.
//
// What is not let through fails with an [Unavailable] error, [ErrOpen], that
// suggests a pause. [Retry], placed outside the Breaker, waits that long and
// spends no try: nothing is given up because a target is away.
//
// That the time for a probe has come is noticed when the next message, or State,
// asks.
type Breaker struct {
	name    string
	timeout time.Duration
	gate    *gate
}

// NewBreaker returns a closed Breaker.
func NewBreaker(c BreakerConfig) *Breaker {
	c = c.withDefaults()
	return &Breaker{name: c.Name, timeout: c.Timeout, gate: newGate(c)}
}

// State is the state now.
func (b *Breaker) State() State {
	b.gate.mu.Lock()
	defer b.gate.unlock()
	return b.gate.state()
}

// Trip is why a [Breaker] is not closed.
type Trip struct {
	// At is when it opened; probes that failed since have not changed that.
	At time.Time
	// Err is the last failure that counted, be it of a probe.
	Err error
	// Probe is when a message may go next to see whether the target is back. Zero:
	// now, or it is on its way.
	Probe time.Time
}

// Trip says why the breaker is not closed; false: it is.
func (b *Breaker) Trip() (Trip, bool) {
	b.gate.mu.Lock()
	defer b.gate.unlock()
	state := b.gate.state() // which may change it
	if state == Closed {
		return Trip{}, false
	}
	trip := Trip{At: b.gate.opened, Err: b.gate.last}
	if state == Open {
		trip.Probe = b.gate.until
	}
	return trip, true
}

// Batch calls next with all messages when closed, with the first when half-open
// and nothing is on its way already, and not at all when open.
func (b *Breaker) Batch(next Batch) Batch {
	return func(msgs []*message.Message) []error {
		if len(msgs) == 0 {
			return nil
		}
		p := b.gate.enter(len(msgs))
		errs := b.send(p, next, msgs[:p.n])
		if p.n == len(msgs) {
			return errs
		}
		return append(errs, b.refuse(p, len(msgs)-p.n)...)
	}
}

// Middleware is Batch for one message.
func (b *Breaker) Middleware(h message.HandlerFunc) message.HandlerFunc {
	return single(b.Batch, h)
}

// send passes messages on and reports what became of them, also when next
// panics: then nothing is known, but a probe is over.
func (b *Breaker) send(p *pass, next Batch, msgs []*message.Message) (errs []error) {
	if len(msgs) == 0 {
		return nil
	}
	if b.timeout > 0 {
		late := time.AfterFunc(b.timeout, func() { b.gate.late(p, fmt.Errorf("no answer within %s", b.timeout)) })
		defer late.Stop()
	}
	defer func() {
		b.gate.leave(p, tally(errs))
	}()
	return next(msgs)
}

// outcomes are what errors say of the target.
type outcomes struct {
	succeeded, failed int
	last              error // of those that failed
}

// tally counts what errors say of the target.
func tally(errs []error) (all outcomes) {
	for _, err := range errs {
		switch {
		case err == nil:
			all.succeeded++
		case ClassOf(err) == Unavailable:
			all.failed++
			all.last = err
		case ClassOf(err) != Interrupted:
			all.succeeded++
		}
	}
	return all
}

// refuse is the answer to n messages that may not pass.
func (b *Breaker) refuse(p *pass, n int) []error {
	err := As(Unavailable, &refusal{name: b.name, state: p.of, pause: p.pause})
	errs := make([]error, n)
	for i := range errs {
		errs[i] = err
	}
	return errs
}

// refusal is the error of a message that was not let through.
type refusal struct {
	name  string
	state State
	pause time.Duration
}

func (r *refusal) Error() string {
	return fmt.Sprintf("%s unavailable, breaker %s: again in %s",
		cmp.Or(r.name, "target"), r.state, r.pause.Round(time.Millisecond))
}

// Untried tells whoever follows the message that it went nowhere.
func (r *refusal) Untried() bool { return true }

func (r *refusal) Is(target error) bool { return target == ErrOpen }

// Pause is how long until asking makes sense.
func (r *refusal) Pause() time.Duration { return r.pause }

// single is a policy on batches as a middleware.
func single(policy func(Batch) Batch, h message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) (produced []*message.Message, err error) {
		one := policy(func(msgs []*message.Message) []error {
			produced, err = h(msgs[0])
			return []error{err}
		})
		err = one([]*message.Message{msg})[0]
		return produced, err
	}
}
