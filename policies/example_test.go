package policies_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"

	"github.com/brokerbridge/bridge/policies"
)

func ExampleRetry() {
	pubsub, router := setUp()
	done := make(chan struct{})
	tries := 0

	router.AddConsumerHandler("orders", "orders", pubsub, func(msg *message.Message) error {
		if tries++; tries < 3 {
			fmt.Printf("try %d: the database is busy\n", tries)
			return errors.New("busy")
		}
		fmt.Printf("try %d: stored %s\n", tries, msg.Payload)
		close(done)
		return nil
	}).AddMiddleware(
		policies.Retry{Attempts: 5, Initial: time.Millisecond}.Middleware,
	)

	run(pubsub, router, done, "order 7")
	// Output:
	// try 1: the database is busy
	// try 2: the database is busy
	// try 3: stored order 7
}

// A target that is away costs a message nothing: Retry may be as strict as it
// likes.
func ExampleBreaker() {
	pubsub, router := setUp()
	done := make(chan struct{})
	asked := 0

	breaker := policies.NewBreaker(policies.BreakerConfig{
		Name:     "billing",
		Min:      1, // answers are rare here
		OpenFor:  10 * time.Millisecond,
		OnChange: func(from, to policies.State) { fmt.Printf("%v -> %v\n", from, to) },
	})
	router.AddConsumerHandler("orders", "orders", pubsub, func(msg *message.Message) error {
		if asked++; asked == 1 {
			return policies.As(policies.Unavailable, errors.New("connection refused"))
		}
		fmt.Printf("billed %s\n", msg.Payload)
		close(done)
		return nil
	}).AddMiddleware(
		policies.Retry{Attempts: 1}.Middleware,
		breaker.Middleware,
	)

	run(pubsub, router, done, "order 7")
	// Output:
	// closed -> open
	// open -> half-open
	// billed order 7
	// half-open -> closed
}

func ExampleDeadLetter() {
	pubsub, router := setUp()
	done := make(chan struct{})

	router.AddConsumerHandler("orders", "orders", pubsub, func(*message.Message) error {
		return policies.Because(policies.Permanent, "too_large", errors.New("order has 812 lines"))
	}).AddMiddleware(
		policies.DeadLetter{Publisher: pubsub, Topic: "orders.dlq"}.Middleware,
		policies.Retry{}.Middleware,
	)
	router.AddConsumerHandler("morgue", "orders.dlq", pubsub, func(msg *message.Message) error {
		fmt.Printf("%s, given up by %s after %s try\n", msg.Payload,
			msg.Metadata[policies.HeaderRoute], msg.Metadata[policies.HeaderAttempts])
		fmt.Printf("%s: %s\n", msg.Metadata[policies.HeaderReason], msg.Metadata[policies.HeaderError])
		close(done)
		return nil
	})

	run(pubsub, router, done, "order 7")
	// Output:
	// order 7, given up by orders after 1 try
	// too_large: order has 812 lines
}

// setUp makes a plain Watermill router and a broker in memory.
func setUp() (*gochannel.GoChannel, *message.Router) {
	router, err := message.NewRouter(message.RouterConfig{}, watermill.NopLogger{})
	if err != nil {
		panic(err)
	}
	return gochannel.NewGoChannel(gochannel.Config{}, nil), router
}

// run sends one message through a router and stops it once that is done.
func run(pubsub *gochannel.GoChannel, router *message.Router, done <-chan struct{}, body string) {
	ended := make(chan error)
	go func() { ended <- router.Run(context.Background()) }()
	<-router.Running()
	err := pubsub.Publish("orders", message.NewMessage(watermill.NewUUID(), []byte(body)))
	if err == nil {
		<-done
	}
	// Close waits for what handlers are still at, such as the last acknowledgement.
	if err := errors.Join(err, router.Close(), <-ended); err != nil {
		fmt.Println(err)
	}
}
