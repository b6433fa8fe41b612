package kafka

import (
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/internal/typical"
)

// BenchmarkMapping makes a message of a record, and a record of a message, for
// messages that began in Kafka and for those that began in RabbitMQ. Its other half
// is in package amqp.
func BenchmarkMapping(b *testing.B) {
	b.Run("record-to-message/origin=kafka", func(b *testing.B) {
		benchmarkDecode(b, typical.Records(typical.Kinds))
	})
	b.Run("record-to-message/origin=amqp", func(b *testing.B) {
		benchmarkDecode(b, recordsOf(b, typical.FromRabbitMQ()))
	})
	b.Run("message-to-record/origin=kafka", func(b *testing.B) {
		r := benchmarkWrite(b, typical.FromKafka())
		if len(r.Headers) != 5+4 || r.Timestamp.IsZero() {
			b.Fatalf("came back as %+v", r)
		}
	})
	b.Run("message-to-record/origin=amqp", func(b *testing.B) {
		r := benchmarkWrite(b, typical.FromRabbitMQ())
		if len(r.Headers) != 5+1+4 {
			b.Fatalf("came as %+v", r)
		}
	})
}

func benchmarkDecode(b *testing.B, rs []*kgo.Record) {
	var dec decoder
	var m *message.Message
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m = dec.message(rs[i%typical.Kinds])
	}
	if m.Metadata["retries"] != "0" || m.Metadata["tenant"] == "" || len(m.Payload) != 1024 {
		b.Fatalf("became %+v", m)
	}
}

func benchmarkWrite(b *testing.B, msgs []*message.Message) kgo.Record {
	var w writer
	var t Target
	errs := make([]error, 1)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		w.write(&t, "orders", msgs[i%typical.Kinds:][:1], false, errs)
	}
	r := w.records[0]
	if errs[0] != nil || len(r.Key) == 0 || len(r.Value) != 1024 {
		b.Fatalf("became %+v (%v)", r, errs[0])
	}
	return r
}

// recordsOf are messages that were written, as Kafka sends them.
func recordsOf(b *testing.B, msgs []*message.Message) []*kgo.Record {
	b.Helper()
	rs := make([]*kgo.Record, len(msgs))
	for i, m := range msgs {
		var w writer // what it makes is good for one round
		errs := make([]error, 1)
		w.write(&Target{}, "orders", []*message.Message{m}, false, errs)
		if errs[0] != nil {
			b.Fatal(errs[0])
		}
		rs[i] = &w.records[0]
		rs[i].Partition, rs[i].Offset, rs[i].Timestamp = 3, int64(1_000_000+i), typical.Records(1)[0].Timestamp
	}
	return rs
}
