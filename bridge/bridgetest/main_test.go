package bridgetest_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"go.uber.org/goleak"

	"github.com/brokerbridge/bridge/bridge/bridgetest"
	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/policies"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service is a router with a handler behind a Resequencer, as README.md has it.
type service struct {
	*ordering.Resequencer
	stop func()
}

func serve(source message.Subscriber, db store.Store, handle message.NoPublishHandlerFunc) service {
	resequencer, err := ordering.New(ordering.Config{
		Route: "orders", First: 1, Store: db, SingleInstance: true,
		Identify: ordering.By{
			Key:      []ordering.Field{ordering.Header("key")},
			Revision: ordering.Header("revision"),
		}.Identify,
		Logger: slog.New(slog.DiscardHandler),
	})
	must(err)
	router, err := message.NewRouter(message.RouterConfig{}, watermill.NopLogger{})
	must(err)
	router.AddConsumerHandler("orders", "orders", source, handle).AddMiddleware(
		resequencer.Middleware,
		policies.Retry{Attempts: 3, Initial: time.Millisecond, Tried: ordering.Attempts}.Middleware,
	)
	ctx, stop := context.WithCancelCause(context.Background())
	var running sync.WaitGroup
	running.Go(func() { stop(resequencer.Run(ctx)) })
	running.Go(func() { must(router.Run(ctx)) })
	<-router.Running()
	return service{resequencer, func() { stop(nil); running.Wait() }}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// soon is a context for what should take no time.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// subscribed reads a Source by hand.
func subscribed(t *testing.T, s *bridgetest.Source) <-chan *message.Message {
	t.Helper()
	msgs, err := s.Subscribe(t.Context(), "orders")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return msgs
}

// next is the next message, which has to come.
func next(t *testing.T, msgs <-chan *message.Message) *message.Message {
	t.Helper()
	select {
	case m, ok := <-msgs:
		if !ok {
			t.Fatal("the subscription ended")
		}
		return m
	case <-time.After(30 * time.Second):
		t.Fatal("nothing came")
	}
	return nil
}

// name is a message in short: "key-1/3".
func name(m *message.Message) string {
	return fmt.Sprintf("%s/%s", m.Metadata["key"], m.Metadata["revision"])
}

// order is what a Source hands out when all is acknowledged.
func order(t *testing.T, opts bridgetest.Options) (names []string) {
	t.Helper()
	opts.Window = 1
	s := bridgetest.NewSource(opts)
	msgs := subscribed(t, s)
	done := make(chan error, 1)
	go func() { done <- s.AwaitAcks(soon(t)) }()
	for {
		select {
		case m := <-msgs:
			names = append(names, name(m))
			m.Ack()
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			return names
		}
	}
}
