package stock

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/internal/pace"
	"github.com/brokerbridge/bridge/bridge/config"
)

// queue is a queue that a route names, and a connection of our own to ask for it:
// the stock client answers no questions, and neither declares passively.
type queue struct {
	rabbit
	queue   string
	end     string // of the route: from or to
	asker   string // the name of the connection
	declare config.Declare
	log     *slog.Logger

	mu      sync.Mutex
	sockets *sockets
	conn    *amqp.Connection
	ch      *amqp.Channel
	closed  bool
}

func (q *queue) name() string { return "amqp queue " + q.queue }

// verify makes sure that the queue is there. It creates it only if told to, and
// only if it is missing.
func (q *queue) verify(ctx context.Context) (amqp.Queue, error) {
	state, err := q.inspect(ctx, q.queue)
	if !isCode(err, amqp.NotFound) {
		return state, later(err)
	}
	if !q.declare.On {
		return state, pace.Later(q.missing(q.queue))
	}
	args := amqp.Table{amqp.QueueTypeArg: amqp.QueueTypeQuorum}
	if q.declare.Type == amqp.QueueTypeClassic {
		args = nil
	}
	err = q.ask(ctx, func(ch *amqp.Channel) (err error) {
		state, err = ch.QueueDeclare(q.queue, true, false, false, false, args)
		return err
	})
	if err != nil {
		return state, later(fmt.Errorf("declare queue %q: %w", q.queue, err))
	}
	q.log.Info("the queue was created", "queue", q.queue)
	return state, nil
}

func (q *queue) missing(name string) error {
	return fmt.Errorf(`queue %q %w; create it, or add "declare: true" to the route's %q`, name, broker.ErrMissing, q.end)
}

// inspect returns what RabbitMQ says of a queue.
func (q *queue) inspect(ctx context.Context, name string) (state amqp.Queue, err error) {
	err = q.ask(ctx, func(ch *amqp.Channel) (err error) {
		state, err = ch.QueueDeclarePassive(name, true, false, false, false, nil)
		return err
	})
	if err != nil {
		err = fmt.Errorf("inspect queue %q: %w", name, err)
	}
	return state, err
}

// ask asks on a channel that is kept for the next question, unless the answer
// has ended it.
func (q *queue) ask(ctx context.Context, question func(*amqp.Channel) error) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.connected(ctx); err != nil {
		return err
	}
	err := question(q.ch)
	if err != nil {
		q.ch = nil // an answer that is an error ends its channel
	}
	return err
}

func (q *queue) connected(ctx context.Context) (err error) {
	if q.closed {
		return errCut
	}
	if q.conn == nil || q.conn.IsClosed() {
		q.ch, q.conn, q.sockets = nil, nil, newSockets()
		if q.conn, err = q.connect(ctx, q.asker, q.sockets); err != nil {
			q.conn = nil
			return err
		}
	}
	if q.ch == nil || q.ch.IsClosed() {
		q.ch, err = q.conn.Channel()
	}
	return err
}

// close ends the connection for questions.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	if q.conn != nil {
		defer q.sockets.cutAfter(endTimeout)()
		_ = q.conn.Close()
	}
}

// isCode reports whether RabbitMQ itself answered with one of these codes.
func isCode(err error, codes ...int) bool {
	var e *amqp.Error
	if !errors.As(err, &e) || !e.Server {
		return false
	}
	for _, code := range codes {
		if e.Code == code {
			return true
		}
	}
	return false
}

// refused reports whether an error will be the same until an operator puts it
// right; a lost connection will not.
func refused(err error) bool {
	return isCode(err, amqp.AccessRefused, amqp.NotFound, amqp.ResourceLocked, amqp.PreconditionFailed,
		amqp.NotAllowed, amqp.NotImplemented)
}

// later has what was refused wait for an operator.
func later(err error) error {
	if refused(err) {
		return pace.Later(err)
	}
	return err
}
