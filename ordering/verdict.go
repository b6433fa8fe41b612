package ordering

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/brokerbridge/bridge/ordering/store"
)

// verdict is what is to become of a message that failed. The policies package
// returns errors that carry one; ordering knows only this interface.
type verdict interface {
	error
	Class() string        // transient, unavailable, permanent or interrupted
	Attempts() int        // tries spent, this one included
	Pause() time.Duration // until the next one
	GivenUp() bool        // it becomes a dead letter
	Reason() string       // of the dead letter
}

// judge finds the verdict in an error. An error without one is treated as
// policies.Retry's defaults would by its class, which is transient unless it says
// another one: ten tries, with pauses that double from 200 ms to 30 s.
func judge(err error, tries store.Tries) verdict {
	var v verdict
	switch {
	case errors.As(err, &v):
		return v
	case errors.Is(err, context.Canceled):
		return plain{error: err, class: "interrupted"}
	}
	p := plain{error: err, class: "transient", attempts: tries.Attempts + 1}
	p.pause = min(200*time.Millisecond<<min(tries.Attempts, 10), 30*time.Second)
	var c classified
	if errors.As(err, &c) {
		p.class, p.reason = c.Classified()
	}
	switch p.class {
	case "unavailable", "interrupted":
		p.attempts = tries.Attempts
	case "permanent":
		p.givenUp, p.reason = true, cmp.Or(p.reason, "permanent")
	default:
		if p.attempts >= 10 {
			p.givenUp, p.reason = true, cmp.Or(p.reason, "max_attempts")
		}
	}
	return p
}

// classified is an error that says its class and no more: policies.Classified, where
// no policies.Retry stands behind the Resequencer.
type classified interface {
	Classified() (class, reason string)
}

// isAwaited reports whether a call of the message is still under way though it
// failed, as with policies.ErrNoAnswer. Only that same message finds the outcome.
func isAwaited(err error) bool {
	var a interface{ Awaited() bool }
	return errors.As(err, &a) && a.Awaited()
}

// plain is the verdict on an error that brought none.
type plain struct {
	error
	class    string
	attempts int
	pause    time.Duration
	givenUp  bool
	reason   string
}

func (p plain) Class() string        { return p.class }
func (p plain) Attempts() int        { return p.attempts }
func (p plain) Pause() time.Duration { return p.pause }
func (p plain) GivenUp() bool        { return p.givenUp }
func (p plain) Reason() string       { return p.reason }
func (p plain) Unwrap() error        { return p.error }

// note adds a failure to a message's story.
func note(it *item, v verdict, now time.Time, took time.Duration) {
	t := &it.tries
	t.Attempts = v.Attempts()
	if t.FirstFailed.IsZero() {
		t.FirstFailed = now
	}
	t.LastFailed = now
	t.Class = v.Class()
	t.Error = store.ErrorText(v.Error())
	known, of := t.Log, it.traced()
	if s, ok := v.(storied); ok {
		s.EachFailure(func(at time.Time, took time.Duration, class, text string) {
			t.Log = t.Log.Add(store.Try{At: at, Took: took, Class: class, Error: text, Trace: of})
		})
	}
	if t.Log == known {
		t.Log = t.Log.Add(store.Try{At: now, Took: took, Class: t.Class, Error: t.Error, Trace: of})
	}
}

// storied is a verdict on several tries, as that of policies.Retry's middleware:
// it tells of each.
type storied interface {
	EachFailure(see func(at time.Time, took time.Duration, class, text string))
}

// HaltError ends Run and says why the route must not simply be restarted.
type HaltError struct {
	// Reason is one word for a machine, one of the Halt constants.
	Reason string
	Err    error
}

// Reasons of a HaltError.
const (
	HaltElsewhere    = "state_elsewhere"    // another owner writes this route's lanes
	HaltNoState      = "no_state"           // the store is empty or older than the source
	HaltDeadLetter   = "dead_letter"        // a message failed for good and OnFailure is Stop
	HaltFlood        = "stop_after"         // too many of the last messages became dead letters, see StopAfter
	HaltInconsistent = "store_inconsistent" // a row the store should have is not there
	HaltStore        = "store_failed"       // the store broke; what it has is safe, and opening it again may help
	HaltHandler      = "handler"            // the handler cannot be used here: ErrProduces, ErrHandlers
)

// Error names the reason and the cause.
func (e *HaltError) Error() string { return fmt.Sprintf("%s: %v", e.Reason, e.Err) }

// Unwrap returns the cause.
func (e *HaltError) Unwrap() error { return e.Err }
