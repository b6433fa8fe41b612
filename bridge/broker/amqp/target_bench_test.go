package amqp_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// inFlight is what both of these have on their way: four batches of 500.
const inFlight = 2000

// BenchmarkTarget publishes messages of 1 KiB as they come from Kafka, in
// batches of 500, four of them on their way at a time; use -benchtime 100000x.
func BenchmarkTarget(b *testing.B) {
	p := newPlace(b, nil)
	p.Create(b)
	target, _ := openTarget(b, rig.AMQP(b), p.To(), 0)
	body := make([]byte, 1024)
	batch := make([]*message.Message, inFlight/4)
	for i := range batch {
		batch[i] = &message.Message{Payload: body, Metadata: message.Metadata{
			broker.HeaderKey: fmt.Sprint("key-", i), broker.HeaderRevision: "17", broker.HeaderMessageID: fmt.Sprint("f81d4fae-7dec-", i),
			broker.HeaderKafka: `{"topic":"orders","partition":3,"offset":123,"timestamp":1700000000000,"key":"key-1"}`,
		}}
	}
	if err := target.Publish("", batch...); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	done := make(chan error)
	for quarter := range 4 {
		go func() {
			var errs []error
			for left := (b.N + quarter) / 4; left > 0; left -= len(batch) {
				errs = append(errs, target.PublishBatch(batch[:min(left, len(batch))])...)
			}
			done <- errors.Join(errs...)
		}()
	}
	if err := errors.Join(<-done, <-done, <-done, <-done); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

// BenchmarkRawPublish is the yardstick: the client alone, with the same
// messages, as many of them on their way, and nothing but their confirms.
func BenchmarkRawPublish(b *testing.B) {
	q := rig.Queue(b)
	ch := rig.Channel(b)
	if err := ch.Confirm(false); err != nil {
		b.Fatal(err)
	}
	m := amqp091.Publishing{
		Body: make([]byte, 1024), DeliveryMode: amqp091.Persistent, MessageId: "f81d4fae-7dec-11d0",
		Headers: amqp091.Table{
			broker.HeaderKey: "key-1", broker.HeaderRevision: "17", broker.HeaderMessageID: "f81d4fae-7dec-11d0",
			broker.HeaderKafka: `{"topic":"orders","partition":3,"offset":123,"timestamp":1700000000000,"key":"key-1"}`,
		},
	}
	waiting := make([]*amqp091.DeferredConfirmation, inFlight)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N + inFlight {
		at := &waiting[i%inFlight]
		if *at != nil && !(*at).Wait() {
			b.Fatal("refused")
		}
		*at = nil
		if i >= b.N {
			continue
		}
		var err error
		if *at, err = ch.PublishWithDeferredConfirm("", q, true, false, m); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}
