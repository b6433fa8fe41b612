package bridgetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering"
)

// ErrClosed is what Subscribe returns after Close or Restart.
var ErrClosed = errors.New("bridgetest: the source is closed")

// Options say what a [Source] hands out, and how badly. The zero value hands out
// Stream(10, 100), each message once and in order.
type Options struct {
	// Messages are copied. Nil: Stream(10, 100).
	Messages []*message.Message
	// Seed decides on order and duplicates. 0: one is drawn; failures name it.
	Seed uint64
	// Shuffle is how many places a message may move at most. Default 0: none.
	Shuffle int
	// Duplicates is which part of the messages, from 0 to 1, is sent twice. The copy
	// has the same id, and is shuffled like the others. Default 0: none.
	Duplicates float64
	// Drop says what is not handed out until [Source.SendDropped]. It is asked once
	// per message. Nil: nothing.
	Drop func(*message.Message) bool
	// Poison says which messages are marked for [Poisoned]. It is asked once per
	// message. Nil: none.
	Poison func(*message.Message) bool
	// Window is how many messages a subscription hands out unacknowledged. 1 is
	// what Watermill's stock subscribers do. Default 1000.
	Window int
	// Identify reads key and revision, as in ordering.Config. What it refuses is
	// handed out and not checked. Nil: the metadata [HeaderKey] and [HeaderRevision].
	Identify func(*message.Message) (ordering.ID, error)
}

// filled is the options with their defaults.
func (o Options) filled() Options {
	if o.Messages == nil {
		o.Messages = Stream(10, 100)
	}
	if o.Seed == 0 {
		o.Seed = 1 + rand.Uint64N(1_000_000) // short, to be typed
	}
	if o.Window <= 0 {
		o.Window = 1000
	}
	if o.Identify == nil {
		o.Identify = byHeaders
	}
	return o
}

// Source is a Watermill subscriber on messages that come badly. Its methods may
// be called from several goroutines.
type Source struct {
	line *line

	mu     sync.Mutex
	closed bool
	ends   []context.CancelFunc // of the subscriptions
	wg     sync.WaitGroup
}

// NewSource returns a Source. It has goroutines only while it is subscribed to.
func NewSource(opts Options) *Source { return &Source{line: newLine(opts.filled())} }

// Seed is what makes the same order again, in Options.Seed.
func (s *Source) Seed() uint64 { return s.line.opts.Seed }

// Subscribe hands messages out until ctx ends or the Source is closed. The topic
// is not looked at: several subscriptions share the messages. A message that is
// nacked comes again after a few milliseconds, within which it counts in the
// window. A message's context ends when it is acknowledged or nacked, or with the
// subscription. The error is ErrClosed.
func (s *Source) Subscribe(ctx context.Context, _ string) (<-chan *message.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	ctx, end := context.WithCancel(ctx)
	s.ends = append(s.ends, end)
	sub := newSubscription(s.line)
	s.wg.Go(func() {
		defer end()
		sub.run(ctx)
	})
	return sub.out, nil
}

// Close ends all subscriptions and waits for them, not for handlers. It may be
// called twice and returns nil.
func (s *Source) Close() error {
	s.mu.Lock()
	s.closed = true
	for _, end := range s.ends {
		end()
	}
	s.mu.Unlock()
	s.wg.Wait()
	return nil
}

// Restart ends all subscriptions as a crash of the service does, and returns the
// Source for the service that is started next. What was not acknowledged comes
// again there; an acknowledgement that comes later changes nothing. What is known
// of the messages is shared, so that a [Target] of the one is one of the other.
func (s *Source) Restart() *Source {
	_ = s.Close()
	return &Source{line: s.line}
}

// SendDropped hands the dropped messages out, before all others that wait. It
// returns how many deliveries that are; called again, none.
func (s *Source) SendDropped() int { return s.line.sendDropped() }

// AwaitAcks waits until everything is acknowledged but what is dropped. A service
// that parks acknowledges more than it has delivered: see [Target.Await]. The
// error says how many are left and wraps why ctx ended.
func (s *Source) AwaitAcks(ctx context.Context) error {
	for {
		left, changed := s.line.open()
		if left == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("bridgetest: seed %d: %d deliveries are not acknowledged: %w", s.Seed(), left, context.Cause(ctx))
		}
	}
}

var _ message.Subscriber = (*Source)(nil)
