// Package stock moves messages between RabbitMQ and Kafka as a service on
// Watermill's own parts does: a router with one handler, the subscriber and the
// publisher of watermill-amqp and watermill-kafka, publisher confirms, Retry and
// PoisonQueue. It carries bodies, metadata and the key, which is the record's key
// in Kafka.
//
// It has the defaults of those packages but for what a bridge cannot do without:
// confirms are on, a new group begins at the start of its topic, and a record has
// its key.
package stock

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
)

// End is where it reads or writes: a [Queue] or a [Topic].
type End interface {
	name() string
	subscriber(watermill.LoggerAdapter) (message.Subscriber, error)
	publisher(watermill.LoggerAdapter) (message.Publisher, error)
	// key is the key of a message that was read here.
	key(*message.Message) string
}

// Run moves messages until ctx ends. What is under way then is finished.
func Run(ctx context.Context, from, to End) error {
	log := watermill.NewStdLoggerWithOut(os.Stderr, false, false)
	in, err := from.subscriber(log)
	if err != nil {
		return fmt.Errorf("open the source: %w", err)
	}
	out, err := to.publisher(log)
	if err != nil {
		return fmt.Errorf("open the target: %w", err)
	}
	router, err := message.NewRouter(message.RouterConfig{}, log)
	if err != nil {
		return err
	}
	poison, err := middleware.PoisonQueue(out, to.name()+"-poison")
	if err != nil {
		return err
	}
	router.AddMiddleware(poison, middleware.Retry{MaxRetries: 3, InitialInterval: 100 * time.Millisecond, Multiplier: 2, Logger: log}.Middleware)
	router.AddHandler("bench", from.name(), in, to.name(), out, func(m *message.Message) ([]*message.Message, error) {
		m.Metadata.Set(keyName, from.key(m))
		return message.Messages{m}, nil
	})
	return router.Run(ctx) // closes both ends
}
