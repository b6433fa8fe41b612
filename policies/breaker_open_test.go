package policies

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
)

// opened is a breaker that has just opened for 15 s.
func opened(t *testing.T, c BreakerConfig) *Breaker {
	t.Helper()
	b := NewBreaker(c)
	b.Batch(always(errAway))(messages(20))
	if b.State() != Open {
		t.Fatalf("%v, want it open", b.State())
	}
	return b
}

func TestBreakerOpenRefusesAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := opened(t, BreakerConfig{Name: "kafka topic orders"})
		time.Sleep(4 * time.Second)
		errs := b.Batch(func([]*message.Message) []error {
			t.Error("next was called")
			return times(3, nil)
		})(messages(3))
		if len(errs) != 3 {
			t.Fatalf("%d errors for 3 messages", len(errs))
		}
		for _, err := range errs {
			if ClassOf(err) != Unavailable || !errors.Is(err, ErrOpen) || suggested(err) != 11*time.Second {
				t.Errorf("got %v, of class %v, pausing %v", err, ClassOf(err), suggested(err))
			}
		}
		const text = "kafka topic orders unavailable, breaker open: again in 11s"
		if errs[0].Error() != text {
			t.Errorf("got %q", errs[0])
		}
	})
}

// The pause ends when the open state does, not a moment before.
func TestBreakerOpenPauseEndsHalfOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := opened(t, BreakerConfig{})
		pause := suggested(b.Batch(always(nil))(messages(1))[0])
		time.Sleep(pause - 1)
		if b.State() != Open {
			t.Errorf("%v before the pause is over", b.State())
		}
		time.Sleep(time.Nanosecond)
		if b.State() != HalfOpen {
			t.Errorf("%v after the pause", b.State())
		}
	})
}

func TestBreakerOpenSpendsNoTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := opened(t, BreakerConfig{})
		r := Retry{Tried: func(*message.Message) int { return 9 }}
		for _, err := range r.Batch(b.Batch(always(nil)))(messages(3)) {
			v := verdict(t, err)
			if v.Of != Unavailable || v.Tries != 9 || v.Final || v.After != 15*time.Second {
				t.Errorf("got %+v", *v)
			}
		}
	})
}

// Outcomes of messages sent before it opened say nothing of what comes after.
func TestBreakerOpenIgnoresStragglers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBreaker(BreakerConfig{Timeout: -1})
		go b.Batch(slowly(16*time.Second, errAway))(messages(20))
		go b.Batch(slowly(17*time.Second, nil))(messages(20))
		synctest.Wait()
		b.Batch(always(errAway))(messages(20))
		time.Sleep(15 * time.Second)
		for _, when := range []string{"half-open", "after a failed straggler", "after a straggler"} {
			if b.State() != HalfOpen {
				t.Errorf("%s: %v", when, b.State())
			}
			time.Sleep(time.Second)
		}
		time.Sleep(time.Second)
	})
}

func TestBreakerTellsChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []change
		var b *Breaker
		b = NewBreaker(BreakerConfig{OnChange: func(from, to State) {
			if got := b.State(); got != to {
				t.Errorf("state %v while told of %v", got, to)
			}
			told = append(told, change{from, to})
		}})
		b.Batch(always(errAway))(messages(1000))
		time.Sleep(15 * time.Second)
		b.Batch(always(errAway))(messages(10))
		time.Sleep(15 * time.Second)
		b.Batch(always(nil))(messages(10))
		want := []change{{Closed, Open}, {Open, HalfOpen}, {HalfOpen, Open}, {Open, HalfOpen}, {HalfOpen, Closed}}
		if !slices.Equal(told, want) {
			t.Errorf("got %v, want %v", told, want)
		}
	})
}

func TestStateString(t *testing.T) {
	for s, want := range map[State]string{Closed: "closed", HalfOpen: "half-open", Open: "open"} {
		if s.String() != want {
			t.Errorf("got %q, want %q", s, want)
		}
	}
}
