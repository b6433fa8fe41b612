package amqp_test

import (
	"fmt"
	"testing"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// BenchmarkSource takes and acknowledges messages of 1 KiB with two headers.
// Filling the queue is not timed; use -benchtime 200000x.
func BenchmarkSource(b *testing.B) {
	q := rig.Queue(b)
	msgs := make([]amqp091.Publishing, b.N)
	body := make([]byte, 1024)
	for i := range msgs {
		msgs[i] = amqp091.Publishing{
			Headers: amqp091.Table{"key": fmt.Sprint("key-", i%1000), "revision": fmt.Sprint(i / 1000)},
			Body:    body, DeliveryMode: 2, ContentType: "application/octet-stream",
		}
	}
	rig.Publish(b, q, msgs...)
	b.ResetTimer()
	out := subscribe(b, open(b, q, nil))
	carriers := 0
	for seen := 0; seen < b.N; carriers++ {
		c := next(b, out)
		seen += len(c.Messages)
		c.Session.Ack(c.Tokens)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
	b.ReportMetric(float64(b.N)/float64(carriers), "msg/carrier")
}
