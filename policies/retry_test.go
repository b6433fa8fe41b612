package policies

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
)

// steady is a Retry whose pauses are the same in every run.
var steady = Retry{Attempts: 3, Initial: time.Second, Jitter: -1}

func TestRetryBatchVerdicts(t *testing.T) {
	pausing := As(Unavailable, &refusal{pause: 7 * time.Second})
	for _, tt := range []struct {
		name  string
		err   error
		tried int
		want  Verdict
	}{
		{"transient", errFlaky, 0, Verdict{Of: Transient, Tries: 1, After: time.Second}},
		{"transient again", errFlaky, 1, Verdict{Of: Transient, Tries: 2, After: 2 * time.Second}},
		{"transient, the last try", errFlaky, 2, Verdict{Of: Transient, Tries: 3, Final: true, Why: "max_attempts"}},
		{"transient, past the last", errFlaky, 8, Verdict{Of: Transient, Tries: 9, Final: true, Why: "max_attempts"}},
		{"unavailable", errAway, 2, Verdict{Of: Unavailable, Tries: 2, After: time.Second}},
		{"unavailable, suggesting a pause", pausing, 2, Verdict{Of: Unavailable, Tries: 2, After: 7 * time.Second}},
		{"permanent", As(Permanent, errFlaky), 0, Verdict{Of: Permanent, Tries: 1, Final: true, Why: "permanent"}},
		{"permanent, with a reason", fmt.Errorf("p: %w", errBad), 1, Verdict{Of: Permanent, Tries: 2, Final: true, Why: "too_large"}},
		{"interrupted", errStop, 2, Verdict{Of: Interrupted, Tries: 2, After: time.Second}},
		{"cancelled", context.Canceled, 2, Verdict{Of: Interrupted, Tries: 2, After: time.Second}},
		{"a verdict that is not final", &Verdict{Of: Transient, Err: errFlaky}, 0, Verdict{Of: Transient, Tries: 1, After: time.Second}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := steady
			r.Tried = func(*message.Message) int { return tt.tried }
			v := verdict(t, r.Batch(always(tt.err))(messages(1))[0])
			if !errors.Is(v, tt.err) {
				t.Errorf("the cause is lost: %v", v)
			}
			if v.Err = nil; *v != tt.want {
				t.Errorf("got  %+v\nwant %+v", *v, tt.want)
			}
		})
	}
}

func TestRetryBatchCallsOnceForAll(t *testing.T) {
	calls := 0
	errs := steady.Batch(func([]*message.Message) []error {
		calls++
		return []error{nil, errFlaky, errBad}
	})(messages(3))
	if calls != 1 {
		t.Errorf("called %d times", calls)
	}
	if errs[0] != nil || verdict(t, errs[1]).Final || !verdict(t, errs[2]).Final {
		t.Errorf("got %v", errs)
	}
}

func TestRetryBatchPassesAFinalVerdict(t *testing.T) {
	given := &Verdict{Of: Transient, Tries: 5, Final: true, Why: "unknown_outcome", Err: errFlaky}
	if got := steady.Batch(always(given))(messages(1))[0]; got != error(given) {
		t.Errorf("got %+v", got)
	}
}

func TestRetryBatchAnEndedContextSpendsNoTry(t *testing.T) {
	for _, err := range []error{errFlaky, errBad, errAway} {
		v := verdict(t, Retry{Attempts: 1}.Batch(always(err))([]*message.Message{ended()})[0])
		if v.Of != Interrupted || v.Tries != 0 || v.Final {
			t.Errorf("%v: got %+v", err, *v)
		}
	}
}

func TestRetryMiddlewareWaitsBetweenTries(t *testing.T) {
	for _, tt := range []struct {
		name  string
		errs  []error
		calls int
		took  time.Duration
		want  Verdict // zero: success
	}{
		{"at once", nil, 1, 0, Verdict{}},
		{"the third time", times(2, errFlaky), 3, 3 * time.Second, Verdict{}},
		{"never", times(9, errFlaky), 3, 3 * time.Second, Verdict{Of: Transient, Tries: 3, Final: true, Why: "max_attempts"}},
		{"permanent", times(9, errBad), 1, 0, Verdict{Of: Permanent, Tries: 1, Final: true, Why: "too_large"}},
		{"unavailable spends no try", times(50, errAway), 51, 50 * time.Second, Verdict{}},
		{
			"a try, an outage, the other tries",
			[]error{errFlaky, errAway, errAway, errFlaky, errFlaky},
			5, 5 * time.Second,
			Verdict{Of: Transient, Tries: 3, Final: true, Why: "max_attempts"},
		},
		{"interrupted though nobody stops this message", times(9, context.Canceled), 10, 9 * time.Second, Verdict{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start, calls := time.Now(), 0
				_, err := steady.Middleware(handler(&calls, tt.errs...))(messages(1)[0])
				if took := time.Since(start); calls != tt.calls || took != tt.took {
					t.Errorf("%d calls in %v, want %d in %v", calls, took, tt.calls, tt.took)
				}
				if tt.want == (Verdict{}) {
					if err != nil {
						t.Errorf("got %v", err)
					}
					return
				}
				v := *verdict(t, err)
				if !v.Since.Equal(start) {
					t.Errorf("first failed at %v, want %v", v.Since, start)
				}
				told := 0
				v.EachFailure(func(at time.Time, took time.Duration, class, _ string) {
					if told++; at.Before(start) || took != 0 || class != v.Class() {
						t.Errorf("a try at %v took %v: %s", at, took, class)
					}
				})
				if told != v.Tries {
					t.Errorf("it tells of %d tries, and %d were spent", told, v.Tries)
				}
				if v.Err, v.Since, v.failed = nil, (time.Time{}), nil; v != tt.want {
					t.Errorf("got  %+v\nwant %+v", v, tt.want)
				}
			})
		})
	}
}

func TestRetryMiddlewareReturnsWhatWasProduced(t *testing.T) {
	out := messages(2)
	got, err := Retry{}.Middleware(func(*message.Message) ([]*message.Message, error) { return out, nil })(messages(1)[0])
	if err != nil || len(got) != 2 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestW8_AnEndedContextIsNotTried(t *testing.T) {
	calls := 0
	_, err := steady.Middleware(handler(&calls))(ended())
	if v := verdict(t, err); v.Of != Interrupted || v.Final || v.Tries != 0 || calls != 0 {
		t.Errorf("after %d calls %+v", calls, *v)
	}
}

func TestW8_AContextEndedDuringAPauseGivesNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), 1500*time.Millisecond, nil)
		defer cancel()
		calls, start := 0, time.Now()
		_, err := steady.Middleware(handler(&calls, times(9, errFlaky)...))(message.NewMessageWithContext(ctx, "", nil))
		v := verdict(t, err)
		if v.Of != Interrupted || v.Final || v.Tries != 2 || calls != 2 {
			t.Errorf("after %d calls %+v", calls, *v)
		}
		if took := time.Since(start); took != 1500*time.Millisecond {
			t.Errorf("returned after %v", took)
		}
		if !errors.Is(err, errFlaky) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the story is lost: %v", err)
		}
	})
}

func TestW8_AFailureUnderAnEndedContextSpendsNoTry(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	h := Retry{Attempts: 1}.Middleware(func(*message.Message) ([]*message.Message, error) {
		cancel()
		return nil, errBad
	})
	_, err := h(message.NewMessageWithContext(ctx, "", nil))
	if v := verdict(t, err); v.Of != Interrupted || v.Final || v.Tries != 0 {
		t.Errorf("got %+v", *v)
	}
	if ClassOf(err) != Interrupted || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// timeout does what Watermill's middleware of that name does: it leaves an ended
// context on the message.
func timeout(d time.Duration, h message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) ([]*message.Message, error) {
		ctx, cancel := context.WithTimeout(msg.Context(), d)
		defer cancel()
		msg.SetContext(ctx)
		return h(msg)
	}
}

// A try's ended context is neither a stop nor the context of the next try.
func TestRetryAroundTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls, start := 0, time.Now()
		slow := func(m *message.Message) ([]*message.Message, error) {
			calls++
			<-m.Context().Done()
			return nil, m.Context().Err()
		}
		_, err := steady.Middleware(timeout(time.Second, slow))(messages(1)[0])
		if v := verdict(t, err); calls != 3 || v.Of != Transient || !v.Final {
			t.Errorf("after %d calls %+v", calls, *v)
		}
		if took := time.Since(start); took != 6*time.Second {
			t.Errorf("took %v, want a second for each try and 1 s and 2 s between", took)
		}
	})
}

func TestRetryNested(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		inner := steady.Middleware(handler(&calls, times(9, errFlaky)...))
		if _, err := steady.Middleware(inner)(messages(1)[0]); !verdict(t, err).Final || calls != 3 {
			t.Errorf("%d calls, want the inner Retry's 3 alone", calls)
		}
	})
}

func TestPauses(t *testing.T) {
	for _, tt := range []struct {
		name string
		r    Retry
		want string
	}{
		{"defaults", Retry{}, "200ms 400ms 800ms 1.6s 3.2s 6.4s 12.8s 25.6s 30s"},
		{"constant", Retry{Initial: time.Second, Multiplier: 1}, "1s"},
		{"shrinking means constant", Retry{Initial: time.Second, Multiplier: 0.5}, "1s"},
		{"a Max below Initial", Retry{Initial: time.Minute}, "1m0s"},
		{"huge", Retry{Initial: time.Hour, Max: 1<<63 - 1, Multiplier: 1e9}, "1h0m0s 2562047h47m16.854775807s"},
		{"negative", Retry{Attempts: -1, Initial: -1, Max: -1, Multiplier: -1}, "200ms"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := strings.Trim(fmt.Sprint(tt.r.plan().pauses), "[]"); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestPauseOfTheNthTry(t *testing.T) {
	p := Retry{}.plan()
	for n, mean := range map[int]time.Duration{
		-1: 200 * time.Millisecond, 0: 200 * time.Millisecond, 1: 200 * time.Millisecond,
		4: 1600 * time.Millisecond, 9: 30 * time.Second, 1 << 62: 30 * time.Second,
	} {
		for range 200 {
			if got := p.pause(n); got < mean/2 || got > min(mean*3/2+1, p.Max) {
				t.Fatalf("after try %d: %v, want about %v", n, got, mean)
			}
		}
	}
}

func TestPauseTableIsBounded(t *testing.T) {
	p := Retry{Attempts: 1 << 40, Initial: time.Second, Max: 1<<63 - 1, Multiplier: 1.000001}.plan()
	if len(p.pauses) != longest {
		t.Errorf("%d pauses", len(p.pauses))
	}
}

func TestJitter(t *testing.T) {
	for jitter, want := range map[float64]float64{-1: 0, 0: 0.5, 0.25: 0.25, 7: 1} {
		if got := (Retry{Jitter: jitter}).plan().Jitter; got != want {
			t.Errorf("%v means %v, want %v", jitter, got, want)
		}
	}
}

// TestVerdictTellsOfTheLastTries (I7): of a message that is tried for ever, too.
func TestVerdictTellsOfTheLastTries(t *testing.T) {
	n := 0
	_, err := Retry{Attempts: 100, Initial: time.Nanosecond, Max: time.Nanosecond, Jitter: -1}.Middleware(func(*message.Message) ([]*message.Message, error) {
		n++
		return nil, fmt.Errorf("try %d", n)
	})(messages(1)[0])
	var told []string
	verdict(t, err).EachFailure(func(_ time.Time, _ time.Duration, _, text string) { told = append(told, text) })
	if len(told) != 30 || told[0] != "try 71" || told[29] != "try 100" {
		t.Errorf("%v", told)
	}
}
