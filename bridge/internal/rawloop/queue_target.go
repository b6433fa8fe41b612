package rawloop

import (
	"context"
	"errors"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// unconfirmed is how many messages may be on their way to RabbitMQ.
const unconfirmed = 2000

var errNacked = errors.New("RabbitMQ nacked it")

type queueTarget struct {
	queue string
	conn  *amqp.Connection
	ch    *amqp.Channel
	// waiting are the places of what is not confirmed. The client hands over
	// confirms in the order of the publishings, whatever order they came in.
	waiting chan place
}

func (q Queue) target(_ context.Context, _ time.Duration, done func(place, error)) (target, error) {
	conn, err := amqp.DialConfig(q.URL, amqp.Config{Dial: dialGathering})
	if err != nil {
		return nil, fmt.Errorf("dial RabbitMQ: %w", err)
	}
	t := &queueTarget{queue: q.Name, conn: conn, waiting: make(chan place, unconfirmed)}
	if err := t.open(done); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("publish to queue %q: %w", q.Name, err)
	}
	return t, nil
}

func (t *queueTarget) open(done func(place, error)) (err error) {
	if t.ch, err = t.conn.Channel(); err != nil {
		return err
	}
	if err = t.ch.Confirm(false); err != nil {
		return err
	}
	// With room for all: the client reads nothing while it hands over.
	confirms := t.ch.NotifyPublish(make(chan amqp.Confirmation, unconfirmed+1))
	returns := t.ch.NotifyReturn(make(chan amqp.Return, unconfirmed+1))
	go t.confirm(confirms, returns, done)
	return nil
}

// confirm tells of each message until the channel ends.
func (t *queueTarget) confirm(confirms <-chan amqp.Confirmation, returns <-chan amqp.Return, done func(place, error)) {
	for c := range confirms {
		var err error
		if !c.Ack {
			err = errNacked
		}
		select {
		case r, ok := <-returns: // comes before its confirm
			if ok {
				err = fmt.Errorf("RabbitMQ returned it: %d %s", r.ReplyCode, r.ReplyText)
			}
		default:
		}
		done(<-t.waiting, err)
	}
	if len(t.waiting) > 0 {
		done(<-t.waiting, errClosed)
	}
}

func (t *queueTarget) send(ctx context.Context, m message) error {
	select {
	case t.waiting <- m.place:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	p := amqp.Publishing{DeliveryMode: amqp.Persistent, Body: m.body, Headers: make(amqp.Table, len(m.headers)+1)}
	if m.key != nil {
		p.Headers[KeyHeader] = string(m.key)
	}
	for _, h := range m.headers {
		if h.Key == IDHeader {
			p.MessageId = string(h.Value)
		} else {
			p.Headers[h.Key] = string(h.Value)
		}
	}
	_, err := t.ch.PublishWithDeferredConfirm("", t.queue, true, false, p)
	return err
}

func (t *queueTarget) close() { _ = t.conn.Close() }
