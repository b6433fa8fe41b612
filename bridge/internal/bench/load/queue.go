package load

import (
	"context"
	"errors"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

var errClosed = errors.New("the connection was closed")

// Queue is a queue of RabbitMQ that exists.
type Queue struct{ URL, Name string }

type queueSender struct {
	name string
	conn *amqp.Connection
	ch   *amqp.Channel
}

// Sender opens a connection to send.
func (q Queue) Sender(context.Context) (Sender, error) {
	conn, ch, err := q.open()
	return &queueSender{q.Name, conn, ch}, err
}

func (q Queue) open() (*amqp.Connection, *amqp.Channel, error) {
	conn, err := amqp.Dial(q.URL)
	if err != nil {
		return nil, nil, fmt.Errorf("dial RabbitMQ: %w", err)
	}
	ch, err := conn.Channel()
	if err != nil {
		_ = conn.Close()
		return nil, nil, fmt.Errorf("open a channel: %w", err)
	}
	return conn, ch, nil
}

func (s *queueSender) Send(ctx context.Context, m Message, due time.Time) error {
	p := m.Publishing()
	stamp(p.Body, due)
	if err := s.ch.PublishWithContext(ctx, "", s.name, false, false, p); err != nil {
		return fmt.Errorf("send to queue %q: %w", s.name, err)
	}
	return nil
}

// Close closes the channel first: RabbitMQ answers that when it has done what
// came before.
func (s *queueSender) Close() error { return errors.Join(s.ch.Close(), s.conn.Close()) }

// Receive takes messages until ctx ends.
func (q Queue) Receive(ctx context.Context, each func(Arrival)) error {
	conn, ch, err := q.open()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	deliveries, err := ch.Consume(q.Name, "", true, true, false, false, nil)
	if err != nil {
		return fmt.Errorf("receive from queue %q: %w", q.Name, err)
	}
	for {
		select {
		case d, ok := <-deliveries:
			if !ok {
				return fmt.Errorf("receive from queue %q: %w", q.Name, errClosed)
			}
			each(arrival(d.Body, time.Now()))
		case <-ctx.Done():
			return nil
		}
	}
}
