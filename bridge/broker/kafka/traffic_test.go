package kafka_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/brokertest"
	"github.com/brokerbridge/bridge/bridge/broker/kafka"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// traffic is a source and a target of the same topic, of one broker.
type traffic struct {
	t      *testing.T
	topic  string
	wire   *wire
	target broker.Target
	came   <-chan *message.Message
	in     *brokertest.States
	out    *brokertest.States
	log    *brokertest.Log
	sent   int
}

func newTraffic(t *testing.T, topic, group string, cfg config.Kafka) *traffic {
	t.Helper()
	f := &traffic{t: t, topic: topic, wire: &wire{}, in: &brokertest.States{}, out: &brokertest.States{}, log: &brokertest.Log{}}
	b := kafka.New("test", cfg, slog.New(slog.NewTextHandler(f.log, nil))).Dial(f.wire.dial)
	src, err := b.Source(config.From{Topic: topic, Group: group}, broker.SourceOptions{
		Route: "route", Owner: rig.Name(t), Ordered: true, State: f.in.Hear,
	})
	if err != nil {
		t.Fatal(err)
	}
	if f.came, err = src.Subscribe(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	to := config.To{Topic: config.Dynamic{Fixed: topic}}
	if f.target, err = b.Target(to, broker.TargetOptions{Route: "route", State: f.out.Hear}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return f
}

// flows sends a message through both, as soon as that works.
func (f *traffic) flows() {
	f.t.Helper()
	f.sent++
	text := fmt.Sprint(f.sent)
	eventually(f.t, "it is published", func() bool {
		return f.target.Publish("", &message.Message{Payload: []byte(text)}) == nil
	}, func() any { return f.out })
	deadline := time.After(40 * time.Second)
	for {
		select {
		case m := <-f.came:
			c, _ := broker.Unpack(m)
			c.Session.Ack(c.Tokens)
			for _, m := range c.Messages {
				if string(m.Payload) == text {
					return
				}
			}
		case <-deadline:
			f.t.Fatalf("message %s did not come: %v", text, f.in)
		}
	}
}
