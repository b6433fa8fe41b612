package ordering_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/policies"
)

// handles runs an embedded Resequencer before a handler.
func handles(t *testing.T, cfg ordering.Config, h message.HandlerFunc) message.HandlerFunc {
	t.Helper()
	r, err := ordering.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	h = r.Middleware(h)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return h
}

// delivery is revision 1 of a key, with the context of its delivery.
func delivery(ctx context.Context, key string) *message.Message {
	m := message.NewMessage("u-"+key, []byte("x"))
	m.Metadata["key"], m.Metadata["revision"] = key, "1"
	m.SetContext(ctx)
	return m
}

// within is Watermill's own Timeout: the message keeps its context, which ends
// when the handler returns.
func within(d time.Duration, h message.HandlerFunc) message.HandlerFunc {
	return func(m *message.Message) ([]*message.Message, error) {
		ctx, cancel := context.WithTimeout(m.Context(), d)
		defer cancel()
		m.SetContext(ctx)
		return h(m)
	}
}

// I4: what is not settled is not acknowledged, whatever context a handler gives
// its message.
func TestI4_HandlerThatDetachesItsMessage(t *testing.T) {
	entered, goOn := make(chan struct{}), make(chan struct{})
	h := handles(t, embedded(), func(m *message.Message) ([]*message.Message, error) {
		m.SetContext(context.WithoutCancel(m.Context()))
		close(entered)
		<-goOn
		return nil, nil
	})
	ctx, end := context.WithCancel(t.Context())
	go func() { <-entered; end() }()
	if _, err := h(delivery(ctx, "a")); !errors.Is(err, context.Canceled) {
		t.Errorf("the router hears %v of a message that is under way", err)
	}
	close(goOn)
}

// What was handled is told so, also where its context ends with the handler.
func TestHandlerThatSetsAContext(t *testing.T) {
	h := handles(t, embedded(), within(time.Minute, func(*message.Message) ([]*message.Message, error) { return nil, nil }))
	for i := range 300 {
		if _, err := h(delivery(t.Context(), fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
}

// I8: a delivery that ends leaves its message in good order: the next one settles
// it, and so does a second try.
func TestI8_MessageOutlivesItsDelivery(t *testing.T) {
	for name, chain := range map[string]func(message.HandlerFunc) message.HandlerFunc{
		"bare":    func(h message.HandlerFunc) message.HandlerFunc { return h },
		"timeout": func(h message.HandlerFunc) message.HandlerFunc { return within(time.Minute, h) },
		"retry":   policies.Retry{Attempts: 5, Tried: ordering.Attempts}.Middleware,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var away atomic.Bool
			var handled atomic.Int64
			away.Store(true)
			h := handles(t, embedded(), chain(func(m *message.Message) ([]*message.Message, error) {
				switch {
				case m.Context().Err() != nil:
					return nil, m.Context().Err()
				case away.Load():
					return nil, policies.As(policies.Unavailable, errors.New("away"))
				}
				handled.Add(1)
				return nil, nil
			}))
			short, end := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer end()
			_, _ = h(delivery(short, "a")) // it may be parked, and acknowledged
			away.Store(false)
			long, end := context.WithTimeout(t.Context(), 10*time.Second)
			defer end()
			if _, err := h(delivery(long, "a")); err != nil {
				t.Errorf("the next delivery: %v", err)
			}
			await(t, "it to be handled", func() bool { return handled.Load() == 1 })
		})
	}
}
