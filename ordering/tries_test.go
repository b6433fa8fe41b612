package ordering_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
	"github.com/brokerbridge/bridge/policies"
)

// triesTold are the errors of a log, with an r in front of those after a redrive.
func triesTold(l *store.TryLog) (all []string) {
	for _, t := range l.All() {
		all = append(all, strings.Repeat("r", t.Redrives)+t.Error)
	}
	return all
}

// TestEachTryIsKept: of a message that fails again and again, over a restart, until
// it is given up, is redriven in vain, and is given up again.
func TestEachTryIsKept(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	tries := 0
	w.fail = func(m *message.Message) error {
		if m.Metadata["revision"] != "2" {
			return nil
		}
		tries++
		n := ordering.Attempts(m)
		return numbered{verdict{class: "transient", attempts: n + 1, pause: 50 * time.Millisecond, final: n == 3, reason: "max_attempts"}, tries}
	}
	cfg := config(s, w)
	cfg.Hold = time.Nanosecond // it is parked between its tries
	r := w.run(cfg)
	w.send(msg("a", 1))
	w.delivered("a", 1)
	w.send(msg("a", 2), msg("a", 3)) // apart: what follows in a chunk is not tried
	await(t, "two tries", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return tries >= 2 })
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	parked, err := s.Parked(t.Context(), store.Key{Route: "r", Name: "a"}, 2, 1)
	if err != nil || len(parked) != 1 || parked[0].Attempts == 0 || len(triesTold(parked[0].Log)) != parked[0].Attempts {
		t.Fatalf("%+v %v", parked, err)
	}

	r = w.run(cfg)
	await(t, "the dead letter", func() bool { return len(letters(t, s)) == 1 })
	d := letter(t, s, "a", 2)
	if got := triesTold(d.Log); !reflect.DeepEqual(got, []string{"no 1", "no 2", "no 3", "no 4"}) {
		t.Errorf("%v", got)
	}
	for _, try := range d.Log.All() {
		if try.Class != "transient" || try.At.IsZero() || try.At.Before(d.FirstFailed) || try.At.After(d.LastFailed) || try.Took <= 0 {
			t.Errorf("%+v", try)
		}
	}

	if _, err := r.Redrive(t.Context(), d.ID, because); err != nil {
		t.Fatal(err)
	}
	await(t, "all tries again", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return tries == 8 })
	await(t, "the dead letter again", func() bool { return len(letters(t, s)) == 1 })
	d = letter(t, s, "a", 2)
	if got := triesTold(d.Log); !reflect.DeepEqual(got, []string{"no 1", "no 2", "no 3", "no 4", "rno 5", "rno 6", "rno 7", "rno 8"}) || d.Attempts != 4 {
		t.Errorf("%v", got)
	}
}

// numbered is a verdict that says which try it is.
type numbered struct {
	verdict
	n int
}

func (n numbered) Error() string { return fmt.Sprint("no ", n.n) }

// TestEachTryIsKeptBesideTheOrder: also of what is redriven without a lane.
func TestEachTryIsKeptBesideTheOrder(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	r := w.run(config(s, w))
	d := quarantined(t, w, r, s, "a", 2, 3)
	if _, err := r.Archive(t.Context(), d.ID, because); err != nil {
		t.Fatal(err)
	}
	w.delivered("a", 1, 3)
	if _, err := r.Restore(t.Context(), d.ID, because); err != nil {
		t.Fatal(err)
	}
	beside := because
	beside.OutOfOrder = true
	for n := 2; n <= 3; n++ {
		if _, err := r.Redrive(t.Context(), d.ID, beside); err != nil {
			t.Fatal(err)
		}
		await(t, "the dead letter again", func() bool { return len(letter(t, s, "a", 2).Log.All()) == n })
	}
	if l := letter(t, s, "a", 2).Log; l.Redrives != 2 || l.All()[0].Redrives != 0 || l.All()[2].Redrives != 2 {
		t.Errorf("%+v", l)
	}
}

// TestOutageIsNoTry: the target's fault is not the message's.
func TestOutageIsNoTry(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	n := 0
	w.fail = func(*message.Message) error {
		if n++; n < 4 {
			return verdict{class: "unavailable", pause: time.Millisecond}
		}
		return verdict{class: "permanent", attempts: 1, final: true, reason: "permanent"}
	}
	w.run(config(s, w))
	w.send(msg("a", 1))
	await(t, "the dead letter", func() bool { return len(letters(t, s)) == 1 })
	if l := letter(t, s, "a", 1).Log; len(l.All()) != 1 {
		t.Errorf("%+v", l)
	}
}

// TestTriesOfASleepingRetryAreKept: policies.Retry as a middleware makes several
// in one call.
func TestTriesOfASleepingRetryAreKept(t *testing.T) {
	s := memory.New()
	r, err := ordering.New(ordering.Config{
		Route: "r", Store: s, SingleInstance: true, First: 1,
		Identify: ordering.By{Key: []ordering.Field{ordering.Header("key")}, Revision: ordering.Header("revision")}.Identify,
	})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	retry := policies.Retry{Attempts: 3, Initial: time.Millisecond, Tried: ordering.Attempts}
	handle := r.Middleware(retry.Middleware(func(*message.Message) ([]*message.Message, error) {
		n++
		return nil, fmt.Errorf("no %d", n)
	}))
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { done <- r.Run(ctx) }()
	if _, err := handle(msg("a", 1).message()); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	d := letter(t, s, "a", 1)
	if got := triesTold(d.Log); !reflect.DeepEqual(got, []string{"no 1", "no 2", "no 3"}) || d.Attempts != 3 {
		t.Errorf("%v after %d", got, d.Attempts)
	}
	for _, try := range d.Log.All() {
		if try.Took <= 0 || try.Took > time.Second || try.Class != "transient" {
			t.Errorf("%+v", try)
		}
	}
}

// TestPurgedMessageHasNoTries: errors may quote what a message said.
func TestPurgedMessageHasNoTries(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	w.fail = func(m *message.Message) error {
		return verdict{class: "transient", attempts: ordering.Attempts(m) + 1, pause: time.Hour}
	}
	cfg := config(s, w)
	cfg.Hold = time.Nanosecond
	r := w.run(cfg)
	w.send(msg("a", 1))
	parked := func() []store.Message {
		ms, err := s.Parked(t.Context(), store.Key{Route: "r", Name: "a"}, 1, 1)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
		return ms
	}
	await(t, "its try", func() bool { ms := parked(); return len(ms) == 1 && len(ms[0].Log.All()) == 1 })
	if _, err := r.Purge(t.Context(), "a", because); err != nil {
		t.Fatal(err)
	}
	if ms := parked(); len(ms) == 1 && ms[0].Log != nil {
		t.Errorf("%+v", ms[0].Log)
	}
}
