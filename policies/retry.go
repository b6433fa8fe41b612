package policies

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/cenkalti/backoff/v4"

	"github.com/brokerbridge/bridge/ordering/spans"
)

// awhile is the pause where nobody suggests one. It is what keeps a target that
// fails too rarely to open a breaker from being asked in a hot loop.
const awhile = time.Second

// Retry tries a failing message again, a bounded number of times, with growing
// pauses. The zero value is useful; it holds no state and may be shared.
//
// [Transient] failures spend tries, [Permanent] ones are given up at once; Rules
// may say otherwise. The other classes never spend a try. It ends in a [Verdict];
// an error that is a final one already passes unchanged.
type Retry struct {
	// Attempts counts the first one; 1 is no retry. 0 or less: 10.
	Attempts int

	// Initial is the pause after the first attempt. 0: 200 ms.
	Initial time.Duration

	// Max is the longest pause; less than Initial means Initial. 0: 30 s.
	Max time.Duration

	// Multiplier is by how much each pause exceeds the one before; from 1, always
	// the same. 0: 2.
	Multiplier float64

	// Jitter is by what part each pause is made longer or shorter at random, so that
	// many failures do not try in step; to 1. 0: 0.5. Negative: none.
	Jitter float64

	// Rules have other numbers for some failures. The first that fits is used.
	Rules []Rule

	// Spans follows the tries of Middleware with OpenTelemetry, each in a process span,
	// but of messages that a Resequencer in front follows already. Nil: nobody does.
	Spans *spans.Tracer

	// Tried says how many tries of a message were spent before, for an owner who
	// remembers them. Nil: none.
	Tried func(*message.Message) int
}

// Batch calls next once for all and turns each error into a [Verdict]. It never
// sleeps: the owner of the message waits for Verdict.After. It expects next to
// leave the messages' contexts as they were.
func (r Retry) Batch(next Batch) Batch {
	p := r.plan()
	return func(msgs []*message.Message) []error {
		errs := next(msgs)
		for i, err := range errs {
			if err != nil {
				errs[i] = p.judge(msgs[i].Context(), p.Tried(msgs[i]), err)
			}
		}
		return errs
	}
}

// Middleware tries until the message succeeds, is given up, or its context ends.
// In between it sleeps, and the message stays unacknowledged; while the target
// is unavailable, for as long as it takes.
//
// The error is a [Verdict]: final, for [DeadLetter] to act on, or interrupted,
// for the router to hand the message back untouched.
func (r Retry) Middleware(h message.HandlerFunc) message.HandlerFunc {
	p := r.plan()
	return func(msg *message.Message) ([]*message.Message, error) {
		ctx := msg.Context()
		v := &Verdict{Tries: p.Tried(msg)}
		tries := p.Spans.Tries(msg)
		for sleep(ctx, v.After) {
			began := time.Now()
			span := tries.Begin(msg, v.Tries+1)
			produced, err := h(msg)
			if err == nil {
				span.Done()
				return produced, nil
			}
			// A try's context ends with it: Watermill's Timeout leaves a dead one behind.
			msg.SetContext(ctx)
			v = p.judge(ctx, v.Tries, err).since(v, began)
			span.Failed(v.Class(), v)
			if v.Final {
				return nil, v
			}
		}
		return nil, v.interrupted(ctx)
	}
}

// plan is a Retry with its defaults filled in and its pauses laid out.
type plan struct {
	Retry
	pauses []time.Duration // by tries spent, from 1, before jitter; the last one repeats
	ruled  []plan          // by rule
}

func (r Retry) plan() plan {
	ruled := make([]plan, len(r.Rules))
	for i := range r.Rules {
		ruled[i] = r.Rules[i].over(r)
	}
	if r.Attempts <= 0 {
		r.Attempts = 10
	}
	if r.Tried == nil {
		r.Tried = func(*message.Message) int { return 0 }
	}
	r.Initial = cmp.Or(max(r.Initial, 0), 200*time.Millisecond)
	r.Max = max(cmp.Or(r.Max, 30*time.Second), r.Initial)
	r.Multiplier = max(cmp.Or(r.Multiplier, 2), 1)
	r.Jitter = min(max(cmp.Or(r.Jitter, 0.5), 0), 1)
	return plan{r, r.pauses(), ruled}
}

// judge says what is to become of a message that failed after so many tries.
func (p *plan) judge(ctx context.Context, tries int, err error) *Verdict {
	if given := (*Verdict)(nil); errors.As(err, &given) && given.Final {
		return given
	}
	v := &Verdict{Of: classUnder(ctx, err), Tries: tries, After: awhile, Err: err}
	switch v.Of {
	case Interrupted:
	case Unavailable:
		v.After = suggested(err)
	default:
		p.spend(v)
	}
	return v
}

// classUnder is the class of an error under a context. Whatever fails once the
// context has ended may have failed because of that: neither a try nor a dead
// letter may rest on it.
func classUnder(ctx context.Context, err error) Class {
	if ctx.Err() != nil {
		return Interrupted
	}
	return ClassOf(err)
}

// suggested is the pause an error in the chain asks for.
func suggested(err error) time.Duration {
	var e interface{ Pause() time.Duration }
	if errors.As(err, &e) && e.Pause() > 0 {
		return e.Pause()
	}
	return awhile
}

func (v *Verdict) giveUp(why string) {
	v.Final, v.Why, v.After = true, why, 0
}

// since takes over the story of the tries before this one, which began then: the
// time of the first failure is now if there was none.
func (v *Verdict) since(before *Verdict, began time.Time) *Verdict {
	now := time.Now()
	v.Since = cmp.Or(before.Since, now)
	v.failed = before.failed
	if v.Tries > before.Tries || v.Final {
		v.failed = v.failed.tried(v, now, began)
	}
	return v
}

// interrupted is the verdict on a message whose context ended before anything
// was decided.
func (v *Verdict) interrupted(ctx context.Context) *Verdict {
	stop := *v
	stop.Of, stop.After = Interrupted, awhile
	switch {
	case v.Err == nil:
		stop.Err = ctx.Err()
	case !errors.Is(v.Err, ctx.Err()):
		stop.Err = fmt.Errorf("%w, after: %w", ctx.Err(), v.Err)
	}
	return &stop
}

// sleep waits, and reports whether it was left to.
func sleep(ctx context.Context, d time.Duration) bool {
	if ctx.Err() != nil || d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// longest bounds the table of pauses where the multiplier is barely above 1.
const longest = 1000

// pauses lays out the pauses until they no longer grow, so that the n-th is a
// look-up however large n is.
func (r Retry) pauses() []time.Duration {
	b := r.backOff(r.Initial, 0)
	all := []time.Duration{b.NextBackOff()}
	for len(all) < min(r.Attempts, longest) {
		next := b.NextBackOff()
		if next <= all[len(all)-1] {
			break
		}
		all = append(all, next)
	}
	return all
}

// pause is how long to wait after so many tries. Jitter may not exceed Max, as
// it would with the library alone.
func (p *plan) pause(tries int) time.Duration {
	n := min(max(tries, 1), len(p.pauses))
	return min(p.backOff(p.pauses[n-1], p.Jitter).NextBackOff(), p.Max)
}

func (r Retry) backOff(initial time.Duration, jitter float64) *backoff.ExponentialBackOff {
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(initial),
		backoff.WithMaxInterval(r.Max),
		backoff.WithMultiplier(r.Multiplier),
		backoff.WithRandomizationFactor(jitter),
		backoff.WithMaxElapsedTime(0), // attempts bound it, not time
	)
}
