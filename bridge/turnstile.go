package bridge

import (
	"context"
	"sync"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
)

// turnstile lets a source's carriers into the route one after another, as they
// were handed out: the router starts a goroutine for each, and these overtake one
// another. It is in the way only where arrival is the order.
type turnstile struct {
	message.Subscriber

	mu      sync.Mutex
	handed  uint64                      // how many carriers the source has handed out
	numbers map[*message.Message]uint64 // of those that have not passed
	turn    uint64
	moved   *sync.Cond // turn has
}

// newTurnstile puts one behind a source, or nothing.
func newTurnstile(source broker.Source, ordered bool) *turnstile {
	t := &turnstile{Subscriber: source}
	t.moved = sync.NewCond(&t.mu)
	if ordered {
		t.numbers = map[*message.Message]uint64{}
	}
	return t
}

// Subscribe numbers what the source hands out.
func (t *turnstile) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	in, err := t.Subscriber.Subscribe(ctx, topic)
	if err != nil || t.numbers == nil {
		return in, err
	}
	out := make(chan *message.Message)
	go func() {
		defer close(out)
		for m := range in {
			t.number(m)
			out <- m // the router reads until it is closed
		}
	}()
	return out, nil
}

func (t *turnstile) number(m *message.Message) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.numbers[m] = t.handed
	t.handed++
}

// pass waits until it is a carrier's turn. What it returns gives the turn to the
// next one, and is to be called whatever happens.
func (t *turnstile) pass(m *message.Message) (next func()) {
	if t.numbers == nil {
		return func() {}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	number := t.numbers[m]
	for t.turn != number {
		t.moved.Wait()
	}
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.numbers, m)
		t.turn++
		t.moved.Broadcast()
	}
}
