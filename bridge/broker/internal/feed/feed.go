// Package feed is the life of a source's loop: begun once by Subscribe, ended by
// the subscription's context or by Close.
package feed

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/ThreeDotsLabs/watermill/message"
)

var errTwice = errors.New("a source is subscribed to once")

// Feed runs one loop and owns the channel that it fills. Use [New].
type Feed struct {
	// Out is what Subscribe returned; closed when the loop has ended.
	Out chan *message.Message
	// Woken has an element when something that the loop looks at has changed.
	Woken chan struct{}

	taken   atomic.Bool // by a subscriber, or by the end
	stopped context.Context
	stop    context.CancelFunc
	done    chan struct{} // the loop has returned
}

// New returns a feed that waits for its subscriber.
func New() *Feed {
	f := &Feed{Out: make(chan *message.Message), Woken: make(chan struct{}, 1), done: make(chan struct{})}
	f.stopped, f.stop = context.WithCancel(context.Background())
	return f
}

// Subscribe starts loop, once; its context ends with ctx or with [Feed.Stop].
func (f *Feed) Subscribe(ctx context.Context, loop func(context.Context)) (<-chan *message.Message, error) {
	if !f.taken.CompareAndSwap(false, true) {
		return nil, errTwice
	}
	ctx, cancel := context.WithCancel(ctx)
	release := context.AfterFunc(f.stopped, cancel)
	go func() {
		defer close(f.done)
		defer close(f.Out)
		defer cancel()
		defer release()
		loop(ctx)
	}()
	return f.Out, nil
}

// Wake has the loop look again.
func (f *Feed) Wake() {
	select {
	case f.Woken <- struct{}{}:
	default: // somebody said so already
	}
}

// Stop ends the loop's context, and keeps a loop that has not begun from it.
func (f *Feed) Stop() { f.stop() }

// Wait returns when the loop has; after [Feed.Stop].
func (f *Feed) Wait() {
	if f.taken.Swap(true) {
		<-f.done
	}
}
