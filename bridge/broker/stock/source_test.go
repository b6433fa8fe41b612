package stock_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/brokertest"
)

// quiet is how long it is waited for what must not happen.
const quiet = 300 * time.Millisecond

// inEach runs a test for a queue and for a topic of one partition.
func inEach(t *testing.T, test func(t *testing.T, p place)) {
	for name, made := range map[string]func(testing.TB) place{
		"Queue": func(t testing.TB) place { return newQueue(t) },
		"Topic": func(t testing.TB) place { return newTopic(t, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, made(t))
		})
	}
}

func reader(t testing.TB, p place, change func(*broker.SourceOptions)) *brokertest.Reader {
	t.Helper()
	st := &brokertest.States{}
	opts := broker.SourceOptions{Route: "route", Owner: "owner", State: st.Hear}
	if change != nil {
		change(&opts)
	}
	return brokertest.Subscribe(t, source(t, p, p.From(), opts), st)
}

func numbered(n int) []*message.Message {
	msgs := make([]*message.Message, n)
	for i := range msgs {
		msgs[i] = &message.Message{Metadata: message.Metadata{}, Payload: []byte(fmt.Sprint(i))}
	}
	return msgs
}

// next fails unless this is what comes next.
func next(t testing.TB, r *brokertest.Reader, body string) brokertest.Delivery {
	t.Helper()
	d := r.Next(1)[0]
	if string(d.Payload) != body {
		t.Fatalf("got %q, want %q", d.Payload, body)
	}
	return d
}

// none fails if something comes.
func none(t testing.TB, r *brokertest.Reader) {
	t.Helper()
	if ds := r.Some(quiet); len(ds) > 0 {
		t.Fatalf("%d deliveries too many: %s…", len(ds), ds[0].Payload)
	}
}

// holds fails unless so many messages come to wait in a place.
func holds(t testing.TB, p place, want int) {
	t.Helper()
	got := -1
	for end := time.Now().Add(10 * time.Second); got != want && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		got = p.Depth(t)
	}
	if got != want {
		t.Errorf("%d messages wait, want %d", got, want)
	}
}

// W9: one message is in flight, the next comes when it is acknowledged.
func TestW9_OneMessageIsInFlight(t *testing.T) {
	t.Parallel()
	inEach(t, func(t *testing.T, p place) {
		p.Put(t, numbered(50)...)
		r := reader(t, p, nil)
		held := next(t, r, "0")
		none(t, r)
		held.Ack()
		held.Ack()
		for i := 1; i < 50; i++ {
			next(t, r, fmt.Sprint(i)).Ack()
		}
		none(t, r)
		r.Close()
		holds(t, p, 0)
	})
}

// What was acknowledged right before Close does not come again, and what was not
// comes to the next one.
func TestSettlesAfterTheSubscriptionEnded(t *testing.T) {
	t.Parallel()
	inEach(t, func(t *testing.T, p place) {
		p.Put(t, numbered(10)...)
		r := reader(t, p, nil)
		next(t, r, "0").Ack()
		d := next(t, r, "1")
		r.Cancel()
		for range r.Carriers { // closes at once
		}
		d.Ack()
		r.Close()
		holds(t, p, 8)
		r.Close() // twice does nothing
		if _, err := r.Source.Subscribe(t.Context(), ""); err == nil {
			t.Error("a source was subscribed to twice")
		}
		again := reader(t, p, nil)
		next(t, again, "2")
		again.Close()
		holds(t, p, 8)
	})
}

func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	inEach(t, func(t *testing.T, p place) {
		p.Put(t, numbered(3)...)
		r := reader(t, p, nil)
		d := next(t, r, "0")
		r.Source.Pause()
		r.Source.Pause()
		d.Ack() // what is in hand can be settled
		none(t, r)
		r.Source.Resume()
		r.Source.Resume()
		next(t, r, "1").Ack()
		next(t, r, "2").Ack()
	})
}

// The lag of a queue leaves out what was sent to the client ahead.
func TestLag(t *testing.T) {
	t.Parallel()
	inEach(t, func(t *testing.T, p place) {
		p.Put(t, numbered(30)...)
		r := reader(t, p, nil)
		next(t, r, "0")
		want := int64(29)
		if _, queue := p.(*queue); queue {
			want = 20
		}
		if lag, err := r.Source.Lag(t.Context()); err != nil || lag != want {
			t.Errorf("lag is %d (%v), want %d", lag, err, want)
		}
	})
}

// A second reader of an ordered route's source waits until the first is gone.
func TestOrderedIsAlone(t *testing.T) {
	t.Parallel()
	inEach(t, func(t *testing.T, p place) {
		p.Put(t, numbered(3)...)
		ordered := func(owner string) func(*broker.SourceOptions) {
			return func(o *broker.SourceOptions) { o.Ordered, o.Owner = true, owner }
		}
		first := reader(t, p, ordered("one"))
		next(t, first, "0")
		second := reader(t, p, ordered("two"))
		told(t, second, func(err error) bool { return errors.Is(err, broker.ErrElsewhere) })
		none(t, second)
		first.Close()
		second.Patience = 40 * time.Second // a member that leaves keeps its place for ten
		next(t, second, "0")
	})
}

// Somebody who does not ask whether he is alone is found.
func TestElsewhereIsFoundLater(t *testing.T) {
	t.Parallel()
	inEach(t, func(t *testing.T, p place) {
		first := reader(t, p, func(o *broker.SourceOptions) { o.Ordered = true })
		told(t, first, func(err error) bool { return err == nil })
		_ = reader(t, p, nil)
		told(t, first, func(err error) bool { return errors.Is(err, broker.ErrElsewhere) })
	})
}

// told waits until the source has said what fits.
func told(t testing.TB, r *brokertest.Reader, fits func(error) bool) {
	t.Helper()
	for end := time.Now().Add(25 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		for _, err := range r.State.All() {
			if fits(err) {
				return
			}
		}
	}
	t.Fatalf("State was told %v", r.State.All())
}

// Bodies come as they are, null and empty apart.
func TestBodies(t *testing.T) {
	t.Parallel()
	inEach(t, func(t *testing.T, p place) {
		large := strings.Repeat("x", 900_000)
		p.Put(t, &message.Message{Payload: []byte{}}, &message.Message{Payload: []byte("\x00\xff")}, &message.Message{Payload: []byte(large)})
		r := reader(t, p, nil)
		d := next(t, r, "")
		if d.Payload == nil {
			t.Error("an empty body came as null")
		}
		d.Ack()
		next(t, r, "\x00\xff").Ack()
		next(t, r, large).Ack()
	})
}
