// Package typical has messages as most of them are, for benchmarks: 1 KiB, a
// handful of headers, and an id of their own, so that no two are alike.
package typical

import (
	"fmt"
	"strconv"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/sidecar"
)

// Kinds is how many different messages take turns, so that no sidecar is that of
// the message before.
const Kinds = 64

const bodySize = 1024

// sent is when the first of them was sent.
var sent = time.UnixMilli(1_700_000_000_000)

// Deliveries returns n deliveries as RabbitMQ sends them: five headers, two of
// them numbers, and four properties.
func Deliveries(n int) []amqp.Delivery {
	ds := make([]amqp.Delivery, n)
	for i := range ds {
		ds[i] = amqp.Delivery{
			Headers: amqp.Table{
				"customer": customer(i), "revision": int64(17 + i), "retries": int32(0),
				"tenant": "shop-eu", "traceparent": trace(i),
			},
			ContentType: "application/json", DeliveryMode: amqp.Persistent, MessageId: id(i),
			Timestamp: sent.Add(time.Duration(i) * time.Second), RoutingKey: "orders", Body: body(i),
		}
	}
	return ds
}

// Records returns n records as Kafka sends them: a key, and five headers in the
// order of their names.
func Records(n int) []*kgo.Record {
	rs := make([]*kgo.Record, n)
	for i := range rs {
		rs[i] = &kgo.Record{
			Topic: "orders", Partition: 3, Offset: int64(1_000_000 + i), Timestamp: sent.Add(time.Duration(i) * time.Second),
			Key: []byte(customer(i)), Value: body(i), Headers: []kgo.RecordHeader{
				{Key: "content-type", Value: []byte("application/json")},
				{Key: "retries", Value: []byte("0")},
				{Key: "revision", Value: []byte(strconv.Itoa(17 + i))},
				{Key: "tenant", Value: []byte("shop-eu")},
				{Key: "traceparent", Value: []byte(trace(i))},
			},
		}
	}
	return rs
}

// FromRabbitMQ are messages that were deliveries, as a route hands them on.
func FromRabbitMQ() []*message.Message {
	var enc sidecar.Encoder
	msgs := make([]*message.Message, Kinds)
	for i, d := range Deliveries(Kinds) {
		msgs[i] = passed(i, enc.Encode(&d), d.Body)
	}
	return msgs
}

// FromKafka are messages that were records, as a route hands them on.
func FromKafka() []*message.Message {
	var enc sidecar.RecordEncoder
	msgs := make([]*message.Message, Kinds)
	for i, r := range Records(Kinds) {
		msgs[i] = passed(i, enc.Encode(r), r.Value)
	}
	return msgs
}

// passed is the i-th message with what it gains on a route.
func passed(i int, md message.Metadata, body []byte) *message.Message {
	md[broker.HeaderMessageID] = id(i)
	md[broker.HeaderKey] = customer(i)
	md[broker.HeaderRevision] = strconv.Itoa(17 + i)
	md[broker.HeaderHops] = "1"
	return &message.Message{UUID: id(i), Metadata: md, Payload: body}
}

func customer(i int) string { return fmt.Sprintf("customer-%06d", i) }

func id(i int) string { return fmt.Sprintf("f81d4fae-7dec-11d0-a765-%012x", i) }

func trace(i int) string { return fmt.Sprintf("00-4bf92f3577b34da6a3ce929d0e0e4736-%016x-01", i) }

func body(i int) []byte {
	b := make([]byte, bodySize)
	for j := range b {
		b[j] = byte('a' + (i+j)%26)
	}
	return b
}
