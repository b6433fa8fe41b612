package amqp

import (
	"errors"
	"fmt"
	"log/slog"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/internal/pace"
	"github.com/brokerbridge/bridge/bridge/config"
)

// The kinds of entity.
const (
	kindQueue    = "queue"
	kindExchange = "exchange"
)

// entity is a queue or an exchange that a route names.
type entity struct {
	kind, name string
	end        string // of the route: from or to
	declare    config.Declare
	log        *slog.Logger
	named      bool // by each message: there is none to look for
}

// verify makes sure that it is there. It creates it only if told to, and only
// if it is missing: what is there already is left as it is.
func (e *entity) verify(l *link) error {
	if e.named {
		return nil
	}
	_, err := e.inspect(l)
	if err == nil || !isCode(err, amqp.NotFound) {
		return err
	}
	if !e.declare.On {
		return pace.Later(e.missing())
	}
	return e.create(l)
}

func (e *entity) missing() error {
	return fmt.Errorf(`%s %q %w; create it, or add "declare: true" to the route's %q`, e.kind, e.name, broker.ErrMissing, e.end)
}

// inspect looks whether it is there, and returns what RabbitMQ says of a queue.
func (e *entity) inspect(l *link) (q amqp.Queue, err error) {
	err = e.ask(l, "inspect", func(ch *amqp.Channel) error {
		if e.kind == kindExchange {
			return ch.ExchangeDeclarePassive(e.name, amqp.ExchangeTopic, true, false, false, false, nil)
		}
		q, err = ch.QueueDeclarePassive(e.name, true, false, false, false, nil)
		return err
	})
	return q, err
}

// create creates it, durable; a queue as quorum and an exchange as topic unless
// told otherwise.
func (e *entity) create(l *link) error {
	err := e.ask(l, "declare", func(ch *amqp.Channel) error {
		if e.kind == kindExchange {
			return ch.ExchangeDeclare(e.name, e.exchangeType(), true, false, false, false, nil)
		}
		args := amqp.Table{amqp.QueueTypeArg: amqp.QueueTypeQuorum}
		if e.declare.Type == amqp.QueueTypeClassic {
			args = nil
		}
		_, err := ch.QueueDeclare(e.name, true, false, false, false, args)
		return err
	})
	if err == nil {
		e.log.Info("the " + e.kind + " was created")
	}
	return err
}

func (e *entity) exchangeType() string {
	if e.declare.Type != "" {
		return e.declare.Type
	}
	return amqp.ExchangeTopic
}

// ask asks on a channel of its own: a wrong answer costs the channel.
func (e *entity) ask(l *link, verb string, question func(*amqp.Channel) error) error {
	ch, err := l.Channel()
	if err != nil {
		return err
	}
	defer func() { _ = ch.Close() }()
	if err := question(ch); err != nil {
		return e.refused(verb, err)
	}
	return nil
}

// refused is what an operation came to. What RabbitMQ refused will be refused
// again until somebody puts it right; a lost connection will not.
func (e *entity) refused(verb string, err error) error {
	named := fmt.Errorf("%s %s %q: %w", verb, e.kind, e.name, err)
	for _, code := range []int{amqp.AccessRefused, amqp.NotFound, amqp.ResourceLocked, amqp.PreconditionFailed, amqp.NotAllowed, amqp.NotImplemented} {
		if isCode(err, code) {
			return pace.Later(named)
		}
	}
	return named
}

// isCode reports whether RabbitMQ itself answered with this code.
func isCode(err error, code int) bool {
	var e *amqp.Error
	return errors.As(err, &e) && e.Server && e.Code == code
}
