package e2e

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

const (
	batch       = 200 // messages published together
	feedTimeout = 3 * time.Minute
)

// Feed publishes messages at a rate, with confirms, and writes down each before
// it is sent. It survives the broker: what was not confirmed is sent again.
type Feed struct {
	t      testing.TB
	url    string
	queues []string
	rate   int
	ch     *amqp.Channel
	conn   *amqp.Connection

	sent  atomic.Int64
	entry []journal.Entry
	done  chan error
}

// StartFeed begins to publish, to the queues in turn. A rate of 0 is as fast as
// it goes.
func StartFeed(t testing.TB, queues []string, msgs iter.Seq[journal.Message], rate int) *Feed {
	t.Helper()
	f := &Feed{t: t, url: rig.AMQP(t), queues: queues, rate: rate, done: make(chan error, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { f.done <- f.run(ctx, msgs) }()
	t.Cleanup(func() {
		cancel()
		f.done <- <-f.done // ended, and still there for End
		f.hangUp()
	})
	return f
}

// Publish sends all messages to a queue and returns their journal.
func Publish(t testing.TB, queue string, msgs iter.Seq[journal.Message]) []journal.Entry {
	t.Helper()
	return StartFeed(t, []string{queue}, msgs, 0).End()
}

// End waits until all is confirmed and returns the journal.
func (f *Feed) End() []journal.Entry {
	f.t.Helper()
	select {
	case err := <-f.done:
		f.done <- err
		if err != nil {
			f.t.Fatalf("publish: %v", err)
		}
	case <-time.After(feedTimeout):
		f.t.Fatalf("publishing did not end within %v", feedTimeout)
	}
	return f.entry
}

// Sent is how many were confirmed so far, copies included.
func (f *Feed) Sent() int { return int(f.sent.Load()) }

func (f *Feed) run(ctx context.Context, msgs iter.Seq[journal.Message]) error {
	began := time.Now()
	next := make([]journal.Message, 0, batch)
	for m := range msgs {
		if next = append(next, m); len(next) < cap(next) {
			continue
		}
		if err := f.send(ctx, next, began); err != nil {
			return err
		}
		next = next[:0]
	}
	return f.send(ctx, next, began)
}

// send writes a batch down and publishes it until all of it is confirmed.
func (f *Feed) send(ctx context.Context, msgs []journal.Message, began time.Time) error {
	for _, m := range msgs {
		f.entry = append(f.entry, m.Entry())
	}
	for {
		err := f.try(ctx, msgs)
		if err == nil {
			break
		}
		f.hangUp()
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	sent := f.sent.Add(int64(len(msgs)))
	if f.rate == 0 {
		return ctx.Err()
	}
	return pause(ctx, time.Until(began.Add(time.Duration(sent)*time.Second/time.Duration(f.rate))))
}

func (f *Feed) try(ctx context.Context, msgs []journal.Message) error {
	if err := f.connect(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	confirms := make([]*amqp.DeferredConfirmation, len(msgs))
	for i, m := range msgs {
		queue := f.queues[m.Rev%int64(len(f.queues))]
		c, err := f.ch.PublishWithDeferredConfirmWithContext(ctx, "", queue, true, false, publishing(m))
		if err != nil {
			return err
		}
		confirms[i] = c
	}
	for _, c := range confirms {
		if ok, err := c.WaitContext(ctx); err != nil || !ok {
			return errors.Join(err, errors.New("not confirmed"))
		}
	}
	return nil
}

// publishing is a message as AMQP has it; its revision is an integer.
func publishing(m journal.Message) amqp.Publishing {
	headers := amqp.Table{"key": m.Key, "revision": m.Rev}
	for name, v := range m.Headers {
		headers[name] = v
	}
	return amqp.Publishing{MessageId: m.ID, DeliveryMode: amqp.Persistent, Headers: headers, Body: m.Body}
}

func (f *Feed) connect() (err error) {
	if f.conn != nil {
		return nil
	}
	if f.conn, err = amqp.Dial(f.url); err != nil {
		f.conn = nil
		return err
	}
	if f.ch, err = f.conn.Channel(); err != nil {
		return err
	}
	return f.ch.Confirm(false)
}

func (f *Feed) hangUp() {
	if f.conn != nil {
		_ = f.conn.CloseDeadline(time.Now().Add(time.Second))
		f.conn = nil
	}
}

// pause waits; a context that ends is an error.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(max(d, 0))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
