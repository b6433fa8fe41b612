// Command embedded is a Watermill service as many run it, on the stock
// subscriber of watermill-amqp and the stock publisher of watermill-kafka, with
// the Resequencer as a middleware: it reads events of orders from RabbitMQ,
// which come in any order, and publishes them to Kafka in the order of their
// revisions.
//
//	make brokers
//	go run ./examples/embedded
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-amqp/v2/pkg/amqp"
	"github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/store/pebble"
	"github.com/brokerbridge/bridge/policies"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "embedded:", err)
		os.Exit(1)
	}
}

// run is the service, and beside it a producer and a reader to watch it with.
func run(ctx context.Context, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	name := "example.embedded." + watermill.NewShortUUID()
	queue := amqp.NewDurableQueueConfig(setting("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/"))
	queue.Queue.AutoDelete = true  // gone when the example ends
	queue.Consume.Exclusive = true // RabbitMQ refuses a second instance
	queue.Publish.ConfirmDelivery = true
	brokers := strings.Split(setting("KAFKA_BROKERS", "127.0.0.1:9092"), ",")

	topic, err := newTopic(ctx, brokers, name)
	if err != nil {
		return err
	}
	defer topic.remove()
	ended, err := serve(ctx, queue, brokers, name)
	if err != nil {
		return err
	}
	if err := produce(queue, name, out); err != nil {
		return err
	}
	err = topic.show(ctx, 6, out)
	cancel()
	return errors.Join(err, <-ended)
}

// serve is the service as it was, without order: clients, a router, a handler.
// It returns when the service takes messages, and then reports its end.
func serve(ctx context.Context, queue amqp.Config, brokers []string, name string) (<-chan error, error) {
	subscriber, err := amqp.NewSubscriber(queue, watermill.NopLogger{})
	if err != nil {
		return nil, fmt.Errorf("subscribe to RabbitMQ: %w", err)
	}
	publisher, err := kafka.NewPublisher(kafka.PublisherConfig{
		Brokers:   brokers,
		Marshaler: kafka.NewWithPartitioningMarshaler(func(_ string, m *message.Message) (string, error) { return m.Metadata["order"], nil }),
	}, watermill.NopLogger{})
	if err != nil {
		return nil, fmt.Errorf("publish to Kafka: %w", err)
	}
	router, err := message.NewRouter(message.RouterConfig{}, watermill.NopLogger{})
	if err != nil {
		return nil, err
	}
	handler := router.AddConsumerHandler("orders", name, subscriber, func(m *message.Message) error {
		return policies.As(policies.Unavailable, publisher.Publish(name, m)) // nil stays nil
	})

	ctx, stop := context.WithCancelCause(ctx)
	sequenced, err := inOrder(ctx, stop, handler)
	if err != nil {
		stop(err)
		return nil, err
	}
	ended := make(chan error, 1)
	go func() {
		ended <- errors.Join(router.Run(ctx), <-sequenced, publisher.Close())
	}()
	<-router.Running()
	return ended, nil
}

// inOrder is what the Resequencer adds to it.
func inOrder(ctx context.Context, stop context.CancelCauseFunc, handler *message.Handler) (<-chan error, error) {
	dir, err := os.MkdirTemp("", "embedded") // a service keeps it
	if err != nil {
		return nil, err
	}
	db, err := pebble.Open(dir, pebble.Options{})
	if err != nil {
		return nil, err
	}
	resequencer, err := ordering.New(ordering.Config{
		Route: "orders", Store: db, SingleInstance: true, First: 1,
		Identify: ordering.By{Key: []ordering.Field{ordering.Header("order")}, Revision: ordering.Header("revision")}.Identify,
	})
	if err != nil {
		return nil, err
	}
	handler.AddMiddleware(
		resequencer.Middleware, // in order, per key
		policies.Retry{Attempts: 5, Tried: ordering.Attempts}.Middleware,      // then bounded tries
		policies.NewBreaker(policies.BreakerConfig{Name: "kafka"}).Middleware, // none against a target that is away
	)
	ended := make(chan error, 1)
	go func() {
		err := resequencer.Run(ctx)
		stop(err) // so that the router ends with it
		ended <- errors.Join(err, db.Close(), os.RemoveAll(dir))
	}()
	return ended, nil
}

// produce sends six events of an order, as they come when services retry.
func produce(queue amqp.Config, name string, out io.Writer) error {
	publisher, err := amqp.NewPublisher(queue, watermill.NopLogger{})
	if err != nil {
		return fmt.Errorf("publish to RabbitMQ: %w", err)
	}
	for _, revision := range []int{2, 1, 5, 6, 2, 4, 3} {
		m := message.NewMessage(watermill.NewUUID(), fmt.Appendf(nil, `{"event":%d}`, revision))
		m.Metadata = message.Metadata{"order": "A-1", "revision": fmt.Sprint(revision)}
		if err := publisher.Publish(name, m); err != nil {
			return fmt.Errorf("publish to RabbitMQ: %w", err)
		}
		fmt.Fprintln(out, "to RabbitMQ: order A-1, revision", revision)
	}
	return publisher.Close()
}

func setting(name, fallback string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return fallback
}
