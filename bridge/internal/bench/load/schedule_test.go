package load

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A sender that is held up sends what it has missed at once, and each message
// says when it was due.
func TestAScheduleDoesNotWaitForItsSender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := Schedule{Start: start, Rate: 100}.Run(t.Context(), 100, func(i int, due time.Time) error {
			if want := start.Add(time.Duration(i) * 10 * time.Millisecond); !due.Equal(want) {
				t.Errorf("message %d is due at %v, want %v", i, due, want)
			}
			if late := time.Since(due); i < 50 && late != 0 || i > 50 && i < 75 && late == 0 {
				t.Errorf("message %d is sent %v late", i, late)
			}
			if i == 50 {
				time.Sleep(250 * time.Millisecond)
			}
			return nil
		})
		if took := time.Since(start); err != nil || took != 990*time.Millisecond {
			t.Errorf("it took %v, %v", took, err)
		}
	})
}

func TestAScheduleWithoutARateSendsAllAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, n := time.Now(), 0
		err := Schedule{Start: start}.Run(t.Context(), 1000, func(_ int, due time.Time) error {
			if n++; !due.Equal(start) {
				t.Errorf("due at %v, want %v", due, start)
			}
			return nil
		})
		if err != nil || n != 1000 || time.Since(start) != 0 {
			t.Errorf("%d sent in %v, %v", n, time.Since(start), err)
		}
	})
}

func TestAScheduleEndsWithItsContextOrAnError(t *testing.T) {
	wrong := errors.New("wrong")
	if err := (Schedule{}).Run(t.Context(), 2, func(int, time.Time) error { return wrong }); err != wrong {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (Schedule{}).Run(ctx, 2, func(int, time.Time) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
