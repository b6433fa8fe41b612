package load

import (
	"context"
	"time"
)

// closeTimeout is for what is under way when a sender is closed.
const closeTimeout = time.Minute

// End is a [Queue] or a [Topic].
type End interface {
	Sender(ctx context.Context) (Sender, error)
	// Receive hands over all that is there and comes, until ctx ends.
	Receive(ctx context.Context, each func(Arrival)) error
}

// Sender sends messages, from one goroutine.
type Sender interface {
	// Send stamps a message with the moment when it was due, and does not wait
	// until the broker has it.
	Send(ctx context.Context, m Message, due time.Time) error
	// Close returns when the broker has all that was sent.
	Close() error
}
