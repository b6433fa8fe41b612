package amqp

import (
	"errors"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker"
)

// verify makes sure that the queue is there. It creates it only if told to,
// and only if it is missing: what is there already is left as it is.
func (s *Source) verify(l *link) error {
	_, err := s.consumers(l)
	if err == nil || !isCode(err, amqp.NotFound) {
		return err
	}
	if !s.from.Declare.On {
		return &setback{fmt.Errorf(`queue %q %w; create it, or add "declare: true" to the route's "from"`,
			s.from.Queue, broker.ErrMissing), lookAgain}
	}
	return s.declare(l)
}

// declare creates the queue, durable, and quorum unless told otherwise.
func (s *Source) declare(l *link) error {
	ch, err := l.Channel()
	if err != nil {
		return err
	}
	defer func() { _ = ch.Close() }()
	args := amqp.Table{amqp.QueueTypeArg: amqp.QueueTypeQuorum}
	if s.from.Declare.Type == amqp.QueueTypeClassic {
		args = nil
	}
	if _, err := ch.QueueDeclare(s.from.Queue, true, false, false, false, args); err != nil {
		return s.refused("declare", err)
	}
	s.log.Info("the queue was created")
	return nil
}

// consumers is how many consumers the queue has, asked on a channel of its own:
// a wrong answer costs the channel.
func (s *Source) consumers(l *link) (int, error) {
	ch, err := l.Channel()
	if err != nil {
		return 0, err
	}
	defer func() { _ = ch.Close() }()
	q, err := ch.QueueDeclarePassive(s.from.Queue, true, false, false, false, nil)
	if err != nil {
		return 0, s.refused("inspect", err)
	}
	return q.Consumers, nil
}

// refused is what an operation on the queue came to. What RabbitMQ refused will
// be refused again until somebody puts it right; a lost connection will not.
func (s *Source) refused(verb string, err error) error {
	named := fmt.Errorf("%s queue %q: %w", verb, s.from.Queue, err)
	for _, code := range []int{amqp.AccessRefused, amqp.NotFound, amqp.ResourceLocked, amqp.PreconditionFailed, amqp.NotAllowed, amqp.NotImplemented} {
		if isCode(err, code) {
			return &setback{named, lookAgain}
		}
	}
	return named
}

// isCode reports whether RabbitMQ itself answered with this code.
func isCode(err error, code int) bool {
	var e *amqp.Error
	return errors.As(err, &e) && e.Server && e.Code == code
}
