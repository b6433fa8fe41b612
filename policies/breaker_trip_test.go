package policies

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
)

// TestBreakerTripSaysWhy follows a breaker from its opening to its closing: when it
// opened stays, the last failure is that of the last probe.
func TestBreakerTripSaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBreaker(BreakerConfig{})
		if trip, open := b.Trip(); open {
			t.Errorf("closed, and tripped: %+v", trip)
		}
		b.Batch(always(errFlaky))(messages(1))
		began := time.Now()
		b.Batch(always(errAway))(messages(20))
		trip, open := b.Trip()
		if want := (Trip{At: began, Err: errAway, Probe: began.Add(15 * time.Second)}); !open || trip != want {
			t.Errorf("just open: %+v, want %+v", trip, want)
		}

		time.Sleep(15 * time.Second)
		if trip, open = b.Trip(); !open || !trip.Probe.IsZero() || trip.At != began {
			t.Errorf("due for a probe: %+v", trip)
		}
		still := As(Unavailable, errors.New("still away"))
		b.Batch(always(still))(messages(1))
		trip, open = b.Trip()
		if want := (Trip{At: began, Err: still, Probe: began.Add(30 * time.Second)}); !open || trip != want {
			t.Errorf("after a probe that failed: %+v, want %+v", trip, want)
		}

		time.Sleep(15 * time.Second)
		b.Batch(always(nil))(messages(1))
		if trip, open := b.Trip(); open {
			t.Errorf("closed again, and tripped: %+v", trip)
		}
	})
}

// TestBreakerTripOfSilence says that no answer came.
func TestBreakerTripOfSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBreaker(BreakerConfig{})
		go b.Batch(func([]*message.Message) []error { time.Sleep(11 * time.Second); return times(1, nil) })(messages(1))
		time.Sleep(10*time.Second + 1)
		if trip, open := b.Trip(); !open || trip.Err == nil || trip.Err.Error() != "no answer within 10s" {
			t.Errorf("%+v, %v", trip, open)
		}
		time.Sleep(time.Second)
	})
}
