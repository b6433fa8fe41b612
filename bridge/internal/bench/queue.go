package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/internal/bench/load"
	"github.com/brokerbridge/bridge/bridge/internal/rawloop"
)

// unconfirmed is how many publishings may be under way while a queue is filled.
const unconfirmed = 2000

// queue is a durable classic queue, the fastest that RabbitMQ has and that
// survives it.
type queue struct {
	name string
	conn *amqp.Connection
	side *amqp.Channel // to count with
}

func (q *queue) called() string { return q.name }
func (q *queue) from() string   { return fmt.Sprintf("broker: shop, queue: %q", q.name) }
func (q *queue) to() string     { return q.from() }
func (q *queue) key() string    { return "header." + rawloop.KeyHeader }

func (q *queue) create(context.Context) error {
	var err error
	if q.side, err = q.conn.Channel(); err != nil {
		return err
	}
	if _, err = q.side.QueueDeclare(q.name, true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare queue %q: %w", q.name, err)
	}
	return nil
}

func (q *queue) drop(context.Context) error {
	if q.side == nil {
		return nil
	}
	_, err := q.side.QueueDelete(q.name, false, false, false)
	return errors.Join(err, q.side.Close())
}

func (q *queue) fill(ctx context.Context, p plan) error {
	ch, err := q.conn.Channel()
	if err != nil {
		return err
	}
	defer func() { _ = ch.Close() }()
	if err = ch.Confirm(false); err != nil {
		return err
	}
	var waiting [unconfirmed]*amqp.DeferredConfirmation
	at, all := 0, p.numbering()
	for i := range p.published() {
		slot := &waiting[at%unconfirmed]
		if err := q.confirmed(ctx, *slot); err != nil {
			return err
		}
		if *slot, err = ch.PublishWithDeferredConfirmWithContext(ctx, "", q.name, true, false, all.message(i).Publishing()); err != nil {
			return fmt.Errorf("fill queue %q: %w", q.name, err)
		}
		at++
	}
	for _, c := range waiting {
		if err := q.confirmed(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// confirmed waits until RabbitMQ has a publishing; nil is none.
func (q *queue) confirmed(ctx context.Context, c *amqp.DeferredConfirmation) error {
	if c == nil {
		return nil
	}
	if ok, err := c.WaitContext(ctx); err != nil || !ok {
		return fmt.Errorf("fill queue %q: confirmed %v, %w", q.name, ok, err)
	}
	return nil
}

func (q *queue) count(context.Context) (int, error) {
	state, err := q.side.QueueDeclarePassive(q.name, true, false, false, false, nil)
	if err != nil {
		return 0, fmt.Errorf("look at queue %q: %w", q.name, err)
	}
	return state.Messages, nil
}

// left is what is in the queue: what was delivered and not acknowledged went
// back when its reader ended.
func (q *queue) left(ctx context.Context) (int, error) { return q.count(ctx) }

func (q *queue) read(ctx context.Context, each func(int, time.Time)) error {
	n, err := q.count(ctx)
	if err != nil {
		return err
	}
	ch, err := q.conn.Channel()
	if err != nil {
		return err
	}
	defer func() { _ = ch.Close() }()
	deliveries, err := ch.ConsumeWithContext(ctx, q.name, "", true, true, false, false, nil)
	if err != nil {
		return fmt.Errorf("read queue %q: %w", q.name, err)
	}
	for i := range n {
		d, ok := <-deliveries
		if !ok {
			return fmt.Errorf("read queue %q: it ended after %d of %d messages: %w", q.name, i, n, ctx.Err())
		}
		each(load.NumberOf(d.Body), time.Time{})
	}
	return nil
}
