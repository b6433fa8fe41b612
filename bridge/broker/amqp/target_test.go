package amqp_test

import (
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/amqp"
	"github.com/brokerbridge/bridge/bridge/broker/brokertest"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

func TestTargetClassicQueue(t *testing.T) {
	t.Parallel()
	s := targets(nil, false)
	s.TooLarge = 128<<20 + 1 // over RabbitMQ's default
	brokertest.TestTargets(t, s)
}

func TestTargetQuorumQueue(t *testing.T) {
	t.Parallel()
	brokertest.TestTargets(t, targets(amqp091.Table{"x-queue-type": "quorum"}, false))
}

func TestTargetExchange(t *testing.T) {
	t.Parallel()
	brokertest.TestTargets(t, targets(nil, true))
}

func targets(args amqp091.Table, exchange bool) brokertest.Targets {
	missing := func(t testing.TB) *place {
		p := newPlace(t, args)
		if exchange {
			p.exchange = p.name
		}
		return p
	}
	s := brokertest.Targets{
		Traits:  amqp.Traits(),
		Missing: func(t testing.TB) brokertest.Topic { return missing(t) },
		Topic: func(t testing.TB) brokertest.Topic {
			p := missing(t)
			p.Create(t)
			return p
		},
		Breakable: func(t testing.TB) brokertest.Breakable {
			p := missing(t)
			p.Create(t)
			return p
		},
		Sidecar: broker.HeaderKafka,
	}
	if exchange {
		// Other routing keys of the exchange are other topics.
		s.Topic = func(t testing.TB) brokertest.Topic {
			p := newPlace(t, args)
			p.exchange = exchangeOf(t)
			p.Create(t)
			return p
		}
		s.Name = func(topic brokertest.Topic) string { return topic.(*place).name }
		s.Chosen = func(t testing.TB) ([]brokertest.Topic, config.To) {
			a, b := s.Topic(t), s.Topic(t)
			to := a.To()
			to.RoutingKey = config.Dynamic{Field: config.Field{Kind: config.Header, Name: "to"}}
			return []brokertest.Topic{a, b}, to
		}
	}
	return s
}

// exchangeOf is the one exchange of a test.
func exchangeOf(t testing.TB) string {
	return "amqp-test-" + t.Name()
}

// place is a queue, or an exchange that routes its name to it.
type place struct {
	*queue
	exchange string
}

func newPlace(t testing.TB, args amqp091.Table) *place {
	p := &place{queue: newQueue(t, rig.Name(t), args)}
	t.Cleanup(func() {
		if p.exchange != "" {
			_ = p.ch.ExchangeDelete(p.exchange, false, false)
		}
	})
	return p
}

func (p *place) To() config.To {
	if p.exchange != "" {
		return config.To{Broker: "test", Exchange: p.exchange, RoutingKey: config.Dynamic{Fixed: p.name}}
	}
	return config.To{Broker: "test", Queue: p.name}
}

func (p *place) Target(t testing.TB, to config.To, opts broker.TargetOptions) broker.Target {
	t.Helper()
	b := amqp.New("test", config.AMQP{URL: config.NewSecret(p.proxy.url)}, nil)
	target, err := b.Target(to, opts)
	if err != nil {
		t.Fatal(err)
	}
	if to.Declare.On && p.exchange != "" {
		p.bindWhenThere(t)
	}
	return target
}

func (p *place) Create(t testing.TB) {
	t.Helper()
	if p.exchange != "" {
		if err := p.ch.ExchangeDeclare(p.exchange, "topic", true, false, false, false, nil); err != nil {
			t.Fatal(err)
		}
		p.bind(t)
		return
	}
	p.queue.Create(t)
}

func (p *place) bind(t testing.TB) {
	t.Helper()
	p.queue.Create(t)
	if err := p.ch.QueueBind(p.name, p.name, p.exchange, false, nil); err != nil {
		t.Fatal(err)
	}
}

// bindWhenThere gives an exchange its queue, once a target has declared it.
func (p *place) bindWhenThere(t testing.TB) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if rig.Channel(t).ExchangeDeclarePassive(p.exchange, "topic", true, false, false, false, nil) == nil {
			p.bind(t)
			return
		}
	}
	t.Fatal("the exchange was not declared")
}

// Read takes the messages out of the queue.
func (p *place) Read(t testing.TB, n int) []*message.Message {
	t.Helper()
	msgs := p.deliveries(t, n)
	out := make([]*message.Message, len(msgs))
	for i := range msgs {
		out[i] = fromDelivery(&msgs[i])
	}
	return out
}

func (p *place) All(t testing.TB) []*message.Message {
	t.Helper()
	time.Sleep(500 * time.Millisecond) // what a dead connection had sent may still be on its way
	return p.Read(t, p.Depth(t))
}

func (p *place) deliveries(t testing.TB, n int) []amqp091.Delivery {
	t.Helper()
	return rig.Take(t, p.name, n, 30*time.Second)
}

func fromDelivery(d *amqp091.Delivery) *message.Message {
	m := &message.Message{Metadata: message.Metadata{}, Payload: d.Body}
	for name, v := range d.Headers {
		if s, ok := v.(string); ok {
			m.Metadata[name] = s
		}
	}
	if m.Payload == nil {
		m.Payload = []byte{}
	}
	if _, null := m.Metadata[broker.HeaderNullBody]; null && len(m.Payload) == 0 {
		m.Payload = nil
		delete(m.Metadata, broker.HeaderNullBody)
	}
	return m
}
