package amqp

import (
	"errors"
	"fmt"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/policies"
)

var (
	errClosed     = errors.New("the target was closed")
	errUnwritable = errors.New("a header is nothing that AMQP can hold")
	errNacked     = errors.New("RabbitMQ refused the message: a queue is full, or its leader is away")
	// errStray ends a channel: with it goes what is on its way, and it is tried
	// singly, where nothing can be mistaken.
	errStray = errors.New("RabbitMQ returned a message that is not on its way")
)

// cameBack is the outcome of a message that no queue took. Outage is not poison:
// only a routing key of the message's own is the message's fault.
func (t *Target) cameBack(p *parcel) error {
	switch {
	case p.chosen && p.exchange == "":
		return policies.Because(policies.Permanent, "unroutable",
			fmt.Errorf("queue %q, from which the message says it came, %w: %s", p.key, broker.ErrMissing, p.returned))
	case p.chosen:
		return policies.Because(policies.Permanent, "unroutable",
			fmt.Errorf("exchange %q routes %q to no queue: %s", p.exchange, p.key, p.returned))
	case p.exchange != "":
		return policies.As(policies.Unavailable, t.unbound(p.key))
	case p.own:
		return policies.As(policies.Unavailable, t.place.missing())
	}
	elsewhere := entity{kind: kindQueue, name: p.key, end: t.place.end}
	return policies.As(policies.Unavailable, elsewhere.missing())
}

func (t *Target) unbound(key string) error {
	return fmt.Errorf("exchange %q routes %q to no queue; bind one", t.to.Exchange, key)
}

// oversized is the outcome of a message whose header frame RabbitMQ would not
// take: it would end the connection.
func oversized(p *parcel, frame int) error {
	return policies.Because(policies.Permanent, "too_large",
		fmt.Errorf("headers and properties are %d bytes, RabbitMQ takes a frame of %d (frame_max)", p.header, frame))
}

// blames reports whether a channel or its connection may have ended because of
// a message, and not for everybody's sake.
func (t *Target) blames(cause error) bool {
	if errors.Is(cause, errStray) {
		return true
	}
	var e *amqp.Error
	if !errors.As(cause, &e) || !e.Server {
		return false
	}
	switch e.Code {
	case amqp.ContentTooLarge, amqp.PreconditionFailed, amqp.FrameError, amqp.SyntaxError,
		amqp.CommandInvalid, amqp.UnexpectedFrame, amqp.NotImplemented, amqp.InternalError:
		return true
	case amqp.AccessRefused: // to this routing key
		return !t.to.RoutingKey.IsFixed() && strings.Contains(e.Reason, "access to topic")
	}
	return false
}

// guilty is the outcome of a message that has ended its channel alone.
func guilty(cause error) error {
	var e *amqp.Error
	err := fmt.Errorf("RabbitMQ ended the channel because of this message: %w", cause)
	if !errors.As(cause, &e) {
		return err
	}
	switch {
	case e.Code == amqp.InternalError: // it may have been something else, this time
		return policies.As(policies.Transient, err)
	case e.Code == amqp.AccessRefused:
		return policies.Because(policies.Permanent, "unroutable", err)
	case e.Code == amqp.ContentTooLarge, strings.Contains(e.Reason, "message size"), strings.Contains(e.Reason, "frame_too_large"):
		return policies.Because(policies.Permanent, "too_large", err)
	}
	return policies.Because(policies.Permanent, "permanent", err)
}
