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
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering/store"
	memorystore "github.com/brokerbridge/bridge/ordering/store/memory"
	"github.com/brokerbridge/bridge/policies"
)

// telling is an outbox at work between a store and a broker, without a route.
type telling struct {
	*outbox
	t     *testing.T
	store store.Store
	out   *memory.Broker
	stop  func()
}

const tellingTopology = `
brokers: { in: { memory: {} }, out: { memory: {} } }
routes:
  - name: r
    from: { broker: in, queue: orders }
    to: { broker: in, queue: delivered }
    order: { by: none }
    owner: team
    events: %s
    dead_letter: { reply: %t }
`

// tell runs the outbox of a route over a store. It belongs into a bubble.
func tell(t *testing.T, s store.Store, b *memory.Broker, events string, reply bool) *telling {
	t.Helper()
	if _, err := s.Open(t.Context(), store.Identity{Route: "r"}); err != nil {
		t.Fatal(err)
	}
	f, err := config.Parse("a", fmt.Appendf(nil, tellingTopology, events, reply), nil)
	if err != nil {
		t.Fatal(err)
	}
	br := &Bridge{file: f, store: s, brokers: map[string]broker.Broker{"out": b, "in": b}}
	o := newOutbox(br, f.Routes[0], slog.New(slog.DiscardHandler))
	return &telling{outbox: o, t: t, store: s, out: b, stop: o.start(context.Background())}
}

const toEvents = "{ to: { broker: out, topic: events } }"

func (w *telling) happens(evs ...store.Event) {
	w.t.Helper()
	for _, ev := range evs {
		ev.At = time.Now()
		if err := w.store.Commit(w.t.Context(), store.Change{Key: store.Key{Route: "r"}, Events: []store.Event{ev}})[0]; err != nil {
			w.t.Fatal(err)
		}
	}
}

// arrived are the ids of what is in a queue.
func arrived(b *memory.Broker, queue string) (ids []string) {
	for _, m := range b.Messages(queue) {
		ids = append(ids, m.UUID)
	}
	return ids
}

func (w *telling) unsent() int64 {
	w.t.Helper()
	l, err := w.store.Ledger(w.t.Context(), "r")
	if err != nil {
		w.t.Error(err)
	}
	return l.Unsent
}

func (w *telling) is(queue string, want ...string) {
	w.t.Helper()
	if got := arrived(w.out, queue); !slices.Equal(got, want) {
		w.t.Errorf("in %s are %q, want %q", queue, got, want)
	}
}

func about(key string) store.Event { return store.Event{Type: "skip", Key: key} }

// TestEventsInOrder: those of one key follow each other, also where the first is
// not taken at once; the others do not wait for it, and nothing is sent twice.
func TestEventsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New("out", nil)
		b.Create("events")
		failed := 0
		b.Fail("events", func(m *message.Message) error {
			if m.UUID == "r/1" && failed < 3 {
				failed++
				return errors.New("not yet")
			}
			return nil
		})
		w := tell(t, memorystore.New(), b, toEvents, false)
		w.happens(about("a"), about("b"), about("a"), about(""), about(""))
		time.Sleep(time.Minute)
		w.is("events", "r/2", "r/1", "r/3", "r/4", "r/5")
		if m := b.Messages("events")[0]; m.Metadata["ce_type"] != "com.github.brokerbridge.skip" || m.Metadata["ce_subject"] != "b" ||
			!strings.Contains(string(m.Payload), `"owner":"team"`) {
			t.Errorf("%v %s", m.Metadata, m.Payload)
		}
		if n := w.unsent(); n != 0 {
			t.Errorf("%d are not marked as sent", n)
		}
		w.stop()
	})
}

// TestEventsAway: while there is no queue for them they wait, without a hot loop,
// and none is lost.
func TestEventsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New("out", nil)
		b.Create("events")
		asked := 0
		b.Fail("events", func(*message.Message) error { asked++; return policies.As(policies.Unavailable, errors.New("away")) })
		w := tell(t, memorystore.New(), b, toEvents, false)
		w.happens(about("a"), about("a"))
		time.Sleep(time.Hour)
		var s status.Route
		w.status(&s)
		if s.Events == nil || s.Events.Up || s.Events.Reason != "away" || s.Replies != nil || w.unsent() != 2 || asked > 200 {
			t.Errorf("%+v, asked %d times", s.Events, asked)
		}
		b.Fail("events", nil)
		time.Sleep(time.Minute)
		w.is("events", "r/1", "r/2")
		if w.status(&s); !s.Events.Up || s.Events.Dropped != 0 {
			t.Errorf("%+v", s.Events)
		}
		w.stop()
	})
}

// TestEventsAgainAfterCrash: what was not marked is sent again, as what it was.
func TestEventsAgainAfterCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := memory.New("out", nil), memorystore.New()
		b.Create("events")
		w := tell(t, deafStore{s, time.Now().Add(time.Hour)}, b, toEvents, false)
		w.happens(about("a"), about("b"))
		time.Sleep(time.Minute)
		w.is("events", "r/1", "r/2")
		w.stop()
		w = tell(t, s, b, toEvents, false)
		time.Sleep(time.Minute)
		w.is("events", "r/1", "r/2", "r/1", "r/2")
		if n := w.unsent(); n != 0 {
			t.Errorf("%d are not marked as sent", n)
		}
		w.stop()
	})
}

// TestEventsMarkedLater: a store that does not take the mark for a while has
// nothing sent twice, and takes it in the end.
func TestEventsMarkedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New("out", nil)
		b.Create("events")
		w := tell(t, deafStore{memorystore.New(), time.Now().Add(time.Hour)}, b, toEvents, false)
		w.happens(about("a"), about("b"))
		time.Sleep(time.Hour + time.Minute)
		if w.is("events", "r/1", "r/2"); w.unsent() != 0 {
			t.Errorf("%d are not marked as sent", w.unsent())
		}
		w.stop()
	})
}

// deafStore takes no marks for a time.
type deafStore struct {
	store.Store
	until time.Time
}

func (s deafStore) Commit(ctx context.Context, cs ...store.Change) []error {
	if cs[0].Sent > 0 && time.Now().Before(s.until) {
		return []error{store.ErrFull}
	}
	return s.Store.Commit(ctx, cs...)
}

// TestEventsLeaveOut: what is refused for itself is left out, and stands in
// nobody's way.
func TestEventsLeaveOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New("out", nil)
		b.Create("events")
		tried := 0
		b.Fail("events", func(m *message.Message) error {
			switch m.UUID {
			case "r/1":
				return policies.Because(policies.Permanent, "too_large", errors.New("too large"))
			case "r/2":
				tried++
				return errors.New("not today")
			}
			return nil
		})
		w := tell(t, memorystore.New(), b, toEvents, false)
		w.happens(about("a"), about("b"), about("a"), about("b"))
		time.Sleep(time.Hour)
		w.is("events", "r/3", "r/4")
		var s status.Route
		if w.status(&s); s.Events.Dropped != 2 || tried != outboxAttempts || w.unsent() != 0 {
			t.Errorf("%+v, tried %d times", s.Events, tried)
		}
		w.stop()
	})
}

// TestBreakerEvents: that it opened and that it has closed, once each, and not
// each probe; whoever tells does not wait for the store.
func TestBreakerEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New("out", nil)
		b.Create("events")
		w := tell(t, memorystore.New(), b, toEvents, false)
		for _, s := range []policies.State{policies.Closed, policies.Open, policies.HalfOpen, policies.Open, policies.HalfOpen, policies.Closed, policies.Closed} {
			w.breakerIs(s, "gone")
		}
		time.Sleep(time.Minute)
		var got []string
		for _, m := range b.Messages("events") {
			got = append(got, m.Metadata["ce_type"]+" "+string(m.Payload))
		}
		want := []string{
			`com.github.brokerbridge.breaker {"route":"r","reason":"open","error":"gone","owner":"team"}`,
			`com.github.brokerbridge.breaker {"route":"r","reason":"closed","owner":"team"}`,
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
		w.stop()
	})
}

// TestRepliesGoWhereTheyAreAsked: to each his own; who does not wait any more
// costs nothing, and nobody waits for the events.
func TestRepliesGoWhereTheyAreAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New("out", nil)
		b.Create("answers") // and there is no queue events
		w := tell(t, memorystore.New(), b, toEvents, true)
		failed := store.Event{Type: "dead_letter", Key: "a", Dead: "d1", Reason: "too_large", Class: "permanent", Error: "no"}
		asked, gone := failed, failed
		asked.Reply = &store.Reply{To: "answers", CorrelationID: "c1", MessageID: "m1"}
		gone.Reply = &store.Reply{To: "nobody", MessageID: "m2"}
		w.happens(failed, gone, asked, about("b"))
		time.Sleep(time.Minute)
		w.is("answers", "r/3/reply")
		m := b.Messages("answers")[0]
		if id, _ := broker.Property(m.Metadata, "correlation-id"); id != "c1" || m.Metadata["bridge-dlq-reason"] != "too_large" ||
			m.Metadata["bridge-dlq-id"] != "d1" || !strings.Contains(string(m.Payload), `"dead_letter":"d1"`) {
			t.Errorf("%v %s", m.Metadata, m.Payload)
		}
		var s status.Route
		if w.status(&s); s.Replies.Dropped != 1 || w.unsent() != 4 || s.Events.Up {
			t.Errorf("%+v %+v, %d unsent", s.Replies, s.Events, w.unsent())
		}
		b.Create("events")
		time.Sleep(time.Minute)
		if w.is("events", "r/1", "r/2", "r/3", "r/4"); w.unsent() != 0 {
			t.Errorf("%d unsent", w.unsent())
		}
		w.stop()
	})
}

// TestReplyTo: only a name that may be one is believed.
func TestReplyTo(t *testing.T) {
	f, err := config.Parse("a", []byte(`
brokers: { shop: { amqp: { url: "amqp://localhost/" } }, lake: { kafka: { brokers: "localhost:9092" } } }
defaults: { order: { by: none }, dead_letter: { reply: true, to: { broker: shop, queue: dead } } }
routes:
  - { name: a, from: { broker: shop, queue: orders }, to: { broker: lake, topic: orders } }
  - { name: b, from: { broker: lake, topic: orders }, to: { broker: shop, queue: other } }
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	side := func(to string) message.Message {
		return message.Message{UUID: "m", Metadata: message.Metadata{"bridge-amqp": fmt.Sprintf(`{"reply-to":%q,"correlation-id":"c"}`, to)}}
	}
	amqp, kafka := replyTo(f, f.Routes[0]), replyTo(f, f.Routes[1])
	for to, want := range map[string]bool{
		"answers": true, "": false, "amq.rabbitmq.reply-to": false, "amq.rabbitmq.reply-to.g1h2": false, "a\nb": false,
		strings.Repeat("x", 256): false, "orders": false, "dead": false,
	} {
		m := side(to)
		got := amqp(&m)
		if (got != nil) != want || want && *got != (store.Reply{To: to, CorrelationID: "c", MessageID: "m"}) {
			t.Errorf("%q: %+v", to, got)
		}
		if kafka(&m) != nil {
			t.Errorf("%q of AMQP is believed of a record", to)
		}
	}
	for to, want := range map[string]bool{"answers": true, "no topic": false, "orders": false, "__consumer_offsets": false} {
		m := message.Message{UUID: "m", Metadata: message.Metadata{"kafka_replyTopic": to, "kafka_correlationId": "\xff\x00"}}
		got := kafka(&m)
		if (got != nil) != want || want && *got != (store.Reply{To: to, CorrelationID: "\xff\x00", MessageID: "m"}) {
			t.Errorf("%q: %+v", to, got)
		}
	}
	f.Routes[0].DeadLetter.Reply = false
	if replyTo(f, f.Routes[0]) != nil {
		t.Error("replies are sent that nobody has switched on")
	}
}
