package rawloop

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// KeyHeader is the AMQP header that is the key of a record in Kafka, and
// IDHeader the Kafka header that is the message-id in RabbitMQ.
const (
	KeyHeader = "key"
	IDHeader  = "message-id"
)

// errClosed says that a broker ended the loop before all messages were through.
var errClosed = errors.New("the connection was closed")

// End is where a loop reads or writes: a [Queue] or a [Topic].
type End interface {
	source(ctx context.Context) (source, error)
	// target opens the end for writing. It tells done of each message that it has,
	// or why it has not, from any goroutine. Linger is how long it may wait for
	// more to send at once.
	target(ctx context.Context, linger time.Duration, done func(place, error)) (target, error)
}

// source hands over messages and acknowledges them.
type source interface {
	// linger is how long it is worth waiting for the next messages.
	linger() time.Duration
	// read hands over n messages, in the order in which they come.
	read(ctx context.Context, n int, take func(message) error) error
	// finish notes that the target has a message.
	finish(place)
	// acknowledge acknowledges what is finished, as far as nothing before it is
	// open, until that are n messages.
	acknowledge(ctx context.Context, n int) error
	close()
}

// target takes messages.
type target interface {
	// send hands over a message and does not wait for its confirm.
	send(ctx context.Context, m message) error
	close()
}

// message is what a loop moves.
type message struct {
	place
	key, body []byte // a nil key is none
	headers   []kgo.RecordHeader
}

// place is where a message was in its source. A queue has one partition, and its
// offsets are delivery tags.
type place struct {
	partition int32
	offset    int64
}

// Result is what one run moved, from the start of the consumer to the last
// acknowledgement.
type Result struct {
	Messages int
	Bytes    int64
	Elapsed  time.Duration
}

// Rate is in messages per second.
func (r Result) Rate() float64 { return float64(r.Messages) / r.Elapsed.Seconds() }

// Run moves n messages and returns when the last one is acknowledged. The first
// error ends it; what was not acknowledged stays in the source.
func Run(ctx context.Context, from, to End, n int) (Result, error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	in, err := from.source(ctx)
	if err != nil {
		return Result{}, fmt.Errorf("open the source: %w", err)
	}
	defer in.close()
	out, err := to.target(ctx, in.linger(), func(p place, err error) {
		if err != nil {
			fail(fmt.Errorf("publish message %d: %w", p.offset, err))
			return
		}
		in.finish(p)
	})
	if err != nil {
		return Result{}, fmt.Errorf("open the target: %w", err)
	}
	defer out.close()
	return move(ctx, fail, in, out, n)
}

func move(ctx context.Context, fail context.CancelCauseFunc, in source, out target, n int) (Result, error) {
	began := time.Now()
	acked := make(chan struct{})
	go func() {
		defer close(acked)
		if err := in.acknowledge(ctx, n); err != nil {
			fail(fmt.Errorf("acknowledge: %w", err))
		}
	}()
	size := int64(0)
	err := in.read(ctx, n, func(m message) error {
		size += int64(len(m.body))
		return out.send(ctx, m)
	})
	if err != nil {
		fail(err)
	}
	<-acked
	if err := context.Cause(ctx); err != nil {
		return Result{}, err
	}
	return Result{Messages: n, Bytes: size, Elapsed: time.Since(began)}, nil
}
