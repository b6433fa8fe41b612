package policies_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
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

// A handler says what its failure means: another try, none at all, or that it is
// not the message's fault.
func ExampleBecause() {
	pubsub, router := setUp()
	done := make(chan struct{}, 3)
	var away atomic.Bool // only at first
	away.Store(true)

	router.AddConsumerHandler("orders", "orders", pubsub, func(msg *message.Message) error {
		switch string(msg.Payload) {
		case "order 7":
			return policies.Because(policies.Permanent, "too_large", errors.New("812 lines"))
		case "order 8":
			return errors.New("the database is busy") // Transient, unless we say otherwise
		}
		if away.Swap(false) {
			return policies.As(policies.Unavailable, errors.New("connection refused"))
		}
		fmt.Printf("%s: stored\n", msg.Payload)
		done <- struct{}{}
		return nil
	}).AddMiddleware(
		policies.DeadLetter{Publisher: pubsub, Topic: "orders.dlq"}.Middleware,
		policies.Retry{Attempts: 3, Initial: time.Millisecond}.Middleware,
	)
	router.AddConsumerHandler("morgue", "orders.dlq", pubsub, func(msg *message.Message) error {
		fmt.Printf("%s: %s after %s tries, %s\n", msg.Payload, msg.Metadata[policies.HeaderReason],
			msg.Metadata[policies.HeaderAttempts], msg.Metadata[policies.HeaderError])
		done <- struct{}{}
		return nil
	})

	run(pubsub, router, done, "order 7", "order 8", "order 9")
	// Unordered output:
	// order 7: too_large after 1 tries, 812 lines
	// order 8: max_attempts after 3 tries, the database is busy
	// order 9: stored
}

// Rules have other numbers for some failures: here, what was rejected is tried
// once more, because a person may have just added the customer, and what timed
// out is not, because it may have been billed.
func ExampleRule() {
	pubsub, router := setUp()
	done := make(chan struct{}, 2)

	router.AddConsumerHandler("orders", "orders", pubsub, func(msg *message.Message) error {
		if string(msg.Payload) == "order 7" {
			return policies.Because(policies.Permanent, "rejected", errors.New("no such customer"))
		}
		return policies.Because(policies.Transient, "unknown_outcome", errors.New("no answer"))
	}).AddMiddleware(
		policies.DeadLetter{Publisher: pubsub, Topic: "orders.dlq"}.Middleware,
		policies.Retry{Rules: []policies.Rule{
			{Reason: "unknown_outcome", Attempts: 1},
			{Class: policies.Permanent, Attempts: 2, Initial: 10 * time.Millisecond},
		}}.Middleware,
	)
	router.AddConsumerHandler("morgue", "orders.dlq", pubsub, func(msg *message.Message) error {
		fmt.Printf("%s: %s, attempts: %s\n", msg.Payload, msg.Metadata[policies.HeaderReason], msg.Metadata[policies.HeaderAttempts])
		done <- struct{}{}
		return nil
	})

	run(pubsub, router, done, "order 7", "order 8")
	// Unordered output:
	// order 7: rejected, attempts: 2
	// order 8: unknown_outcome, attempts: 1
}

// A panic is a failure of its message, and the dead letter has the stack.
func ExampleRecover() {
	pubsub, router := setUp()
	done := make(chan struct{})

	router.AddConsumerHandler("orders", "orders", pubsub, func(msg *message.Message) error {
		return fmt.Errorf("no line %d", msg.Payload[100]) // out of range
	}).AddMiddleware(
		policies.DeadLetter{Publisher: pubsub, Topic: "orders.dlq"}.Middleware,
		policies.Retry{}.Middleware,
		policies.Recover{}.Middleware,
	)
	router.AddConsumerHandler("morgue", "orders.dlq", pubsub, func(msg *message.Message) error {
		text := msg.Metadata[policies.HeaderError]
		fmt.Println(msg.Metadata[policies.HeaderReason], "after", msg.Metadata[policies.HeaderAttempts], "try")
		fmt.Println(strings.SplitN(text, "\n", 2)[0])
		fmt.Println("tells where:", strings.Contains(text, "example_test.go:"))
		close(done)
		return nil
	})

	run(pubsub, router, done, "order 7")
	// Output:
	// panic after 1 try
	// panic: runtime error: index out of range [100] with length 7
	// tells where: true
}

// A call that hangs is not repeated: the message waits for its outcome.
func ExampleTimeout() {
	sent, answer := 0, make(chan struct{})
	send := policies.Timeout{After: 10 * time.Millisecond}.Batch(func(msgs []*message.Message) []error {
		sent++
		<-answer
		return make([]error, len(msgs))
	})

	order := []*message.Message{message.NewMessage("7", []byte("order 7"))}
	fmt.Println(send(order)[0])
	close(answer)
	for send(order)[0] != nil { // not there yet
	}
	fmt.Println("sent", sent, "time")
	// Output:
	// no answer in time: none for 10ms, still awaited
	// sent 1 time
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

// Without an order dead letters live in a topic. To send them through again is to
// publish them where they came from: body, id and headers are as they were.
func ExampleDeadLetter_again() {
	pubsub, router := setUp()
	done := make(chan struct{})
	var known atomic.Bool

	router.AddConsumerHandler("orders", "orders", pubsub, func(msg *message.Message) error {
		if !known.Load() {
			return policies.Because(policies.Permanent, "rejected", errors.New("no such customer"))
		}
		fmt.Printf("billed %s, which had been %s\n", msg.Payload, msg.Metadata[policies.HeaderReason])
		close(done)
		return nil
	}).AddMiddleware(
		policies.DeadLetter{Publisher: pubsub, Topic: "orders.dlq"}.Middleware, // outermost: it gives up what is left
		policies.Retry{}.Middleware,
	)
	router.AddConsumerHandler("again", "orders.dlq", pubsub, func(msg *message.Message) error {
		known.Store(true) // somebody has added the customer
		return pubsub.Publish("orders", msg.Copy())
	})

	run(pubsub, router, done, "order 7")
	// Output:
	// billed order 7, which had been rejected
}

// setUp makes a plain Watermill router and a broker in memory.
func setUp() (*gochannel.GoChannel, *message.Router) {
	router, err := message.NewRouter(message.RouterConfig{}, watermill.NopLogger{})
	if err != nil {
		panic(err)
	}
	return gochannel.NewGoChannel(gochannel.Config{}, nil), router
}

// run sends messages through a router and stops it once as many are done.
func run(pubsub *gochannel.GoChannel, router *message.Router, done <-chan struct{}, bodies ...string) {
	ended := make(chan error)
	go func() { ended <- router.Run(context.Background()) }()
	<-router.Running()
	var err error
	for _, body := range bodies {
		err = errors.Join(err, pubsub.Publish("orders", message.NewMessage(watermill.NewUUID(), []byte(body))))
	}
	for range bodies {
		<-done
	}
	// Close waits for what handlers are still at, such as the last acknowledgement.
	if err := errors.Join(err, router.Close(), <-ended); err != nil {
		fmt.Println(err)
	}
}
