package rawloop

import (
	"context"
	"errors"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kgo"
)

// The settings that came out best; doc.go has the measurements.
const (
	prefetch = 2000
	linger   = 5 * time.Millisecond
	ackEvery = time.Millisecond
)

// KeyHeader is the AMQP header whose value becomes the record's key.
const KeyHeader = "key"

// errClosed says that RabbitMQ ended the consumer before all messages came.
var errClosed = errors.New("the consumer was closed")

// Result is what one run moved, from the start of the consumer to the last
// acknowledgement.
type Result struct {
	Messages int
	Bytes    int64
	Elapsed  time.Duration
}

// Rate is in messages per second.
func (r Result) Rate() float64 { return float64(r.Messages) / r.Elapsed.Seconds() }

// Run moves n messages from the queue to the topic and returns when the last
// one is acknowledged. The first error ends it; what was not acknowledged
// stays in the queue.
func Run(ctx context.Context, amqpURL, queue string, brokers []string, topic string, n int) (Result, error) {
	conn, err := amqp.Dial(amqpURL)
	if err != nil {
		return Result{}, fmt.Errorf("dial RabbitMQ: %w", err)
	}
	defer func() { _ = conn.Close() }()
	client, err := kgo.NewClient(
		kgo.SeedBrokers(brokers...),
		kgo.DefaultProduceTopic(topic),
		kgo.ProducerLinger(linger),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
	)
	if err != nil {
		return Result{}, fmt.Errorf("open a Kafka client: %w", err)
	}
	defer client.Close()
	if err := client.Ping(ctx); err != nil {
		return Result{}, fmt.Errorf("reach Kafka: %w", err)
	}
	ch, deliveries, err := consume(conn, queue)
	if err != nil {
		return Result{}, fmt.Errorf("consume queue %q: %w", queue, err)
	}
	return move(ctx, ch, deliveries, client, n)
}

func consume(conn *amqp.Connection, queue string) (*amqp.Channel, <-chan amqp.Delivery, error) {
	ch, err := conn.Channel()
	if err != nil {
		return nil, nil, err
	}
	if err := ch.Qos(prefetch, 0, false); err != nil {
		return nil, nil, err
	}
	deliveries, err := ch.Consume(queue, "", false, false, false, false, nil)
	return ch, deliveries, err
}

func move(ctx context.Context, ch *amqp.Channel, deliveries <-chan amqp.Delivery, client *kgo.Client, n int) (Result, error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	began := time.Now()
	confirmed := newPrefix()
	acked := make(chan struct{})
	go func() {
		defer close(acked)
		if err := acknowledge(ctx, ch, confirmed, n); err != nil {
			fail(fmt.Errorf("acknowledge: %w", err))
		}
	}()
	size, err := produce(ctx, deliveries, client, n, func(tag uint64, err error) {
		if err != nil {
			fail(fmt.Errorf("produce delivery %d: %w", tag, err))
			return
		}
		confirmed.finish(tag)
	})
	if err != nil {
		fail(err)
	}
	<-acked
	if err := context.Cause(ctx); err != nil {
		return Result{}, err
	}
	return Result{Messages: n, Bytes: size, Elapsed: time.Since(began)}, nil
}

// produce hands over n deliveries without waiting for any of them.
func produce(ctx context.Context, deliveries <-chan amqp.Delivery, client *kgo.Client, n int, done func(tag uint64, err error)) (size int64, err error) {
	for range n {
		select {
		case d, ok := <-deliveries:
			if !ok {
				return size, errClosed
			}
			size += int64(len(d.Body))
			client.Produce(ctx, record(d), func(_ *kgo.Record, err error) { done(d.DeliveryTag, err) })
		case <-ctx.Done():
			return size, context.Cause(ctx)
		}
	}
	return size, nil
}

func record(d amqp.Delivery) *kgo.Record {
	r := &kgo.Record{Value: d.Body}
	if key, ok := d.Headers[KeyHeader].(string); ok {
		r.Key = []byte(key)
	}
	return r
}

// acknowledge acks the finished prefix as it grows, until it reaches n: a fresh
// channel counts its deliveries from 1.
func acknowledge(ctx context.Context, ch *amqp.Channel, confirmed *prefix, n int) error {
	for last := uint64(0); last < uint64(n); {
		select {
		case <-confirmed.grown:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		time.Sleep(ackEvery) // records are confirmed in batches: let them all come
		tag := confirmed.end()
		if tag == last {
			continue
		}
		if err := ch.Ack(tag, true); err != nil {
			return err
		}
		last = tag
	}
	return nil
}
