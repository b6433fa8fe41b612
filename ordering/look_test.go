package ordering_test

import (
	"errors"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// looked waits until a lane in memory is as wanted.
func looked(t *testing.T, r *running, key string, as func(ordering.View) bool) (v ordering.View) {
	t.Helper()
	await(t, "the lane of "+key, func() bool {
		got, known, err := r.Look(t.Context(), key, 0)
		if err != nil {
			t.Fatal(err)
		}
		v = got
		return known && as(v)
	})
	return v
}

// TestLook sees what only memory has: what is held behind a gap and when that
// times out, and the tries of what waits.
func TestLook(t *testing.T) {
	w := newWorld(t, 100)
	w.fail = func(m *message.Message) error {
		if m.Metadata["key"] == "b" {
			return errors.New("not now")
		}
		return nil
	}
	cfg := config(memory.New(), w)
	cfg.Hold, cfg.GapTimeout, cfg.OnGap = time.Hour, time.Hour, lane.Skip
	r := w.run(cfg)
	if _, known, err := r.Look(t.Context(), "a", 0); known || err != nil {
		t.Errorf("it is known before it came: %v", err)
	}
	began := time.Now()
	w.send(msg("a", 1), msg("a", 5), msg("a", 4), msg("b", 1), msg("b", 2))
	v := looked(t, r, "a", func(v ordering.View) bool { return v.State.Mode == lane.Gap && v.Held == 2 && !v.Expires.IsZero() })
	if v.Lowest != 4 || v.State.Next != 2 || v.OnGap != lane.Skip || v.Since.Before(began) || v.Expires.Before(began.Add(time.Hour)) {
		t.Errorf("%+v", v)
	}
	r.SourceDown()
	looked(t, r, "a", func(v ordering.View) bool { return v.Expires.IsZero() })
	v = looked(t, r, "b", func(v ordering.View) bool { return v.State.Mode == lane.Waiting && v.Tries.Attempts > 0 })
	if v.Tries.Error != "not now" || v.Due.IsZero() || v.State.Next != 1 {
		t.Errorf("%+v", v)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Look(t.Context(), "a", 0); !errors.Is(err, ordering.ErrStopped) {
		t.Errorf("after the end: %v", err)
	}
}
