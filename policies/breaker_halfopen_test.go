package policies

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
)

// halfOpened is a breaker whose open state has just ended. Only in a bubble.
func halfOpened(t *testing.T, c BreakerConfig) *Breaker {
	t.Helper()
	b := opened(t, c)
	time.Sleep(15 * time.Second)
	return b
}

func TestBreakerHalfOpenJudgesByTheProbe(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want State
	}{
		{"delivered", nil, Closed},
		{"still away", errAway, Open},
		{"answered, with the message's fault", errBad, Closed},
		{"answered, with a fault that may pass", errFlaky, Closed},
		{"interrupted", errStop, HalfOpen},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := halfOpened(t, BreakerConfig{})
				errs := b.Batch(always(tt.err))(messages(1))
				if len(errs) != 1 || errs[0] != tt.err {
					t.Errorf("got %v", errs)
				}
				if b.State() != tt.want {
					t.Errorf("%v, want %v", b.State(), tt.want)
				}
			})
		})
	}
}

func TestBreakerHalfOpenSendsTheHeadOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, msgs := halfOpened(t, BreakerConfig{}), messages(100)
		errs := b.Batch(func(sent []*message.Message) []error {
			if len(sent) != 1 || sent[0] != msgs[0] {
				t.Errorf("%d messages were sent", len(sent))
			}
			return times(len(sent), nil)
		})(msgs)
		if len(errs) != 100 || errs[0] != nil {
			t.Fatalf("%d errors, the probe's %v", len(errs), errs[0])
		}
		for _, err := range errs[1:] {
			if ClassOf(err) != Unavailable || !errors.Is(err, ErrOpen) || suggested(err) != probePause {
				t.Fatalf("got %v, pausing %v", err, suggested(err))
			}
		}
	})
}

func TestBreakerHalfOpenOneProbeAmongMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := halfOpened(t, BreakerConfig{})
		var sent, delivered atomic.Int32
		send := b.Batch(func(msgs []*message.Message) []error {
			sent.Add(int32(len(msgs)))
			time.Sleep(time.Second)
			return times(len(msgs), nil)
		})
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				for _, err := range send(messages(10)) {
					if err == nil {
						delivered.Add(1)
					}
				}
			})
		}
		wg.Wait()
		if sent.Load() != 1 || delivered.Load() != 1 || b.State() != Closed {
			t.Errorf("%d sent, %d delivered, %v", sent.Load(), delivered.Load(), b.State())
		}
	})
}

// A probe that says nothing must not be the last one.
func TestBreakerHalfOpenReplacesALostProbe(t *testing.T) {
	for name, lost := range map[string]Batch{
		"interrupted": always(errStop),
		"panicked":    func([]*message.Message) []error { panic("boom") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := halfOpened(t, BreakerConfig{})
				for range 3 {
					_, _ = guard(b.Batch(lost), messages(1))
				}
				if b.State() != HalfOpen {
					t.Errorf("%v after lost probes", b.State())
				}
				b.Batch(always(nil))(messages(1))
				if b.State() != Closed {
					t.Errorf("%v after a good one", b.State())
				}
			})
		})
	}
}

func TestBreakerHalfOpenAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := halfOpened(t, BreakerConfig{})
		for range 5 {
			if errs := b.Batch(always(errAway))(messages(2)); errs[0] != errAway {
				t.Fatalf("no probe: %v", errs[0])
			}
			if b.State() != Open {
				t.Fatalf("%v after a failed probe", b.State())
			}
			time.Sleep(15 * time.Second)
		}
		b.Batch(always(nil))(messages(1))
		b.Batch(always(errAway))(messages(19))
		if b.State() != Closed {
			t.Error("counts of before it opened were kept")
		}
	})
}
