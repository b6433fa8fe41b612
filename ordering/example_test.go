package ordering_test

import (
	"context"
	"fmt"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"

	"github.com/brokerbridge/bridge/ordering"
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
