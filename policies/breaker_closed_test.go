package policies

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
)

func TestBreakerClosedToOpen(t *testing.T) {
	for _, tt := range []struct {
		name    string
		outcome []error
		want    State
	}{
		{"all well", times(100, nil), Closed},
		{"all away", times(20, errAway), Open},
		{"a thousand away", times(1000, errAway), Open},
		{"fewer than the minimum", times(19, errAway), Closed},
		{"just below the ratio", slices.Concat(times(51, nil), times(49, errAway)), Closed},
		{"at the ratio", slices.Concat(times(50, nil), times(50, errAway)), Open},
		{"failures first in their batch", slices.Concat(times(20, errAway), times(80, nil)), Closed},
		{"the messages' own faults", slices.Concat(times(50, errFlaky), times(50, errBad)), Closed},
		{"faults of messages show a living target", slices.Concat(times(60, errBad), times(40, errAway)), Closed},
		{"interrupted", times(100, errStop), Closed},
		{"interrupted ones say nothing", slices.Concat(times(1000, errStop), times(20, errAway)), Open},
		{"interrupted ones are not answers", slices.Concat(times(1000, errStop), times(19, errAway)), Closed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := NewBreaker(BreakerConfig{})
			errs := b.Batch(func([]*message.Message) []error { return slices.Clone(tt.outcome) })(messages(len(tt.outcome)))
			if !slices.Equal(errs, tt.outcome) {
				t.Errorf("the outcomes were changed")
			}
			if got := b.State(); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

func TestBreakerCountsAnswersOfAWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBreaker(BreakerConfig{})
		b.Batch(always(errAway))(messages(19))
		time.Sleep(11 * time.Second)
		b.Batch(always(errAway))(messages(19))
		if b.State() != Closed {
			t.Error("failures of another window were counted")
		}
		b.Batch(always(errAway))(messages(1))
		if b.State() != Open {
			t.Error("failures of this window were not")
		}
	})
}

// gobreaker ignores outcomes of requests that began before its counts were last
// cleared: an outage in which each call takes longer than the window would never
// be noticed.
func TestBreakerCountsCallsSlowerThanTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBreaker(BreakerConfig{Window: time.Second, Timeout: time.Minute})
		b.Batch(slowly(3*time.Second, errAway))(messages(20))
		if b.State() != Open {
			t.Error("not noticed")
		}
	})
}

func TestBreakerMiddlewareCounts(t *testing.T) {
	b := NewBreaker(BreakerConfig{Min: 3})
	calls := 0
	h := b.Middleware(handler(&calls, times(10, errAway)...))
	for range 10 {
		if _, err := h(messages(1)[0]); ClassOf(err) != Unavailable {
			t.Errorf("got %v", err)
		}
	}
	if b.State() != Open || calls != 3 {
		t.Errorf("%v after %d calls", b.State(), calls)
	}
}

func TestBreakerMiddlewareReturnsWhatWasProduced(t *testing.T) {
	out := messages(2)
	got, err := NewBreaker(BreakerConfig{}).Middleware(func(*message.Message) ([]*message.Message, error) {
		return out, nil
	})(messages(1)[0])
	if err != nil || len(got) != 2 {
		t.Errorf("got %v, %v", got, err)
	}
}

// A target that fails too rarely for the breaker is still not asked in a hot
// loop (I5).
func TestI5_AFailureBelowTheMinimumIsPaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, calls, start := NewBreaker(BreakerConfig{}), 0, time.Now()
		_, err := Retry{}.Middleware(b.Middleware(handler(&calls, times(9, errAway)...)))(messages(1)[0])
		if took := time.Since(start); err != nil || took != 9*time.Second {
			t.Errorf("%v after %v", err, took)
		}
	})
}

func TestBreakerEmptyBatch(t *testing.T) {
	if errs := NewBreaker(BreakerConfig{}).Batch(always(errors.New("called")))(nil); len(errs) != 0 {
		t.Errorf("got %v", errs)
	}
}

// slowly is a batch that takes its time.
func slowly(d time.Duration, err error) Batch {
	return func(msgs []*message.Message) []error {
		time.Sleep(d)
		return times(len(msgs), err)
	}
}
