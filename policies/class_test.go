package policies

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

func TestClassOf(t *testing.T) {
	for _, tt := range []struct {
		name   string
		err    error
		want   Class
		reason string
	}{
		{"says nothing", errors.New("x"), Transient, ""},
		{"deadline", context.DeadlineExceeded, Transient, ""},
		{"cancelled", fmt.Errorf("publish: %w", context.Canceled), Interrupted, ""},
		{"says so", errAway, Unavailable, ""},
		{"with a reason", errBad, Permanent, "too_large"},
		{"wrapped", fmt.Errorf("publish: %w", errBad), Permanent, "too_large"},
		{"says so of a cancelled context", As(Unavailable, context.Canceled), Unavailable, ""},
		{"the outermost counts", As(Unavailable, errBad), Unavailable, ""},
		{"a verdict over its cause", &Verdict{Of: Interrupted, Err: errBad}, Interrupted, ""},
		{"a final verdict", &Verdict{Of: Transient, Final: true, Why: "max_attempts", Err: errFlaky}, Transient, "max_attempts"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := ClassOf(tt.err); got != tt.want {
				t.Errorf("class %v, want %v", got, tt.want)
			}
			if got := ReasonOf(tt.err); got != tt.reason {
				t.Errorf("reason %q, want %q", got, tt.reason)
			}
		})
	}
}

func TestAsNothingIsNothing(t *testing.T) {
	if err := As(Permanent, nil); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestClassString(t *testing.T) {
	for c, want := range map[Class]string{
		Transient: "transient", Unavailable: "unavailable", Permanent: "permanent",
		Interrupted: "interrupted", 9: "class(9)",
	} {
		if c.String() != want {
			t.Errorf("got %q, want %q", c, want)
		}
	}
}
