package roundtrip_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"go.uber.org/goleak"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/amqp"
	"github.com/brokerbridge/bridge/bridge/broker/kafka"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick")) // sarama's
}

// long is for what must happen, on a machine that stalls.
const long = 90 * time.Second

// path is a way from queues and topics to others: what stands between is a
// route's part without its order.
type path struct {
	t            testing.TB
	rabbit, lake broker.Broker
	headers      config.Headers
	trust        config.Trust
	key          func(*message.Message) (string, bool, error) // of records
}

func newPath(t testing.TB) *path {
	p := &path{
		t:      t,
		rabbit: amqp.New("rabbit", config.AMQP{URL: config.NewSecret(rig.AMQP(t)), Heartbeat: 10 * time.Second}, nil),
		lake:   kafka.New("lake", config.Kafka{Brokers: rig.Kafka(t)}, nil),
	}
	t.Cleanup(func() {
		if err := errors.Join(p.rabbit.Close(), p.lake.Close()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return p
}

func (p *path) fromQueue(name string) broker.Source {
	return p.source(p.rabbit, config.From{Broker: "rabbit", Queue: name})
}

func (p *path) fromTopic(name string) broker.Source {
	return p.source(p.lake, config.From{Broker: "lake", Topic: name, Group: name})
}

func (p *path) source(b broker.Broker, from config.From) broker.Source {
	p.t.Helper()
	from.WindowBytes, from.Trust = 64<<20, p.trust
	if from.Window == 0 {
		from.Window = 2000
	}
	s, err := b.Source(from, broker.SourceOptions{Route: from.Name(), Owner: from.Name()})
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

func (p *path) toQueue(name string) broker.Target {
	return p.target(p.rabbit, config.To{Broker: "rabbit", Queue: name})
}

func (p *path) toTopic(name string) broker.Target {
	return p.target(p.lake, config.To{Broker: "lake", Topic: config.Dynamic{Fixed: name}})
}

func (p *path) target(b broker.Broker, to config.To) broker.Target {
	p.t.Helper()
	to.Headers = p.headers
	target, err := b.Target(to, broker.TargetOptions{Route: to.Name(), Key: p.key})
	if err != nil {
		p.t.Fatal(err)
	}
	return target
}

// run moves n messages from source to target, and closes both.
func (p *path) run(source broker.Source, target broker.Target, n int) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), long)
	defer cancel()
	defer func() {
		cancel()
		if err := errors.Join(source.Close(), target.Close()); err != nil {
			p.t.Errorf("close: %v", err)
		}
	}()
	carriers, err := source.Subscribe(ctx, "")
	if err != nil {
		p.t.Fatal(err)
	}
	for moved := 0; moved < n; {
		m, open := <-carriers
		if !open {
			p.t.Fatalf("%s: %d of %d came", source.Name(), moved, n)
		}
		c, ok := broker.Unpack(m)
		if !ok {
			p.t.Fatal("this is no carrier")
		}
		for _, m := range c.Messages {
			stamp(m)
		}
		if err := errors.Join(target.PublishBatch(c.Messages)...); err != nil {
			p.t.Fatalf("%s to %s: %v", source.Name(), target.Name(), err)
		}
		c.Session.Ack(c.Tokens)
		moved += len(c.Messages)
	}
}

// stamp adds what a route adds to a message.
func stamp(m *message.Message) {
	if m.UUID == "" {
		m.UUID = "id-" + m.Metadata["n"]
	}
	hops, _ := strconv.Atoi(m.Metadata[broker.HeaderHops])
	m.Metadata[broker.HeaderMessageID] = m.UUID
	m.Metadata[broker.HeaderRevision] = "1"
	m.Metadata[broker.HeaderHops] = fmt.Sprint(hops + 1)
}
