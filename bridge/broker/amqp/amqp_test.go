package amqp_test

import (
	"flag"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	amqp091 "github.com/rabbitmq/amqp091-go"
	"go.uber.org/goleak"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/amqp"
	"github.com/brokerbridge/bridge/bridge/broker/brokertest"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// Most of these tests wait for RabbitMQ most of the time, so many run at once.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

func TestClassicQueue(t *testing.T) {
	t.Parallel()
	brokertest.TestSources(t, sources(nil))
}

func TestQuorumQueue(t *testing.T) {
	t.Parallel()
	brokertest.TestSources(t, sources(amqp091.Table{"x-queue-type": "quorum"}))
}

func TestSingleActiveConsumer(t *testing.T) {
	t.Parallel()
	brokertest.TestSources(t, sources(amqp091.Table{"x-single-active-consumer": true}))
}

func TestQuorumQueueWithSingleActiveConsumer(t *testing.T) {
	t.Parallel()
	brokertest.TestSources(t, sources(amqp091.Table{"x-queue-type": "quorum", "x-single-active-consumer": true}))
}

func sources(args amqp091.Table) brokertest.Sources {
	return brokertest.Sources{
		Traits: amqp.Traits(),
		Queue: func(t testing.TB) brokertest.Queue {
			return newQueue(t, rig.QueueWith(t, args), args)
		},
		Missing: func(t testing.TB) brokertest.Queue {
			return newQueue(t, rig.Name(t), args)
		},
	}
}

type queue struct {
	name  string
	args  amqp091.Table
	proxy *proxy
	ch    *amqp091.Channel
}

func newQueue(t testing.TB, name string, args amqp091.Table) *queue {
	q := &queue{name: name, args: args, proxy: newProxy(t, rig.AMQP(t)), ch: rig.Channel(t)}
	t.Cleanup(func() { _, _ = q.ch.QueueDelete(name, false, false, false) })
	return q
}

func (q *queue) From() config.From { return config.From{Broker: "test", Queue: q.name} }

func (q *queue) Source(t testing.TB, from config.From, opts broker.SourceOptions) broker.Source {
	b := amqp.New("test", config.AMQP{URL: config.NewSecret(q.proxy.url)}, nil)
	src, err := b.Source(from, opts)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func (q *queue) Create(t testing.TB) {
	if _, err := q.ch.QueueDeclare(q.name, true, false, false, false, q.args); err != nil {
		t.Fatal(err)
	}
}

func (q *queue) Put(t testing.TB, msgs ...*message.Message) {
	out := make([]amqp091.Publishing, len(msgs))
	for i, m := range msgs {
		out[i] = amqp091.Publishing{Body: m.Payload, Headers: amqp091.Table{}}
		for name, v := range m.Metadata {
			out[i].Headers[name] = v
		}
	}
	rig.Publish(t, q.name, out...)
}

func (q *queue) Depth(t testing.TB) int {
	state, err := q.ch.QueueDeclarePassive(q.name, true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	return state.Messages
}

func (q *queue) Break(testing.TB) { q.proxy.cut() }
