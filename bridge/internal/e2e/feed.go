package e2e

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

const (
	batch       = 200 // messages published together, at most
	batches     = 20  // a second, where a rate is asked for
	feedTimeout = 3 * time.Minute
)

// Feed publishes messages at a rate, with confirms, and writes down each before
// it is sent. It survives the broker: what was not confirmed is sent again.
type Feed struct {
	t      testing.TB
	places []Place
	rate   int
	out    producer

	sent  atomic.Int64
	turn  sync.Mutex // held while a batch is on its way, and while it is paused
	entry []journal.Entry
	done  chan error
}

// producer sends messages and returns when all are confirmed.
type producer interface {
	send(ctx context.Context, msgs []journal.Message, to func(journal.Message) Place) error
	hangUp()
}

// StartFeed begins to publish, to the places in turn, which are all of one kind.
// A rate of 0 is as fast as it goes.
func StartFeed(t testing.TB, places []Place, msgs iter.Seq[journal.Message], rate int) *Feed {
	t.Helper()
	f := &Feed{t: t, places: places, rate: rate, out: &toQueues{url: rig.AMQP(t)}, done: make(chan error, 1)}
	if places[0].IsTopic() {
		f.out = &toTopics{brokers: rig.Kafka(t)}
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { f.done <- f.run(ctx, msgs) }()
	t.Cleanup(func() {
		cancel()
		f.done <- <-f.done // ended, and still there for End
		f.out.hangUp()
	})
	return f
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

// Pause waits until what is on its way is confirmed, and sends nothing more until
// [Feed.Resume].
func (f *Feed) Pause() { f.turn.Lock() }

// Resume ends a pause.
func (f *Feed) Resume() { f.turn.Unlock() }

func (f *Feed) run(ctx context.Context, msgs iter.Seq[journal.Message]) error {
	began := time.Now()
	next := make([]journal.Message, 0, f.together())
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

// together is how many messages are published at once.
func (f *Feed) together() int {
	if f.rate == 0 {
		return batch
	}
	return min(max(f.rate/batches, 1), batch)
}

// send writes a batch down and publishes it until all of it is confirmed.
func (f *Feed) send(ctx context.Context, msgs []journal.Message, began time.Time) error {
	for _, m := range msgs {
		f.entry = append(f.entry, m.Entry())
	}
	if err := f.confirmed(ctx, msgs); err != nil {
		return err
	}
	sent := f.sent.Add(int64(len(msgs)))
	if f.rate == 0 {
		return ctx.Err()
	}
	return pause(ctx, time.Until(began.Add(time.Duration(sent)*time.Second/time.Duration(f.rate))))
}

// confirmed sends a batch as often as it takes.
func (f *Feed) confirmed(ctx context.Context, msgs []journal.Message) error {
	f.turn.Lock()
	defer f.turn.Unlock()
	for {
		if f.out.send(ctx, msgs, f.place) == nil {
			return nil
		}
		f.out.hangUp()
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// place is where a message goes.
func (f *Feed) place(m journal.Message) Place { return f.places[m.Rev%int64(len(f.places))] }

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
