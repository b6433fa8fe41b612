package regress_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-amqp/v2/pkg/amqp"
	"github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill/message"
	"go.uber.org/goleak"

	edgeamqp "github.com/brokerbridge/bridge/bridge/broker/amqp"
	edgekafka "github.com/brokerbridge/bridge/bridge/broker/kafka"
	"github.com/brokerbridge/bridge/bridge/broker/pubsub"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

func TestMain(m *testing.M) {
	// What sarama's metrics leave running.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

const (
	patience = 20 * time.Second // for what comes
	quiet    = time.Second      // for what does not
	window   = 100              // messages in flight, where that can be said
)

var errNo = errors.New("no")

// mended is what a test says when the stock client no longer does what it shows.
func mended(t *testing.T, fact, now string) {
	t.Helper()
	t.Errorf("upstream has mended %s: %s. Drop its note in docs/promises.md, and what we do about it", fact, now)
}

// next is what comes next.
func next(t *testing.T, in <-chan *message.Message) *message.Message {
	t.Helper()
	select {
	case m, ok := <-in:
		if ok {
			return m
		}
		t.Fatal("the subscription ended")
	case <-time.After(patience):
		t.Fatal("nothing came")
	}
	return nil
}

// more is what comes within a moment; nil: nothing.
func more(in <-chan *message.Message) *message.Message {
	select {
	case m := <-in:
		return m
	case <-time.After(quiet):
		return nil
	}
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// subscribed reads a topic until the test ends.
func subscribed(t *testing.T, s message.Subscriber, topic string) <-chan *message.Message {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(func() {
		cancel()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	in, err := s.Subscribe(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func closing[P message.Publisher](t *testing.T, p P, err error) P {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func fresh(body string) *message.Message {
	return message.NewMessage(watermill.NewUUID(), []byte(body))
}

// stockQueue reads a queue as watermill-amqp does.
func stockQueue(t *testing.T, queue string, c amqp.Config) <-chan *message.Message {
	t.Helper()
	s, err := amqp.NewSubscriber(c, watermill.NopLogger{})
	if err != nil {
		t.Fatal(err)
	}
	return subscribed(t, s, queue)
}

func shop(t *testing.T) *edgeamqp.Broker {
	return edgeamqp.New("shop", config.AMQP{URL: config.NewSecret(rig.AMQP(t))}, nil)
}

// ourQueue reads a queue as the bridge does.
func ourQueue(t *testing.T, queue string) <-chan *message.Message {
	t.Helper()
	return subscribed(t, pubsub.NewSubscriber(shop(t), func(name string) config.From {
		return config.From{Queue: name, Window: window}
	}, pubsub.Options{}), queue)
}

// ourQueues publishes to queues as the bridge does.
func ourQueues(t *testing.T) *pubsub.Publisher {
	return closing(t, pubsub.NewPublisher(shop(t), func(name string) config.To { return config.To{Queue: name} }, pubsub.Options{}), nil)
}

// stockTopic reads a topic as watermill-kafka does.
func stockTopic(t *testing.T, topic string, c kafka.SubscriberConfig) <-chan *message.Message {
	t.Helper()
	c.Brokers = rig.Kafka(t)
	s, err := kafka.NewSubscriber(c, watermill.NopLogger{})
	if err != nil {
		t.Fatal(err)
	}
	return subscribed(t, s, topic)
}

// fromOldest is the stock client, told to begin where a topic does.
func fromOldest() *sarama.Config {
	c := kafka.DefaultSaramaSubscriberConfig()
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	return c
}

func lake(t *testing.T) *edgekafka.Broker {
	return edgekafka.New("lake", config.Kafka{Brokers: rig.Kafka(t)}, nil)
}

// ourTopic reads a topic as the bridge does.
func ourTopic(t *testing.T, topic, group string) <-chan *message.Message {
	t.Helper()
	return subscribed(t, pubsub.NewSubscriber(lake(t), func(name string) config.From {
		return config.From{Topic: name, Group: group, Window: window}
	}, pubsub.Options{}), topic)
}
