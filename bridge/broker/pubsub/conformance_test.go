package pubsub_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/tests"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/amqp"
	"github.com/brokerbridge/bridge/bridge/broker/kafka"
	"github.com/brokerbridge/bridge/bridge/broker/memory"
	"github.com/brokerbridge/bridge/bridge/broker/pubsub"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// suite runs Watermill's own tests on an edge: one message at a time, in order,
// and with a window, without.
func suite(t *testing.T, features tests.Features, open func(*testing.T) broker.Broker, from func(topic, group string) config.From, to func(string) config.To) {
	for _, c := range []struct {
		name   string
		window int
		order  bool
	}{
		{"window 1", 1, true},
		{"window 2000", 2000, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := features
			f.GuaranteedOrder, f.GuaranteedOrderWithSingleSubscriber = c.order, c.order
			f.ForceShort = !rig.Full() || c.window == 1 // the large counts are about throughput
			grouped := func(t *testing.T, group string) (message.Publisher, message.Subscriber) {
				b := open(t)
				opts := pubsub.Options{Pause: 5 * time.Millisecond, MaxPause: 50 * time.Millisecond}
				sub := pubsub.NewSubscriber(b, func(topic string) config.From {
					at := from(topic, group)
					at.Window = c.window
					return at
				}, opts)
				return pubsub.NewPublisher(b, to, opts), sub
			}
			tests.TestPubSub(t, f, func(t *testing.T) (message.Publisher, message.Subscriber) {
				return grouped(t, "suite")
			}, grouped)
		})
	}
}

func queue(topic, _ string) config.From {
	return config.From{Queue: topic, Declare: config.Declare{On: true, Type: "classic"}}
}

func toQueue(topic string) config.To {
	return config.To{Queue: topic, Declare: config.Declare{On: true, Type: "classic"}, Headers: config.HeadersText}
}

func TestWatermillSuite_Memory(t *testing.T) {
	b := memory.New("memory", nil)
	suite(t, tests.Features{Persistent: true}, func(*testing.T) broker.Broker { return b }, queue, toQueue)
}

func TestWatermillSuite_RabbitMQ(t *testing.T) {
	addr, err := url.Parse(rig.AMQP(t))
	if err != nil {
		t.Fatal(err)
	}
	names := &names{remove: func(t *testing.T, all []string) {
		ch := rig.Channel(t)
		for _, name := range all {
			_, _ = ch.QueueDelete(name, false, false, false)
		}
	}}
	t.Cleanup(func() { names.end(t) })
	open := func(t *testing.T) broker.Broker {
		b := amqp.New("shop", config.AMQP{URL: config.NewSecret(addr.String())}, nil)
		t.Cleanup(func() { _ = b.Close() })
		return b
	}
	suite(t, tests.Features{Persistent: true, GenerateTopicFunc: names.make}, open, queue, toQueue)
}

func TestWatermillSuite_Kafka(t *testing.T) {
	addrs := rig.Kafka(t)
	names := &names{remove: func(t *testing.T, all []string) {
		_, _ = kadm.NewClient(rig.Client(t)).DeleteTopics(context.Background(), all...)
	}}
	t.Cleanup(func() { names.end(t) })
	open := func(t *testing.T) broker.Broker {
		b := kafka.New("lake", config.Kafka{Brokers: addrs}, nil)
		t.Cleanup(func() { _ = b.Close() })
		return b
	}
	from := func(topic, group string) config.From {
		return config.From{Topic: topic, Group: strings.ToLower(group + "-" + topic), Declare: config.Declare{On: true, Partitions: 1}}
	}
	to := func(topic string) config.To {
		return config.To{
			Topic: config.Dynamic{Fixed: topic}, Declare: config.Declare{On: true, Partitions: 1}, Headers: config.HeadersText,
		}
	}
	suite(t, tests.Features{Persistent: true, ConsumerGroups: true, GenerateTopicFunc: names.make}, open, from, to)
}

// names remembers what the suite makes, to remove it when all is over.
type names struct {
	remove func(t *testing.T, all []string)
	mu     sync.Mutex
	made   []string
}

func (n *names) make(c tests.TestContext) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	name := "suite-" + c.TestID.String()
	n.made = append(n.made, name)
	return name
}

// end removes all, with the numbers that the suite puts behind a name.
func (n *names) end(t *testing.T) {
	var all []string
	for _, name := range n.made {
		all = append(all, name)
		for i := range 20 {
			all = append(all, fmt.Sprintf("%s-%d", name, i))
		}
	}
	n.remove(t, all)
}
