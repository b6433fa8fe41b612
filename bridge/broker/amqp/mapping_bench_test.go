package amqp

import (
	"slices"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/internal/typical"
)

// BenchmarkMapping makes a message of a delivery, and a publishing of a message,
// for messages that began in RabbitMQ and for those that began in Kafka. Its other
// half is in package kafka.
func BenchmarkMapping(b *testing.B) {
	b.Run("delivery-to-message/origin=amqp", func(b *testing.B) {
		benchmarkDecode(b, typical.Deliveries(typical.Kinds))
	})
	b.Run("delivery-to-message/origin=amqp,alike", func(b *testing.B) {
		benchmarkDecode(b, slices.Repeat(typical.Deliveries(1), typical.Kinds))
	})
	b.Run("delivery-to-message/origin=kafka", func(b *testing.B) {
		benchmarkDecode(b, deliveriesOf(typical.FromKafka()))
	})
	b.Run("message-to-delivery/origin=amqp", func(b *testing.B) {
		benchmarkRestore(b, typical.FromRabbitMQ())
	})
	b.Run("message-to-delivery/origin=amqp,alike", func(b *testing.B) {
		benchmarkRestore(b, slices.Repeat(typical.FromRabbitMQ()[:1], typical.Kinds))
	})
	b.Run("message-to-delivery/origin=kafka", func(b *testing.B) {
		p := benchmarkWrite(b, typical.FromKafka())
		if p.Headers["retries"] != "0" {
			b.Fatalf("came as %+v", p)
		}
	})
}

func benchmarkDecode(b *testing.B, ds []amqp.Delivery) {
	var dec decoder
	var m *message.Message
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m = dec.message(&ds[i%typical.Kinds])
	}
	if m.Metadata["retries"] != "0" || m.Metadata["tenant"] == "" || len(m.Payload) != 1024 {
		b.Fatalf("became %+v", m)
	}
}

// benchmarkRestore writes what was a delivery once, as it was.
func benchmarkRestore(b *testing.B, msgs []*message.Message) {
	p := benchmarkWrite(b, msgs)
	if p.Headers["retries"] != int32(0) || p.ContentType != "application/json" {
		b.Fatalf("came back as %+v", p)
	}
}

func benchmarkWrite(b *testing.B, msgs []*message.Message) (p amqp.Publishing) {
	var w writer
	size, ok := 0, true
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		p = w.publishing(msgs[i%typical.Kinds])
		size, ok = headerSize(&p)
	}
	if !ok || size == 0 || len(p.Body) != 1024 {
		b.Fatalf("cannot be written: %+v", p)
	}
	return p
}

// deliveriesOf are messages that were published, as RabbitMQ delivers them.
func deliveriesOf(msgs []*message.Message) []amqp.Delivery {
	var w writer
	ds := make([]amqp.Delivery, len(msgs))
	for i, m := range msgs {
		p := w.publishing(m)
		ds[i] = amqp.Delivery{
			Headers: p.Headers, ContentType: p.ContentType, DeliveryMode: p.DeliveryMode, MessageId: p.MessageId,
			RoutingKey: "orders", Body: p.Body,
		}
	}
	return ds
}
