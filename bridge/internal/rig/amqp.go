package rig

import (
	"context"
	"errors"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// publishWindow bounds the unconfirmed publishings of Publish: without a bound
// the client's own buffers would grow with the batch.
const publishWindow = 2000

// Channel opens a channel on a connection of its own; both end with the test.
func Channel(t testing.TB) *amqp.Channel {
	t.Helper()
	conn, err := amqp.Dial(AMQP(t))
	if err != nil {
		t.Fatalf("dial RabbitMQ: %v", err)
	}
	t.Cleanup(func() {
		// A fault test may have killed the broker under this connection.
		if err := conn.Close(); err != nil && !errors.Is(err, amqp.ErrClosed) {
			t.Logf("close the connection: %v", err)
		}
	})
	ch, err := conn.Channel()
	if err != nil {
		t.Fatalf("open a channel: %v", err)
	}
	return ch
}

// Queue declares a durable classic queue with a name of its own.
func Queue(t testing.TB) string {
	t.Helper()
	return QueueWith(t, nil)
}

// QueueWith is Queue with arguments, such as x-queue-type.
func QueueWith(t testing.TB, args amqp.Table) string {
	t.Helper()
	name := Name(t)
	if _, err := Channel(t).QueueDeclare(name, true, false, false, false, args); err != nil {
		t.Fatalf("declare queue %q: %v", name, err)
	}
	t.Cleanup(func() { deleteQueue(t, name) })
	return name
}

// deleteQueue takes a connection of its own: the test's may be gone by now.
func deleteQueue(t testing.TB, name string) {
	conn, err := amqp.Dial(AMQP(t))
	if err != nil {
		t.Errorf("delete queue %q: %v", name, err)
		return
	}
	defer func() { _ = conn.Close() }()
	ch, err := conn.Channel()
	if err == nil {
		_, err = ch.QueueDelete(name, false, false, false)
	}
	if err != nil {
		t.Errorf("delete queue %q: %v", name, err)
	}
}

// Publish sends messages to a queue and returns when all are confirmed.
func Publish(t testing.TB, queue string, msgs ...amqp.Publishing) {
	t.Helper()
	PublishTo(t, "", queue, msgs...)
}

// PublishTo is Publish to an exchange. A message that is nacked, or that no
// queue takes, fails the test.
func PublishTo(t testing.TB, exchange, key string, msgs ...amqp.Publishing) {
	t.Helper()
	ch := Channel(t)
	if err := ch.Confirm(false); err != nil {
		t.Fatalf("select confirms: %v", err)
	}
	returned := ch.NotifyReturn(make(chan amqp.Return, len(msgs)))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	waiting := make([]*amqp.DeferredConfirmation, 0, len(msgs))
	for i, msg := range msgs {
		confirm, err := ch.PublishWithDeferredConfirmWithContext(ctx, exchange, key, true, false, msg)
		if err != nil {
			t.Fatalf("publish message %d of %d to %q: %v", i, len(msgs), key, err)
		}
		waiting = append(waiting, confirm)
		if i >= publishWindow {
			confirmed(ctx, t, waiting[i-publishWindow])
		}
	}
	for _, confirm := range waiting[max(0, len(waiting)-publishWindow):] {
		confirmed(ctx, t, confirm)
	}
	if len(returned) > 0 {
		r := <-returned
		t.Fatalf("publish to %q: %d %s", key, r.ReplyCode, r.ReplyText)
	}
}

func confirmed(ctx context.Context, t testing.TB, confirm *amqp.DeferredConfirmation) {
	t.Helper()
	if ok, err := confirm.WaitContext(ctx); err != nil || !ok {
		t.Fatalf("delivery %d was not confirmed: ok=%v, %v", confirm.DeliveryTag, ok, err)
	}
}

// Take takes so many messages out of a queue, in its order, and waits for those that
// are not there yet.
func Take(t testing.TB, queue string, n int, within time.Duration) []amqp.Delivery {
	t.Helper()
	ch := Channel(t)
	in, err := ch.Consume(queue, "", true, false, false, false, nil)
	if err != nil {
		t.Fatalf("read queue %q: %v", queue, err)
	}
	all := make([]amqp.Delivery, 0, n)
	deadline := time.After(within)
	for len(all) < n {
		select {
		case d, ok := <-in:
			if !ok {
				t.Fatalf("read queue %q: it ended after %d of %d", queue, len(all), n)
			}
			all = append(all, d)
		case <-deadline:
			t.Fatalf("read queue %q: %d of %d came", queue, len(all), n)
		}
	}
	if err := ch.Close(); err != nil {
		t.Fatalf("read queue %q: %v", queue, err)
	}
	return all
}

// Depth is the number of messages that are ready in a queue.
func Depth(t testing.TB, queue string) int {
	t.Helper()
	q, err := Channel(t).QueueDeclarePassive(queue, true, false, false, false, nil)
	if err != nil {
		t.Fatalf("inspect queue %q: %v", queue, err)
	}
	return q.Messages
}
