package ordering_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
	"github.com/brokerbridge/bridge/policies"
)

// A Watermill handler gets the revisions of a key in order, each of them once.
func Example() {
	ctx, stop := context.WithCancelCause(context.Background())
	pubsub := gochannel.NewGoChannel(gochannel.Config{OutputChannelBuffer: 10}, nil)
	router, err := message.NewRouter(message.RouterConfig{}, watermill.NopLogger{})
	if err != nil {
		panic(err)
	}
	third := make(chan struct{})
	handle := func(m *message.Message) error {
		fmt.Println("order", m.Metadata["key"], "revision", m.Metadata["revision"])
		if m.Metadata["revision"] == "3" {
			close(third)
		}
		return nil
	}
	if err := inOrder(ctx, stop, router, pubsub, memory.New(), handle); err != nil {
		panic(err)
	}
	ended := make(chan error)
	go func() { ended <- router.Run(ctx) }()
	<-router.Running()

	for _, revision := range []string{"2", "3", "2", "1"} {
		m := message.NewMessage(watermill.NewUUID(), []byte("revision "+revision))
		m.Metadata = message.Metadata{"key": "4711", "revision": revision}
		if err := pubsub.Publish("orders", m); err != nil {
			panic(err)
		}
	}
	<-third
	stop(nil)
	if err := <-ended; err != nil {
		panic(err)
	}
	// Output:
	// order 4711 revision 1
	// order 4711 revision 2
	// order 4711 revision 3
}

// The whole of it: five statements.
func ExampleResequencer_Middleware() {
	ctx, stop := context.WithCancelCause(context.Background())
	router, subscriber := aRouter()
	db := memory.New()
	done := make(chan struct{})
	handle := func(m *message.Message) error {
		fmt.Println(m.Metadata["key"], m.Metadata["revision"])
		if m.Metadata["revision"] == "2" {
			close(done)
		}
		return nil
	}

	resequencer, err := ordering.New(ordering.Config{
		Route: "orders", Store: db, SingleInstance: true, First: 1,
		Identify: ordering.By{Key: []ordering.Field{ordering.Header("key")}, Revision: ordering.Header("revision")}.Identify,
	})
	must(err)
	router.AddConsumerHandler("orders", "orders", subscriber, handle).AddMiddleware(resequencer.Middleware)
	go func() { stop(resequencer.Run(ctx)) }() // when it ends, the context ends, and so does the router
	ended := start(ctx, router)

	send(subscriber, "4711", 2, 1)
	<-done
	stop(nil)
	<-ended
	// Output:
	// 4711 1
	// 4711 2
}

// A message that fails for good is a dead letter in the store, and its key waits
// for it. Whoever has mended what was wrong redrives it from code: it goes at its
// place, and what waits behind it follows.
func ExampleResequencer_Redrive() {
	ctx, stop := context.WithCancelCause(context.Background())
	router, subscriber := aRouter()
	db := memory.New()
	customers := map[string]bool{}
	handled := make(chan string, 10)
	resequencer := embed(ctx, stop, router, subscriber, db, func(m *message.Message) error {
		if m.Metadata["revision"] == "2" && !customers["Ada"] {
			return policies.As(policies.Permanent, errors.New("no such customer"))
		}
		handled <- m.Metadata["revision"]
		return nil
	})
	ended := start(ctx, router)
	send(subscriber, "4711", 1, 2, 3)
	fmt.Println("handled", <-handled)
	parked(resequencer, 1) // revision 3, behind 2

	redrive := func(because string) error {
		for d, err := range db.DeadLetters(ctx, store.Query{Route: "orders"}) {
			if err != nil {
				return err
			}
			fmt.Printf("dead: %s revision %d, %s after %d attempt: %s\n", d.Key, d.Rev, d.Reason, d.Attempts, d.Error)
			out, err := resequencer.Redrive(ctx, d.ID, ordering.Operation{By: "ada@example.org", Reason: because})
			if err != nil {
				return err
			}
			fmt.Println(out.Says)
		}
		return nil
	}
	customers["Ada"] = true
	must(redrive("the customer was added"))
	fmt.Println("handled", <-handled, <-handled)
	stop(nil)
	<-ended
	// Output:
	// handled 1
	// dead: 4711 revision 2, permanent after 1 attempt: no such customer
	// redrives revision 2 of key "4711"; 1 message parked behind it follows in order
	// handled 2 3
}

// What cannot work is refused with an error that says what to do instead, and the
// message is not acknowledged.
func ExampleHaltError() {
	ctx, stop := context.WithCancelCause(context.Background())
	router, subscriber := aRouter()
	resequencer, err := ordering.New(quiet("orders", memory.New()))
	must(err)
	router.AddMiddleware(middleware.Retry{MaxRetries: 3}.Middleware) // before all handlers
	router.AddConsumerHandler("orders", "orders", subscriber, func(*message.Message) error { return nil }).
		AddMiddleware(resequencer.Middleware)
	go func() { stop(resequencer.Run(ctx)) }()
	ended := start(ctx, router)
	send(subscriber, "4711", 1)
	<-ended

	var halt *ordering.HaltError
	if errors.As(context.Cause(ctx), &halt) {
		fmt.Println(halt.Reason)
		fmt.Println(strings.ReplaceAll(halt.Err.Error(), "; ", "\n"))
	}
	// Output:
	// middleware
	// ordering: a middleware cannot be used beside the Resequencer: Watermill's middleware.Retry stands before it, where it sees no failure of the handler
	// put policies.Retry behind the Resequencer
}

// What a handler publishes it publishes itself: an error is then the message's,
// and the checkpoint comes after it.
func ExampleResequencer_Middleware_publish() {
	ctx, stop := context.WithCancelCause(context.Background())
	router, subscriber := aRouter()
	publisher := gochannel.NewGoChannel(gochannel.Config{BlockPublishUntilSubscriberAck: true}, nil) // else a GoChannel keeps no order
	bills, err := publisher.Subscribe(ctx, "bills")
	must(err)
	embed(ctx, stop, router, subscriber, memory.New(), func(m *message.Message) error {
		bill := message.NewMessage(m.UUID, []byte("bill of "+string(m.Payload))) // the same id each time it is tried
		bill.Metadata = message.Metadata{"key": m.Metadata["key"], "revision": m.Metadata["revision"]}
		return policies.As(policies.Unavailable, publisher.Publish("bills", bill)) // nil stays nil
	})
	ended := start(ctx, router)
	send(subscriber, "4711", 2, 1)
	for range 2 {
		bill := <-bills
		fmt.Printf("%s\n", bill.Payload)
		bill.Ack()
	}
	stop(nil)
	<-ended
	// Output:
	// bill of revision 1
	// bill of revision 2
}

// Stats are for metrics of your own. Unaccounted is 0 when nothing moves, or a
// message was lost.
func ExampleResequencer_Stats() {
	ctx, stop := context.WithCancelCause(context.Background())
	router, subscriber := aRouter()
	resequencer := embed(ctx, stop, router, subscriber, memory.New(), func(*message.Message) error { return nil })
	ended := start(ctx, router)
	send(subscriber, "4711", 1, 3, 4)
	parked(resequencer, 2)

	stats, err := resequencer.Stats(ctx)
	must(err)
	fmt.Println("delivered", stats.Ledger.Delivered, "parked", stats.Ledger.Parked, "dead", stats.Ledger.Dead)
	fmt.Println("keys that wait for a gap:", stats.Modes[lane.Gap])
	fmt.Println("unaccounted", stats.Unaccounted())
	stop(nil)
	<-ended
	// Output:
	// delivered 1 parked 2 dead 0
	// keys that wait for a gap: 1
	// unaccounted 0
}

// inOrder adds a handler to a router, behind a Resequencer. README.md shows what
// it does; docs/docs_test.go keeps the two the same.
func inOrder(
	ctx context.Context, stop context.CancelCauseFunc,
	router *message.Router, subscriber message.Subscriber, store store.Store, handle message.NoPublishHandlerFunc,
) error {
	resequencer, err := ordering.New(ordering.Config{
		Route: "orders", First: 1,
		Store: store, SingleInstance: true, // pebble.Open(dir, pebble.Options{}), or memory.New() in tests
		Identify: ordering.By{
			Key:      []ordering.Field{ordering.Header("key")},
			Revision: ordering.Header("revision"),
		}.Identify,
	})
	if err != nil {
		return err
	}
	breaker := policies.NewBreaker(policies.BreakerConfig{Name: "billing"})
	router.AddConsumerHandler("orders", "orders", subscriber, handle).AddMiddleware(
		resequencer.Middleware, // in order, per key
		policies.Retry{Attempts: 5, Tried: ordering.Attempts}.Middleware, // then bounded tries
		breaker.Middleware, // and none against a target that is away
	)
	go func() { stop(resequencer.Run(ctx)) }() // when it ends, so does router.Run(ctx)
	return nil
}

// quiet is a configuration as all examples have it, that logs nothing.
func quiet(route string, db store.Store) ordering.Config {
	return ordering.Config{
		Route: route, Store: db, SingleInstance: true, First: 1, Logger: slog.New(slog.DiscardHandler),
		Identify: ordering.By{Key: []ordering.Field{ordering.Header("key")}, Revision: ordering.Header("revision")}.Identify,
	}
}

// embed puts a handler behind a Resequencer and bounded tries, and runs it.
func embed(
	ctx context.Context, stop context.CancelCauseFunc,
	router *message.Router, subscriber message.Subscriber, db store.Store, handle message.NoPublishHandlerFunc,
) *ordering.Resequencer {
	resequencer, err := ordering.New(quiet("orders", db))
	must(err)
	router.AddConsumerHandler("orders", "orders", subscriber, handle).AddMiddleware(
		resequencer.Middleware,
		policies.Retry{Attempts: 5, Tried: ordering.Attempts}.Middleware,
	)
	go func() { stop(resequencer.Run(ctx)) }()
	return resequencer
}

// aRouter is a router and a broker in memory.
func aRouter() (*message.Router, *gochannel.GoChannel) {
	router, err := message.NewRouter(message.RouterConfig{}, watermill.NopLogger{})
	must(err)
	return router, gochannel.NewGoChannel(gochannel.Config{OutputChannelBuffer: 10}, nil)
}

// start runs a router and says when it has ended.
func start(ctx context.Context, router *message.Router) <-chan struct{} {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		must(router.Run(ctx))
	}()
	<-router.Running()
	return ended
}

// send publishes revisions of a key in this order.
func send(publisher message.Publisher, key string, revisions ...int) {
	for _, r := range revisions {
		m := message.NewMessage(watermill.NewUUID(), fmt.Appendf(nil, "revision %d", r))
		m.Metadata = message.Metadata{"key": key, "revision": fmt.Sprint(r)}
		must(publisher.Publish("orders", m))
	}
}

// parked waits until so many messages are parked.
func parked(r *ordering.Resequencer, n int64) {
	for {
		stats, err := r.Stats(context.Background())
		must(err)
		if stats.Ledger.Parked == n && stats.InMemory == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
