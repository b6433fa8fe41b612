package amqp

import (
	"errors"

	"github.com/ThreeDotsLabs/watermill/message"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/policies"
)

// What RabbitMQ takes by default: of a header frame (frame_max, 128 KiB), and of
// a body.
const (
	defaultFrame = 128<<10 - frameOverhead
	largestBody  = 128 << 20
)

var errLargeBody = errors.New("the body is over 128 MiB, which RabbitMQ does not take")

// Message returns a delivery as a message, as a source does: for an edge on
// another client.
func Message(d *amqp.Delivery, trust config.Trust) *message.Message {
	var dec decoder
	dec.TrustNone = trust == config.TrustNone
	return dec.message(d)
}

// Publishing returns what a target publishes of a message: for an edge on another
// client. What AMQP has no form for, and what RabbitMQ does not take as it is
// configured by default, is an error of class permanent.
func Publishing(m *message.Message, headers config.Headers) (amqp.Publishing, error) {
	w := writer{text: headers == config.HeadersText}
	p := parcel{Publishing: w.publishing(m)}
	var ok bool
	if p.header, ok = headerSize(&p.Publishing); !ok {
		return amqp.Publishing{}, policies.Because(policies.Permanent, "permanent", errUnwritable)
	}
	if p.header > defaultFrame {
		return amqp.Publishing{}, oversized(&p, defaultFrame)
	}
	if len(p.Body) > largestBody {
		return amqp.Publishing{}, policies.Because(policies.Permanent, "too_large", errLargeBody)
	}
	return p.Publishing, nil
}
