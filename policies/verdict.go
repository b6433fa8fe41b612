package policies

import (
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
)

// Batch handles several messages at once and returns an error for each, in the
// same order; the slice of errors is the caller's. It is the form in which the
// policies work inside the bridge.
type Batch = func(msgs []*message.Message) []error

// Verdict is the error in which the policies end: what is to become of the
// message now. Whoever owns the message (ordering, or the bridge) acts on it;
// in a plain router it is returned to the router.
type Verdict struct {
	Of    Class
	Tries int           // attempts spent so far, this one included
	After time.Duration // how long until the next try, unless given up
	Final bool          // given up: it becomes a dead letter
	Why   string        // the dead letter's reason; empty unless Final
	Since time.Time     // the first failure; zero where only the owner knows it
	Err   error

	failed *failures // nil: only the owner knows them
}

// failures are the tries that were spent by [Retry.Middleware], which makes several;
// of many the last ones.
type failures []failure

type failure struct {
	at    time.Time
	took  time.Duration
	class Class
	text  string
}

const mostFailures = 30

func (v *Verdict) class() Class   { return v.Of }
func (v *Verdict) reason() string { return v.Why }

// Error is the cause's text.
func (v *Verdict) Error() string { return v.Err.Error() }

// Unwrap returns the cause.
func (v *Verdict) Unwrap() error { return v.Err }

// EachFailure shows the tries that [Retry.Middleware] made, this one included, to
// the owner of the message, who keeps them. Of many it shows the last 30.
func (v *Verdict) EachFailure(see func(at time.Time, took time.Duration, class, text string)) {
	if v.failed == nil {
		return
	}
	for _, f := range *v.failed {
		see(f.at, f.took, f.class.String(), f.text)
	}
}

// tried adds a try that failed to those before it.
func (f *failures) tried(v *Verdict, now, began time.Time) *failures {
	var all failures
	if f != nil {
		all = *f
	}
	all = append(all, failure{now, now.Sub(began), v.Of, v.Error()})
	all = all[max(0, len(all)-mostFailures):]
	return &all
}

// Class is the cause's class, spelled as in dead letters.
func (v *Verdict) Class() string { return v.Of.String() }

// Attempts is how many tries were spent.
func (v *Verdict) Attempts() int { return v.Tries }

// Pause is how long to wait before the next try.
func (v *Verdict) Pause() time.Duration { return v.After }

// GivenUp reports whether the message becomes a dead letter.
func (v *Verdict) GivenUp() bool { return v.Final }

// Reason is the dead letter's reason.
func (v *Verdict) Reason() string { return v.Why }
