package rawloop

import (
	"context"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	prefetch = 2000
	ackEvery = time.Millisecond
)

// Queue is a queue of RabbitMQ that exists.
type Queue struct{ URL, Name string }

type queueSource struct {
	*progress

	conn       *amqp.Connection
	ch         *amqp.Channel
	deliveries <-chan amqp.Delivery
}

func (q Queue) source(context.Context) (source, error) {
	conn, err := amqp.Dial(q.URL)
	if err != nil {
		return nil, fmt.Errorf("dial RabbitMQ: %w", err)
	}
	s := &queueSource{progress: newProgress(), conn: conn}
	s.begin(0, 1) // a fresh channel counts its deliveries from 1
	if err := s.consume(q.Name); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("consume queue %q: %w", q.Name, err)
	}
	return s, nil
}

func (s *queueSource) consume(queue string) (err error) {
	if s.ch, err = s.conn.Channel(); err != nil {
		return err
	}
	if err = s.ch.Qos(prefetch, 0, false); err != nil {
		return err
	}
	s.deliveries, err = s.ch.Consume(queue, "", false, false, false, false, nil)
	return err
}

func (s *queueSource) linger() time.Duration { return 5 * time.Millisecond }

func (s *queueSource) read(ctx context.Context, n int, take func(message) error) error {
	for range n {
		select {
		case d, ok := <-s.deliveries:
			if !ok {
				return errClosed
			}
			if err := take(ofDelivery(d)); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func ofDelivery(d amqp.Delivery) message {
	m := message{place: place{offset: int64(d.DeliveryTag)}, body: d.Body}
	m.headers = make([]kgo.RecordHeader, 0, len(d.Headers)+1)
	for name, value := range d.Headers {
		text, ok := value.(string)
		switch {
		case !ok: // the yardstick moves texts
		case name == KeyHeader:
			m.key = []byte(text)
		default:
			m.headers = append(m.headers, kgo.RecordHeader{Key: name, Value: []byte(text)})
		}
	}
	if d.MessageId != "" {
		m.headers = append(m.headers, kgo.RecordHeader{Key: IDHeader, Value: []byte(d.MessageId)})
	}
	return m
}

func (s *queueSource) acknowledge(ctx context.Context, n int) error {
	return s.follow(ctx, n, ackEvery, func(ends map[int32]int64) error {
		return s.ch.Ack(uint64(ends[0]-1), true)
	})
}

func (s *queueSource) close() { _ = s.conn.Close() }
