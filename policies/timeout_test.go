package policies

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
)

func TestTimeoutOfACall(t *testing.T) {
	for name, tt := range map[string]struct {
		timeout Timeout
		takes   time.Duration
		after   time.Duration
		late    bool
	}{
		"in time":    {Timeout{After: time.Second}, 999 * time.Millisecond, 999 * time.Millisecond, false},
		"late":       {Timeout{After: time.Second}, time.Minute, time.Second, true},
		"by default": {Timeout{}, time.Minute, 10 * time.Second, true},
		"never":      {Timeout{After: -1}, time.Hour, time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				errs := tt.timeout.Batch(slowly(tt.takes, errBad))(messages(3))
				if took := time.Since(start); took != tt.after || len(errs) != 3 {
					t.Errorf("%d errors after %v", len(errs), took)
				}
				for _, err := range errs {
					switch {
					case !tt.late && err != errBad:
						t.Errorf("got %v, want the outcome", err)
					case tt.late && (ClassOf(err) != Unavailable || !errors.Is(err, ErrNoAnswer)):
						t.Errorf("got %v", err)
					}
				}
				time.Sleep(time.Minute) // for the call to end
			})
		})
	}
}

// TestTimeoutSendsNothingTwice: a message whose call is still under way waits
// for that call, however often it comes.
func TestTimeoutSendsNothingTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent atomic.Int32
		send := Timeout{After: time.Second}.Batch(func(msgs []*message.Message) []error {
			sent.Add(int32(len(msgs)))
			time.Sleep(3500 * time.Millisecond)
			return []error{nil, errBad}[:len(msgs)]
		})
		msgs, start := messages(2), time.Now()
		for range 3 {
			if errs := send(msgs); !errors.Is(errs[0], ErrNoAnswer) || !errors.Is(errs[1], ErrNoAnswer) {
				t.Fatalf("after %v: %v", time.Since(start), errs)
			}
		}
		if errs := send(msgs); errs[0] != nil || errs[1] != errBad || sent.Load() != 2 {
			t.Errorf("%v, %d sent", errs, sent.Load())
		}
		if took := time.Since(start); took != 3500*time.Millisecond {
			t.Errorf("the outcome came after %v", took)
		}
		if errs := send(msgs[1:]); !errors.Is(errs[0], ErrNoAnswer) || sent.Load() != 3 {
			t.Errorf("another try was not sent: %v, %d sent", errs, sent.Load())
		}
		time.Sleep(time.Minute)
	})
}

// TestTimeoutAnswersEachForItself: new messages are sent beside late ones, and
// whoever comes together may have been sent apart.
func TestTimeoutAnswersEachForItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var sizes []int
		stuck := make(chan struct{})
		send := Timeout{After: time.Second}.Batch(func(msgs []*message.Message) []error {
			mu.Lock()
			sizes = append(sizes, len(msgs))
			mu.Unlock()
			if msgs[0].UUID == "1" {
				<-stuck
			}
			return times(len(msgs), errFlaky)
		})
		msgs := messages(4)
		send(msgs[1:3])
		errs := send(msgs)
		if errs[0] != errFlaky || !errors.Is(errs[1], ErrNoAnswer) || !errors.Is(errs[2], ErrNoAnswer) || errs[3] != errFlaky {
			t.Errorf("got %v", errs)
		}
		close(stuck)
		synctest.Wait()
		if errs := send(msgs[2:3]); errs[0] != errFlaky {
			t.Errorf("got %v", errs)
		}
		if !slices.Equal(sizes, []int{2, 2}) {
			t.Errorf("sent in %v", sizes)
		}
	})
}

// A call that hangs sees the message as it was, whatever becomes of it since.
func TestTimeoutSendsCopies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		msgs, seen := messages(1), ""
		msgs[0].Metadata.Set("k", "v")
		errs := Timeout{After: time.Second}.Batch(func(msgs []*message.Message) []error {
			time.Sleep(2 * time.Second)
			seen = msgs[0].Metadata.Get("k")
			return times(1, nil)
		})(msgs)
		msgs[0].Metadata.Set("k", "other")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if seen != "v" || errs[0] == nil {
			t.Errorf("it saw %q", seen)
		}
	})
}

func TestTimeoutContainsPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errs := Timeout{}.Batch(func([]*message.Message) []error { panic("boom") })(messages(1))
		if ReasonOf(errs[0]) != "panic" {
			t.Errorf("got %v", errs)
		}
	})
}

// No try is spent while the target does not answer.
func TestTimeoutSpendsNoTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chain := Retry{Attempts: 1}.Batch(Timeout{}.Batch(slowly(55*time.Second, nil)))
		msgs := messages(1)
		for range 5 {
			if v := verdict(t, chain(msgs)[0]); v.Final || v.Tries != 0 || v.Of != Unavailable {
				t.Errorf("%+v", *v)
			}
		}
		if errs := chain(msgs); errs[0] != nil {
			t.Errorf("got %v", errs)
		}
	})
}
