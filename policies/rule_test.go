package policies

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
)

var errUnsure = Because(Transient, "unknown_outcome", errors.New("no answer"))

// ruled is steady with a rule for each thing that a rule can say.
var ruled = Retry{
	Attempts: 3, Initial: time.Second, Jitter: -1,
	Rules: []Rule{
		{Reason: "unknown_outcome", Attempts: 1},
		{Reason: "too_large", Attempts: 2, Initial: time.Minute, Max: time.Minute},
		{Class: Permanent, Multiplier: 3},
		{Class: Transient, Attempts: 5, Initial: 10 * time.Second, Max: 15 * time.Second},
		{Reason: "too_large", Attempts: 1000},
	},
}

func TestRuleThatFitsFirst(t *testing.T) {
	for _, tt := range []struct {
		name  string
		err   error
		tried int
		want  Verdict
	}{
		{"by reason, at once", errUnsure, 0, Verdict{Of: Transient, Tries: 1, Final: true, Why: "unknown_outcome"}},
		{"by reason, though permanent", errBad, 0, Verdict{Of: Permanent, Tries: 1, After: time.Minute}},
		{"by reason, to the end", errBad, 1, Verdict{Of: Permanent, Tries: 2, Final: true, Why: "too_large"}},
		{"wrapped", fmt.Errorf("publish: %w", errBad), 0, Verdict{Of: Permanent, Tries: 1, After: time.Minute}},
		{"by class, with the Retry's attempts", As(Permanent, errFlaky), 1, Verdict{Of: Permanent, Tries: 2, After: 3 * time.Second}},
		{"by class, with the Retry's last", As(Permanent, errFlaky), 2, Verdict{Of: Permanent, Tries: 3, Final: true, Why: "permanent"}},
		{"by class", errFlaky, 0, Verdict{Of: Transient, Tries: 1, After: 10 * time.Second}},
		{"by class, its longest pause", errFlaky, 3, Verdict{Of: Transient, Tries: 4, After: 15 * time.Second}},
		{"by class, the last", errFlaky, 4, Verdict{Of: Transient, Tries: 5, Final: true, Why: "max_attempts"}},
		{"past a rule's last", errUnsure, 4, Verdict{Of: Transient, Tries: 5, Final: true, Why: "unknown_outcome"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := ruled
			r.Tried = func(*message.Message) int { return tt.tried }
			v := verdict(t, r.Batch(always(tt.err))(messages(1))[0])
			if v.Err = nil; *v != tt.want {
				t.Errorf("got  %+v\nwant %+v", *v, tt.want)
			}
		})
	}
}

// What no rule fits is as it was.
func TestRuleThatDoesNotFit(t *testing.T) {
	r := Retry{Attempts: 2, Initial: time.Second, Jitter: -1, Rules: []Rule{{Reason: "expired", Attempts: 9}}}
	for err, want := range map[error]Verdict{
		errFlaky: {Of: Transient, Tries: 1, After: time.Second},
		errBad:   {Of: Permanent, Tries: 1, Final: true, Why: "too_large"},
	} {
		v := verdict(t, r.Batch(always(err))(messages(1))[0])
		if v.Err = nil; *v != want {
			t.Errorf("got  %+v\nwant %+v", *v, want)
		}
	}
}

// The reason of a failure is that of the dead letter it would become.
func TestRuleByTheReasonOfTheClass(t *testing.T) {
	r := Retry{Rules: []Rule{{Reason: "max_attempts", Attempts: 1}, {Reason: "permanent", Attempts: 2}}}
	if v := verdict(t, r.Batch(always(errFlaky))(messages(1))[0]); !v.Final {
		t.Errorf("max_attempts: %+v", *v)
	}
	if v := verdict(t, r.Batch(always(As(Permanent, errFlaky)))(messages(1))[0]); v.Final {
		t.Errorf("permanent: %+v", *v)
	}
}

// An outage is not poison, and a stop is not either, whatever reason they give.
func TestRuleSpendsNoTryOfAnOutage(t *testing.T) {
	r := Retry{Attempts: 1, Rules: []Rule{{Reason: "unknown_outcome", Attempts: 1}, {Class: Transient, Attempts: 1}}}
	for _, of := range []Class{Unavailable, Interrupted} {
		err := Because(of, "unknown_outcome", errors.New("no answer"))
		if v := verdict(t, r.Batch(always(err))(messages(1))[0]); v.Final || v.Tries != 0 || v.Of != of {
			t.Errorf("%v: %+v", of, *v)
		}
	}
}

func TestRuleForWhatSpendsNoTryIsRefused(t *testing.T) {
	for _, of := range []Class{Unavailable, Interrupted} {
		_, panicked := guard(func([]*message.Message) []error {
			Retry{Rules: []Rule{{Class: of, Attempts: 3}}}.Batch(always(nil))
			return nil
		}, nil)
		if panicked == nil {
			t.Errorf("a rule for %v was taken", of)
		}
	}
}

// Pauses and tries follow the rule of the failure at hand; tries are counted for
// the message.
func TestRuleMiddleware(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, calls := time.Now(), 0
		_, err := ruled.Middleware(handler(&calls, errFlaky, As(Permanent, errFlaky), errFlaky, errUnsure))(messages(1)[0])
		v := verdict(t, err)
		if v.Why != "unknown_outcome" || v.Tries != 4 || calls != 4 || !v.Since.Equal(start) {
			t.Errorf("after %d calls %+v", calls, *v)
		}
		if took := time.Since(start); took != 10*time.Second+3*time.Second+15*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestRuleJitterIsItsOwn(t *testing.T) {
	p := Retry{Jitter: -1, Rules: []Rule{{Reason: "a", Jitter: 1, Initial: time.Hour, Max: 2 * time.Hour}, {Reason: "b"}}}.plan()
	if a, b := &p.ruled[0], &p.ruled[1]; a.Jitter != 1 || b.Jitter != 0 {
		t.Errorf("%v and %v", a.Jitter, b.Jitter)
	}
}
