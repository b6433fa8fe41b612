package pubsub_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker/memory"
	"github.com/brokerbridge/bridge/bridge/broker/pubsub"
	"github.com/brokerbridge/bridge/bridge/config"
)

func inMemory(t *testing.T, window int, opts pubsub.Options) (*memory.Broker, *pubsub.Publisher, *pubsub.Subscriber) {
	t.Helper()
	b := memory.New("memory", nil)
	pub := pubsub.NewPublisher(b, func(topic string) config.To {
		return config.To{Queue: topic, Declare: config.Declare{On: true}}
	}, opts)
	sub := pubsub.NewSubscriber(b, func(topic string) config.From {
		return config.From{Queue: topic, Window: window, Declare: config.Declare{On: true}}
	}, opts)
	t.Cleanup(func() {
		for _, c := range []func() error{pub.Close, sub.Close, b.Close} {
			if err := c(); err != nil {
				t.Error(err)
			}
		}
	})
	return b, pub, sub
}

func publish(t *testing.T, pub *pubsub.Publisher, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := pub.Publish("orders", message.NewMessage(id, []byte(id))); err != nil {
			t.Fatal(err)
		}
	}
}

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

// A message that waits does not block the one behind it, and a nacked one comes
// again, after a pause, while others go on.
func TestI5_NackComesAgainPaced(t *testing.T) {
	const pause = 50 * time.Millisecond
	_, pub, sub := inMemory(t, 10, pubsub.Options{Pause: pause})
	publish(t, pub, "a", "b", "c")
	msgs, err := sub.Subscribe(t.Context(), "orders")
	if err != nil {
		t.Fatal(err)
	}
	a, b := next(t, msgs), next(t, msgs)
	for range 3 {
		began := time.Now()
		a.Nack()
		if c := next(t, msgs); c.UUID == "c" {
			c.Ack()
			a = next(t, msgs)
		} else {
			a = c
		}
		if a.UUID != "a" || string(a.Payload) != "a" {
			t.Fatalf("%q came again with %q, want a", a.UUID, a.Payload)
		}
		if took := time.Since(began); took < pause/4 {
			t.Errorf("it came again after %v, the pause is %v", took, pause)
		}
	}
	a.Ack()
	b.Ack()
	<-b.Context().Done()
}

// What was not acknowledged when a subscription ends comes to the next one; what
// was does not.
func TestUnackedComeToTheNext(t *testing.T) {
	_, pub, sub := inMemory(t, 10, pubsub.Options{})
	publish(t, pub, "a", "b", "c")
	ctx, cancel := context.WithCancel(t.Context())
	msgs, err := sub.Subscribe(ctx, "orders")
	if err != nil {
		t.Fatal(err)
	}
	first, second := next(t, msgs), next(t, msgs)
	second.Ack()
	<-second.Context().Done()
	cancel()
	<-first.Context().Done()
	for range msgs { // until it is closed
	}
	first.Ack() // too late
	again, err := sub.Subscribe(t.Context(), "orders")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a", "c"} {
		m := next(t, again)
		if m.UUID != want {
			t.Errorf("%q came, want %q", m.UUID, want)
		}
		m.Ack()
	}
}

func TestClosed(t *testing.T) {
	_, pub, sub := inMemory(t, 1, pubsub.Options{})
	publish(t, pub, "a")
	msgs, err := sub.Subscribe(t.Context(), "orders")
	if err != nil {
		t.Fatal(err)
	}
	next(t, msgs)
	for range 2 {
		if err := errors.Join(sub.Close(), pub.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := <-msgs; ok {
		t.Error("a message came from a closed subscriber")
	}
	if _, err := sub.Subscribe(t.Context(), "orders"); !errors.Is(err, pubsub.ErrClosed) {
		t.Errorf("Subscribe: %v", err)
	}
	if err := pub.Publish("orders", message.NewMessage("b", nil)); !errors.Is(err, pubsub.ErrClosed) {
		t.Errorf("Publish: %v", err)
	}
}
