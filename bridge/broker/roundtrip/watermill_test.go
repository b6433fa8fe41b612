package roundtrip_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill"
	stockamqp "github.com/ThreeDotsLabs/watermill-amqp/v2/pkg/amqp"
	stockkafka "github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill/message"
	rabbit "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// written are messages of a stock Watermill service.
func written() []*message.Message {
	var out []*message.Message
	for i := range 50 {
		m := message.NewMessage(watermill.NewUUID(), []byte(fmt.Sprint("body ", i)))
		m.Metadata = message.Metadata{"n": fmt.Sprint(i), "correlation_id": "c", "größe": "é", "empty": ""}
		out = append(out, m)
	}
	return out
}

// read takes n messages from a stock subscriber. A message that it cannot decode
// is nacked and comes again for ever, and the n-th never does.
func read(t testing.TB, s message.Subscriber, topic string, n int) map[string]*message.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), long)
	defer cancel()
	messages, err := s.Subscribe(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*message.Message{}
	for len(out) < n {
		select {
		case m := <-messages:
			m.Ack()
			out[m.Metadata["n"]] = m
		case <-ctx.Done():
			t.Fatalf("a stock subscriber has read %d of %d", len(out), n)
		}
	}
	return out
}

// checkRead compares what a stock subscriber reads with what was written.
func checkRead(t testing.TB, got map[string]*message.Message, sent []*message.Message) {
	t.Helper()
	for _, want := range sent {
		m := got[want.Metadata["n"]]
		if m == nil {
			t.Fatalf("%s is missing", want.Metadata["n"])
		}
		texts := maps.Clone(m.Metadata)
		maps.DeleteFunc(texts, func(name, _ string) bool { return strings.HasPrefix(name, "bridge-") })
		if m.UUID != want.UUID || string(m.Payload) != string(want.Payload) || !maps.Equal(texts, want.Metadata) {
			t.Errorf("%s: read %s %q %q, want %s %q %q", want.Metadata["n"], m.UUID, m.Payload, texts, want.UUID, want.Payload, want.Metadata)
		}
	}
}

func stockAMQP(t testing.TB) stockamqp.Config {
	c := stockamqp.NewDurableQueueConfig(rig.AMQP(t))
	c.Consume.Qos.PrefetchCount = 10
	return c
}

func closing(t testing.TB, c interface{ Close() error }) {
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
}

// TestStock_RabbitMQToKafka: a stock watermill-amqp service writes, a stock
// watermill-kafka service reads.
func TestStock_RabbitMQToKafka(t *testing.T) {
	queue, topic := rig.Queue(t), rig.Topic(t, 1)
	publisher, err := stockamqp.NewPublisher(stockAMQP(t), watermill.NopLogger{})
	if err != nil {
		t.Fatal(err)
	}
	closing(t, publisher)
	sent := written()
	if err := publisher.Publish(queue, sent...); err != nil {
		t.Fatal(err)
	}
	// And one that is not Watermill's.
	rig.Publish(t, queue, rabbit.Publishing{MessageId: "m", Body: []byte("b"), Headers: rabbit.Table{
		"n": "other", "count": int32(7), "at": time.Unix(0, 0), "list": []any{}, "nil": nil,
	}})
	other := message.NewMessage("m", []byte("b"))
	other.Metadata = message.Metadata{"n": "other", "count": "7", "at": "1970-01-01T00:00:00Z"}
	sent = append(sent, other)

	p := newPath(t)
	p.headers = config.HeadersText
	p.run(p.fromQueue(queue), p.toTopic(topic), len(sent))

	settings := stockkafka.DefaultSaramaSubscriberConfig()
	settings.Consumer.Offsets.Initial = sarama.OffsetOldest
	subscriber, err := stockkafka.NewSubscriber(stockkafka.SubscriberConfig{
		Brokers: rig.Kafka(t), Unmarshaler: stockkafka.DefaultMarshaler{}, OverwriteSaramaConfig: settings,
	}, watermill.NopLogger{})
	if err != nil {
		t.Fatal(err)
	}
	closing(t, subscriber)
	checkRead(t, read(t, subscriber, topic, len(sent)), sent)
}

// TestStock_KafkaToRabbitMQ: a stock watermill-kafka service writes, a stock
// watermill-amqp service reads, and W1 does not strike: no header has a type.
func TestStock_KafkaToRabbitMQ(t *testing.T) {
	queue, topic := rig.Queue(t), rig.Topic(t, 1)
	publisher, err := stockkafka.NewPublisher(stockkafka.PublisherConfig{
		Brokers: rig.Kafka(t), Marshaler: stockkafka.DefaultMarshaler{},
	}, watermill.NopLogger{})
	if err != nil {
		t.Fatal(err)
	}
	closing(t, publisher)
	sent := written()
	if err := publisher.Publish(topic, sent...); err != nil {
		t.Fatal(err)
	}
	// And one that is not Watermill's.
	rig.Produce(t, topic, &kgo.Record{Key: []byte("k"), Headers: []kgo.RecordHeader{
		{Key: "n", Value: []byte("other")}, {Key: "null"}, {Key: "twice", Value: []byte("1")}, {Key: "twice", Value: []byte("2")},
	}})
	other := message.NewMessage("id-other", nil)
	other.Metadata = message.Metadata{"n": "other", "twice": "2"}
	sent = append(sent, other)

	p := newPath(t)
	p.headers = config.HeadersText
	p.run(p.fromTopic(topic), p.toQueue(queue), len(sent))
	checkRead(t, readQueue(t, queue, len(sent)), sent)
}

// TestW1_TypedHeadersAsText: what would throw a stock watermill-amqp service into
// a hot loop is read by it.
func TestW1_TypedHeadersAsText(t *testing.T) {
	in, out := rig.Queue(t), rig.Queue(t)
	rig.Publish(t, in, rabbit.Publishing{MessageId: "m", Body: []byte("b"), Headers: rabbit.Table{
		"n": "1", "count": int32(7), "yes": true, "bytes": []byte("b"), "x-death": []any{rabbit.Table{"count": int64(1)}}, "nil": nil,
	}})
	p := newPath(t)
	p.headers = config.HeadersText
	p.run(p.fromQueue(in), p.toQueue(out), 1)
	want := message.NewMessage("m", []byte("b"))
	want.Metadata = message.Metadata{"n": "1", "count": "7", "yes": "true", "bytes": "b"}
	checkRead(t, readQueue(t, out, 1), []*message.Message{want})
}

func readQueue(t testing.TB, queue string, n int) map[string]*message.Message {
	t.Helper()
	subscriber, err := stockamqp.NewSubscriber(stockAMQP(t), watermill.NopLogger{})
	if err != nil {
		t.Fatal(err)
	}
	closing(t, subscriber)
	return read(t, subscriber, queue, n)
}
