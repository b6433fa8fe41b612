package amqp

import (
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

func BenchmarkDecode(b *testing.B) {
	d := amqp.Delivery{
		Headers:      amqp.Table{"key": "customer-42", "revision": "17"},
		ContentType:  "application/json",
		DeliveryMode: 2,
		RoutingKey:   "orders",
		Body:         make([]byte, 1024),
	}
	var dec decoder
	b.ReportAllocs()
	for b.Loop() {
		dec.message(&d)
	}
}
