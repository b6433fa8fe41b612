package policies

import (
	"cmp"
	"fmt"
	"time"
)

// Rule is a [Retry] of its own for some failures: all of a Class, or all with a
// Reason. What it leaves out is as in the Retry it belongs to.
//
// Tries are counted for the message, not for the rule: a message that failed
// twice for one thing has two tries behind it when it fails for another.
type Rule struct {
	// Class is [Transient] or [Permanent]: other failures spend no try, and a rule
	// for them makes Retry panic when it is put to use. It is not looked at where
	// there is a Reason.
	Class Class

	// Reason is that of the dead letter which the failure would become, such as
	// too_large: the one that the error carries ([Because]), else permanent or
	// max_attempts, by its class. An outage spends no try whatever its reason.
	Reason string

	// Attempts counts the first one; 1 gives up at once. 0: those of the Retry.
	Attempts int

	// Initial and Max are the first and the longest pause. 0: those of the Retry.
	Initial, Max time.Duration

	// Multiplier and Jitter are as in the Retry, whose they are if 0.
	Multiplier, Jitter float64
}

// fits reports whether the rule is for a failure.
func (u *Rule) fits(of Class, why string) bool {
	if u.Reason != "" {
		return u.Reason == why
	}
	return u.Class == of
}

// over lays the rule over the Retry it belongs to.
func (u *Rule) over(r Retry) plan {
	if u.Reason == "" && u.Class != Transient && u.Class != Permanent {
		panic(fmt.Sprintf("policies: a Rule for %v failures, which spend no try", u.Class))
	}
	r.Rules = nil
	r.Attempts = cmp.Or(max(u.Attempts, 0), r.Attempts)
	r.Initial, r.Max = cmp.Or(u.Initial, r.Initial), cmp.Or(u.Max, r.Max)
	r.Multiplier, r.Jitter = cmp.Or(u.Multiplier, r.Multiplier), cmp.Or(u.Jitter, r.Jitter)
	return r.plan()
}

// why is the reason of the dead letter that a failure which spends a try would
// become.
func why(of Class, err error) string {
	if of == Permanent {
		return cmp.Or(ReasonOf(err), "permanent")
	}
	return cmp.Or(ReasonOf(err), "max_attempts")
}

// spend counts a failed try and decides whether there is another.
func (p *plan) spend(v *Verdict) {
	v.Tries++
	reason := why(v.Of, v.Err)
	last := v.Of == Permanent // given up at once, unless a rule says otherwise
	for i := range p.Rules {
		if p.Rules[i].fits(v.Of, reason) {
			p, last = &p.ruled[i], false
			break
		}
	}
	if last || v.Tries >= p.Attempts {
		v.giveUp(reason)
		return
	}
	v.After = p.pause(v.Tries)
}
