package amqp_test

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/amqp"
	"github.com/brokerbridge/bridge/bridge/broker/brokertest"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// traffic is a source and a target of the same queue.
type traffic struct {
	t      *testing.T
	queue  string
	target broker.Target
	came   <-chan *message.Message
	in     *brokertest.States
	log    *brokertest.Log
	sent   int
}

func newTraffic(t *testing.T, cfg config.AMQP) *traffic {
	t.Helper()
	f := &traffic{t: t, queue: rig.Queue(t), in: &brokertest.States{}, log: &brokertest.Log{}}
	b := amqp.New("test", cfg, slog.New(slog.NewTextHandler(f.log, nil)))
	src, err := b.Source(config.From{Queue: f.queue}, broker.SourceOptions{Route: "route", Ordered: true, State: f.in.Hear})
	if err != nil {
		t.Fatal(err)
	}
	f.came = subscribe(t, src)
	if f.target, err = b.Target(config.To{Queue: f.queue}, broker.TargetOptions{Route: "route"}); err != nil {
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
	eventually(f.t, "it is published", func() bool { return f.target.Publish("", body(text)) == nil })
	for {
		c := next(f.t, f.came)
		for _, token := range c.Tokens {
			c.Session.Ack([]uint64{token})
		}
		for _, m := range c.Messages {
			if string(m.Payload) == text {
				return
			}
		}
	}
}
