package policies

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
)

func TestBreakerTimeoutOpensWhileAwaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBreaker(BreakerConfig{})
		answer := make(chan []error, 1)
		go func() { answer <- b.Batch(slowly(12*time.Second, nil))(messages(2)) }()
		time.Sleep(10*time.Second - 1)
		if b.State() != Closed {
			t.Errorf("%v before the timeout", b.State())
		}
		time.Sleep(2 * time.Nanosecond)
		if b.State() != Open || len(answer) != 0 {
			t.Errorf("%v after the timeout", b.State())
		}
		if errs := <-answer; len(errs) != 2 || errs[0] != nil {
			t.Errorf("the late answer was not passed on: %v", errs)
		}
		if b.State() != Open {
			t.Errorf("%v after the late answer", b.State())
		}
	})
}

func TestBreakerTimeoutOfAProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := halfOpened(t, BreakerConfig{})
		done := make(chan []error)
		go func() { done <- b.Batch(slowly(time.Minute, errAway))(messages(1)) }()
		time.Sleep(10*time.Second + 1)
		if b.State() != Open {
			t.Errorf("%v though the probe hangs", b.State())
		}
		time.Sleep(15 * time.Second)
		b.Batch(always(nil))(messages(1))
		if b.State() != Closed {
			t.Errorf("%v: a hanging probe is in the way of the next", b.State())
		}
		<-done
		if b.State() != Closed {
			t.Errorf("%v: the old probe was counted", b.State())
		}
	})
}

func TestBreakerTimeoutIsPerCall(t *testing.T) {
	for name, c := range map[string]BreakerConfig{"none": {Timeout: -1}, "long": {Timeout: time.Hour}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := NewBreaker(c)
				b.Batch(slowly(time.Minute, nil))(messages(1))
				if b.State() != Closed {
					t.Errorf("%v", b.State())
				}
			})
		})
	}
}

func TestBreakerTimeoutNotAfterAPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBreaker(BreakerConfig{})
		_, _ = guard(b.Batch(func([]*message.Message) []error { panic("boom") }), messages(1))
		time.Sleep(time.Minute)
		if b.State() != Closed {
			t.Errorf("%v", b.State())
		}
	})
}

// The timer may go off just as the call returns.
func TestBreakerTimeoutThatComesTooLate(t *testing.T) {
	g := NewBreaker(BreakerConfig{}).gate
	p := g.enter(1)
	g.leave(p, outcomes{succeeded: 1})
	g.late(p, errAway)
	if g.state() != Closed {
		t.Errorf("%v", g.state())
	}
}
