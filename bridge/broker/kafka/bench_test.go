package kafka_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// BenchmarkTarget publishes messages of 1 KiB with four headers, in batches of
// 1,000, two of them on their way at a time; use -benchtime 200000x.
func BenchmarkTarget(b *testing.B) {
	tp := &topic{seeds: rig.Kafka(b), name: rig.Topic(b, 6)}
	target, _ := open(b, tp)
	body := make([]byte, 1024)
	batch := make([]*message.Message, 1000)
	for i := range batch {
		batch[i] = &message.Message{Payload: body, Metadata: message.Metadata{
			broker.HeaderKey: fmt.Sprint("key-", i), "revision": "17", broker.HeaderMessageID: "f81d4fae-7dec-11d0",
			broker.HeaderAMQP: `{"exchange":"","routing-key":"orders","content-type":"application/json"}`,
		}}
	}
	if err := errors.Join(target.PublishBatch(batch)...); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	done := make(chan error)
	for half := range 2 {
		go func() {
			var errs []error
			for left := (b.N + half) / 2; left > 0; left -= len(batch) {
				errs = append(errs, target.PublishBatch(batch[:min(left, len(batch))])...)
			}
			done <- errors.Join(errs...)
		}()
	}
	if err := errors.Join(<-done, <-done); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}
