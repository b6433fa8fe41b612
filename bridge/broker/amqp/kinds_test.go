package amqp_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/amqp"
	"github.com/brokerbridge/bridge/bridge/broker/brokertest"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// kinds of queues that are sources, beside those of the whole suite.
var kinds = map[string]amqp091.Table{
	"lazy":     {"x-queue-mode": "lazy"},
	"priority": {"x-max-priority": int32(5)},
}

// The suite holds for the kinds of queues that differ in where RabbitMQ keeps the
// messages, too.
func TestKindsOfQueues(t *testing.T) {
	t.Parallel()
	for name, args := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if rig.Full() {
				brokertest.TestSources(t, sources(args))
				return
			}
			q := rig.QueueWith(t, args)
			var sent []string
			for i := range 50 {
				sent = append(sent, fmt.Sprint(i))
			}
			rig.Publish(t, q, texts(sent...)...)
			for i, m := range receive(t, open(t, q, nil), 50) {
				if string(m.Payload) != sent[i] {
					t.Fatalf("message %d is %s", i, m.Payload)
				}
			}
		})
	}
}

// A stream is refused with words, and not read from now on as if it were a queue.
func TestStreamIsRefused(t *testing.T) {
	t.Parallel()
	q := rig.QueueWith(t, amqp091.Table{"x-queue-type": "stream"})
	for _, ordered := range []bool{true, false} {
		said := &brokertest.States{}
		src, err := amqp.New("test", config.AMQP{URL: config.NewSecret(rig.AMQP(t))}, nil).
			Source(config.From{Queue: q}, broker.SourceOptions{Route: "route", Ordered: ordered, State: said.Hear})
		if err != nil {
			t.Fatal(err)
		}
		subscribe(t, src)
		eventually(t, "it is refused", func() bool {
			rig.Publish(t, q, texts("a")...)
			return said.Says("is a stream")
		})
	}
}

// Whoever writes that a message is from a stream is not believed.
func TestForgedStreamOffset(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"classic", "quorum"} {
		q := rig.QueueWith(t, amqp091.Table{"x-queue-type": kind})
		rig.Publish(t, q, amqp091.Publishing{Headers: amqp091.Table{"x-stream-offset": int64(1)}, Body: []byte("a")})
		rig.Publish(t, q, texts("b", "c")...)
		for i, m := range receive(t, open(t, q, nil), 3) {
			if want := string(rune('a' + i)); string(m.Payload) != want {
				t.Errorf("%s: came %s, want %s", kind, m.Payload, want)
			}
		}
	}
}

// A10: RabbitMQ counts how often a quorum queue handed a message out, and drops it
// beyond x-delivery-limit. What is held and tried again in process is handed out
// once, however often; only a lost connection counts.
func TestA10_DeliveryLimitCountsConnections(t *testing.T) {
	t.Parallel()
	args := amqp091.Table{"x-queue-type": "quorum", "x-delivery-limit": int32(2)}
	q := newQueue(t, rig.QueueWith(t, args), args)
	rig.Publish(t, q.name, texts("a")...)
	src := q.Source(t, q.From(), broker.SourceOptions{Route: "route", Ordered: true})
	out := subscribe(t, src)
	counts := []string{"", "1", "2"}
	for i, want := range counts {
		c := next(t, out)
		if got := c.Messages[0].Metadata["x-delivery-count"]; got != want {
			t.Errorf("delivery %d is counted as %q, want %q", i, got, want)
		}
		time.Sleep(100 * time.Millisecond) // held, and nothing is asked of RabbitMQ
		if i < len(counts)-1 {
			q.Break(t)
			continue
		}
		c.Session.Ack(c.Tokens)
	}
	eventually(t, "it is gone", func() bool { return q.Depth(t) == 0 })
}

// A8: RabbitMQ closes the channel of a consumer that holds a message too long. It is
// opened again, and what was held comes again.
func TestA8_ConsumerTimeoutIsSurvived(t *testing.T) {
	q := rig.Queue(t)
	rig.Publish(t, q, texts("a", "b")...)
	// This test does not run beside others, which would meet it, too.
	rig.Erlang(t, "application:set_env(rabbit, consumer_timeout, 1000), application:set_env(rabbit, channel_tick_interval, 1000)")
	restored := false
	restore := func() {
		if !restored {
			rig.Erlang(t, "application:set_env(rabbit, consumer_timeout, 1800000), application:set_env(rabbit, channel_tick_interval, 60000)")
			restored = true
		}
	}
	t.Cleanup(restore)
	said := &brokertest.States{}
	out := subscribe(t, open(t, q, said.Hear))
	first := next(t, out)
	eventually(t, "RabbitMQ ends the channel", func() bool { return strings.Contains(said.String(), "delivery acknowledgement") })
	restore()
	var came []string
	for len(came) < 2 {
		c := next(t, out)
		for _, m := range c.Messages {
			came = append(came, string(m.Payload))
		}
		c.Session.Ack(c.Tokens)
	}
	first.Session.Ack(first.Tokens) // of a session that is over: it changes nothing
	if strings.Join(came, "") != "ab" {
		t.Errorf("came again: %q", came)
	}
	eventually(t, "all is acknowledged", func() bool { return rig.Depth(t, q) == 0 })
}
