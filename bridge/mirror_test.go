package bridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/memory"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/ordering/store"
	memorystore "github.com/brokerbridge/bridge/ordering/store/memory"
	"github.com/brokerbridge/bridge/ordering/store/storefault"
	"github.com/brokerbridge/bridge/policies"
)

// mirroring is a mirror at work between a store and a queue, without a route.
type mirroring struct {
	*mirror
	t     *testing.T
	store store.Store
	queue *memory.Broker
	stop  func()
}

// mirrorOf runs a mirror of the route r. It belongs into a bubble.
func mirrorOf(t *testing.T, s store.Store, b *memory.Broker) *mirroring {
	t.Helper()
	if _, err := s.Open(t.Context(), store.Identity{Route: "r"}); err != nil {
		t.Fatal(err)
	}
	b.Create("dlq")
	to := config.To{Broker: "out", Topic: config.Dynamic{Fixed: "dlq"}}
	cfg := config.Route{
		Name: "r", From: []config.From{{Broker: "in", Queue: "orders"}},
		Shared: config.Shared{DeadLetter: config.DeadLetter{To: &to}},
	}
	br := &Bridge{store: s, brokers: map[string]broker.Broker{"out": b}}
	m := newMirror(br, cfg, slog.New(slog.DiscardHandler))
	return &mirroring{mirror: m, t: t, store: s, queue: b, stop: m.start(context.Background())}
}

// dead is a dead letter.
func dead(id, key string) store.DeadLetter {
	return store.DeadLetter{
		ID: id, Lane: true, Key: key, Reason: "too_large", Target: "kafka topic orders", At: time.Now(),
		Message: store.Message{Rev: 3, ID: "m-" + id, Payload: []byte("body of " + id), Metadata: map[string]string{"k": "v", "bridge-dlq-class": "of a former life"}},
	}
}

// give writes dead letters.
func give(t *testing.T, s store.Store, ds ...store.DeadLetter) {
	t.Helper()
	if err := s.Commit(t.Context(), store.Change{Key: store.Key{Route: "r"}, Dead: ds})[0]; err != nil {
		t.Fatal(err)
	}
}

// copies are the message ids of what is in the mirror.
func copies(b *memory.Broker) (ids []string) {
	for _, m := range b.Messages("dlq") {
		ids = append(ids, strings.TrimPrefix(m.UUID, "m-"))
	}
	return ids
}

// waiting are the ids of what was not mirrored.
func (m *mirroring) waiting() (ids []string) {
	for d, err := range m.store.DeadLetters(m.t.Context(), store.Query{Route: "r", Unmirrored: true}) {
		if err != nil {
			m.t.Error(err)
		}
		ids = append(ids, d.ID)
	}
	return ids
}

func (m *mirroring) is(want, left []string) {
	m.t.Helper()
	if got := copies(m.queue); !slices.Equal(got, want) {
		m.t.Errorf("mirrored %q, want %q", got, want)
	}
	if got := m.waiting(); !slices.Equal(got, left) {
		m.t.Errorf("waiting %q, want %q", got, left)
	}
}

// TestMirrorAway: what happens to the mirror stays there, nothing is in a hot
// loop, and everything is copied once it is back.
func TestMirrorAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New("out", nil)
		asked := 0
		b.Fail("dlq", func(*message.Message) error { asked++; return policies.As(policies.Unavailable, errors.New("away")) })
		m := mirrorOf(t, memorystore.New(), b)
		give(t, m.store, dead("1", "a"), dead("2", "b"))
		time.Sleep(time.Hour)
		if s := m.status(t.Context()); s.Up || s.Reason != "away" || s.Pending != 2 || s.Refused != 0 || s.Name != "memory queue dlq" {
			t.Errorf("%+v", s)
		}
		if asked > 2*200 { // half a minute apart
			t.Errorf("asked %d times", asked)
		}
		give(t, m.store, dead("3", "c"))
		b.Fail("dlq", nil)
		time.Sleep(2 * time.Minute)
		got := copies(b)
		if slices.Sort(got); !slices.Equal(got, []string{"1", "2", "3"}) || len(m.waiting()) > 0 {
			t.Errorf("mirrored %q", got)
		}
		if s := m.status(t.Context()); !s.Up || s.Reason != "" || s.Pending != 0 {
			t.Errorf("%+v", s)
		}
		m.stop()
	})
}

// TestMirrorLeavesOut: what cannot be copied is tried once if that is for good,
// ten times if it may pass, and stands in nobody's way.
func TestMirrorLeavesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New("out", nil)
		tried := map[string]int{}
		b.Fail("dlq", func(m *message.Message) error {
			tried[m.UUID]++
			switch m.UUID {
			case "m-2":
				return policies.Because(policies.Permanent, "too_large", errors.New("too large"))
			case "m-3":
				return errors.New("not today")
			case "m-4":
				panic("boom")
			case "m-5":
				if tried[m.UUID] < 3 {
					return errors.New("not yet")
				}
			}
			return nil
		})
		m := mirrorOf(t, memorystore.New(), b)
		var all []store.DeadLetter
		for i := range 6 {
			all = append(all, dead(fmt.Sprint(i+1), "a"))
		}
		give(t, m.store, all...) // in one commit, so that they are one batch
		time.Sleep(mirrorIdle)
		synctest.Wait()
		if got := m.waiting(); !slices.Equal(got, []string{"3", "5"}) {
			t.Errorf("after the first round %q wait", got)
		}
		time.Sleep(time.Hour)
		m.is([]string{"1", "1", "6", "5"}, nil) // a batch that panicked is passed again one by one
		if s := m.status(t.Context()); s.Refused != 3 || !s.Up {
			t.Errorf("%+v", s)
		}
		want := map[string]int{"m-1": 1, "m-2": 1, "m-3": 10, "m-4": 1, "m-5": 3, "m-6": 1}
		for _, id := range []string{"m-1", "m-2", "m-3", "m-4"} {
			want[id]++
		}
		if fmt.Sprint(tried) != fmt.Sprint(want) {
			t.Errorf("tried %v, want %v", tried, want)
		}
		m.stop()
	})
}

// TestMirrorGoesAround: more than fit into a round, whose first cannot be copied
// now, wait for them in vain only once.
func TestMirrorGoesAround(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New("out", nil)
		b.Fail("dlq", func(m *message.Message) error {
			if strings.HasPrefix(m.UUID, "m-a") {
				return policies.As(policies.Unavailable, errors.New("no such queue"))
			}
			return nil
		})
		m := mirrorOf(t, memorystore.New(), b)
		for i := range 3 * mirrorBatch {
			give(t, m.store, dead(fmt.Sprintf("a%04d", i), "a"), dead(fmt.Sprintf("b%04d", i), "b"))
		}
		time.Sleep(10 * time.Minute)
		if n := len(copies(b)); n != 3*mirrorBatch {
			t.Errorf("%d were mirrored", n)
		}
		b.Fail("dlq", nil)
		time.Sleep(10 * time.Minute)
		if n := len(copies(b)); n != 6*mirrorBatch || len(m.waiting()) != 0 {
			t.Errorf("%d were mirrored", n)
		}
		m.stop()
	})
}

// TestMirrorOfWhatChanges: a dead letter that fails again while it is copied is
// copied again, and one that is gone by then does no harm.
func TestMirrorOfWhatChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := memory.New("out", nil), memorystore.New()
		again := false
		b.Fail("dlq", func(*message.Message) error {
			if again {
				return nil
			}
			again = true
			time.Sleep(time.Millisecond)
			d := dead("1", "a")
			d.Reason = "max_attempts"
			give(t, s, d)
			return errors.Join(s.Commit(t.Context(), store.Change{Key: store.Key{Route: "r"}, Gone: []string{"2"}})...)
		})
		m := mirrorOf(t, s, b)
		give(t, s, dead("1", "a"), dead("2", "b"))
		time.Sleep(time.Minute)
		m.is([]string{"1", "2", "1"}, nil)
		if got := b.Messages("dlq")[2].Metadata["bridge-dlq-reason"]; got != "max_attempts" {
			t.Errorf("the second copy says %q", got)
		}
		m.stop()
	})
}

// TestMirrorEveryCommitFails: whichever mark the store does not take, and however
// it does that, each is copied, and not marked before.
func TestMirrorEveryCommitFails(t *testing.T) {
	for _, how := range []storefault.How{storefault.Before, storefault.After, storefault.Conflict} {
		for n := 1; n <= 4; n++ {
			t.Run(fmt.Sprintf("%s/%d", how, n), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s, b := storefault.Wrap(memorystore.New(), storefault.Plan{}), memory.New("out", nil)
					m := mirrorOf(t, s, b)
					time.Sleep(time.Millisecond)
					for i := range 3 {
						give(t, s, dead(fmt.Sprint(i), "a"))
						s.Set(storefault.Plan{At: n - i, How: how, Times: 2})
						time.Sleep(time.Minute)
						s.Set(storefault.Plan{})
					}
					m.is([]string{"0", "1", "2"}, nil) // marks are kept in memory: no second copy
					m.stop()
				})
			})
		}
	}
}

// TestMirrorCrash: a crash between the copy and its mark costs one more copy,
// with the same id.
func TestMirrorCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := memorystore.New(), memory.New("out", nil)
		faulty := storefault.Wrap(s, storefault.Plan{})
		m := mirrorOf(t, faulty, b)
		give(t, faulty, dead("1", "a"))
		time.Sleep(time.Minute)
		faulty.Set(storefault.Plan{})
		if time.Sleep(time.Hour); faulty.Commits() != 0 {
			t.Errorf("%d commits with nothing to do", faulty.Commits())
		}
		faulty.Set(storefault.Plan{At: 2, Times: -1})
		give(t, faulty, dead("2", "a"))
		time.Sleep(time.Minute)
		m.is([]string{"1", "2"}, []string{"2"})
		left := s.Clone() // as the next process finds it
		m.stop()

		m = mirrorOf(t, left, b)
		time.Sleep(time.Minute)
		m.stop()
		m.is([]string{"1", "2", "2"}, nil)
		m = mirrorOf(t, left, b)
		time.Sleep(time.Minute)
		m.stop()
		m.is([]string{"1", "2", "2"}, nil)
	})
}

// TestMirrorStops: an end does not wait for a mirror that hangs, and marks what
// was copied until then.
func TestMirrorStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := memorystore.New(), memory.New("out", nil)
		m := mirrorOf(t, s, b)
		hung := make(chan struct{})
		b.Fail("dlq", func(msg *message.Message) error {
			if msg.UUID == "m-2" {
				close(hung)
				time.Sleep(3 * time.Second) // until its connection is closed
				return policies.As(policies.Interrupted, errors.New("closed"))
			}
			return nil
		})
		give(t, s, dead("1", "a"), dead("2", "b"))
		<-hung
		m.stop()
		m.is([]string{"1"}, []string{"2"})
	})
}
