// Command service is a Watermill service as an embedder writes it, for tests that
// kill it: a stock subscriber, or the bridge's own, a Resequencer on a Pebble
// store, and a handler that publishes to Kafka and refuses what is poison until it
// is redriven.
//
// It says how far it is, one line for each change. SIGUSR1 makes it redrive its
// dead letters.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-amqp/v2/pkg/amqp"
	"github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill/message"

	bridgeamqp "github.com/brokerbridge/bridge/bridge/broker/amqp"
	"github.com/brokerbridge/bridge/bridge/broker/pubsub"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble"
	"github.com/brokerbridge/bridge/policies"
)

// route is the service's name in its store.
const route = "service"

type options struct {
	queue, source string // where it reads: a queue, or a topic
	window        int    // more than one message in flight, which the bridge's own subscriber can
	target        string // the topic it publishes to
	dir           string // of its store
	amqp          string
	kafka         []string
}

func main() {
	var o options
	var brokers string
	flag.StringVar(&o.queue, "queue", "", "read this queue of RabbitMQ")
	flag.StringVar(&o.source, "topic", "", "or this topic of Kafka")
	flag.IntVar(&o.window, "window", 1, "how many messages of the queue may be in flight; more than 1: not with the stock subscriber")
	flag.StringVar(&o.target, "to", "", "publish to this topic of Kafka")
	flag.StringVar(&o.dir, "store", "", "folder of the store")
	flag.StringVar(&o.amqp, "amqp", "", "URL of RabbitMQ")
	flag.StringVar(&brokers, "kafka", "", "addresses of Kafka")
	flag.Parse()
	o.kafka = strings.Split(brokers, ",")

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, o); err != nil {
		fmt.Println("service:", err)
		os.Exit(1)
	}
}

// serve runs the service until ctx ends.
func serve(ctx context.Context, o options) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	db, err := pebble.Open(o.dir, pebble.Options{})
	if err != nil {
		return err
	}
	subscriber, err := o.subscriber()
	if err != nil {
		return err
	}
	publisher, err := kafka.NewPublisher(kafka.PublisherConfig{
		Brokers:   o.kafka,
		Marshaler: kafka.NewWithPartitioningMarshaler(func(_ string, m *message.Message) (string, error) { return m.Metadata["key"], nil }),
	}, watermill.NopLogger{})
	if err != nil {
		return err
	}
	router, err := message.NewRouter(message.RouterConfig{}, watermill.NopLogger{})
	if err != nil {
		return err
	}

	resequencer, err := ordering.New(ordering.Config{
		Route: route, Store: db, SingleInstance: true, First: 1, MaxAhead: 8, Hold: o.hold(),
		Identify: ordering.By{Key: []ordering.Field{ordering.Header("key")}, Revision: ordering.Header("revision")}.Identify,
	})
	if err != nil {
		return err
	}
	router.AddConsumerHandler(route, o.queue+o.source, subscriber, func(m *message.Message) error {
		if m.Metadata["poison"] != "" && !ordering.Redriven(m) {
			return policies.As(policies.Permanent, errors.New("no such customer"))
		}
		return publisher.Publish(o.target, m)
	}).AddMiddleware(
		resequencer.Middleware,
		policies.Retry{Attempts: 5, Tried: ordering.Attempts}.Middleware,
		policies.NewBreaker(policies.BreakerConfig{Name: "kafka"}).Middleware,
	)

	ended := make(chan error, 1)
	go func() {
		err := resequencer.Run(ctx)
		stop(err)
		ended <- err
	}()
	go attend(ctx, router, resequencer, db)
	return errors.Join(router.Run(ctx), <-ended, publisher.Close(), db.Close())
}

// hold is how long a message may wait in memory for those before it: not at all
// where they cannot come meanwhile.
func (o options) hold() time.Duration {
	if o.window > 1 {
		return 50 * time.Millisecond
	}
	return 0
}

// windowed keeps several messages in flight.
func windowed(url string, window int) message.Subscriber {
	shop := bridgeamqp.New("shop", config.AMQP{URL: config.NewSecret(url)}, slog.Default())
	return pubsub.NewSubscriber(shop, func(queue string) config.From {
		return config.From{Queue: queue, Window: window}
	}, pubsub.Options{})
}

// grouped reads a topic in a consumer group, from the beginning, one message in
// flight for each partition.
func grouped(brokers []string, group string) (message.Subscriber, error) {
	c := kafka.DefaultSaramaSubscriberConfig()
	c.Consumer.Offsets.Initial = sarama.OffsetOldest   // the default is to begin with what comes next
	c.Consumer.Group.Session.Timeout = 6 * time.Second // after which Kafka knows of a crash
	c.Consumer.Group.Heartbeat.Interval = 2 * time.Second
	return kafka.NewSubscriber(kafka.SubscriberConfig{
		Brokers: brokers, ConsumerGroup: group,
		Unmarshaler: kafka.DefaultMarshaler{}, OverwriteSaramaConfig: c,
	}, watermill.NopLogger{})
}

// subscriber is a stock one, which keeps one message in flight, unless the window
// is larger.
func (o options) subscriber() (message.Subscriber, error) {
	switch {
	case o.window > 1:
		return windowed(o.amqp, o.window), nil
	case o.queue != "":
		return amqp.NewSubscriber(amqp.NewDurableQueueConfig(o.amqp), watermill.NopLogger{})
	}
	return grouped(o.kafka, o.source)
}

// attend says how far the service is and redrives when it is asked to.
func attend(ctx context.Context, router *message.Router, r *ordering.Resequencer, db store.Store) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	select {
	case <-router.Running():
	case <-ctx.Done():
		return
	}
	last := ""
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		select {
		case <-ctx.Done():
			return
		case <-asked:
			if err := redrive(ctx, r, db); err != nil {
				fmt.Println("redrive:", err)
			}
		case <-tick.C:
			st, err := r.Stats(ctx)
			now := fmt.Sprintf("at delivered=%d parked=%d dead=%d memory=%d unaccounted=%d", st.Ledger.Delivered, st.Ledger.Parked, st.Ledger.Dead, st.InMemory, st.Unaccounted())
			if err == nil && now != last {
				fmt.Println(now)
				last = now
			}
		}
	}
}

// redrive sends all dead letters through again, each at its place.
func redrive(ctx context.Context, r *ordering.Resequencer, db store.Store) error {
	var ids []string
	for d, err := range db.DeadLetters(ctx, store.Query{Route: route}) {
		if err != nil {
			return err
		}
		ids = append(ids, d.ID)
	}
	for _, id := range ids {
		out, err := r.Redrive(ctx, id, ordering.Operation{By: "on-call", Reason: "the customer was added"})
		if err != nil {
			return err
		}
		fmt.Println(out.Says)
	}
	return nil
}
