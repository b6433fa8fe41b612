package amqp

import (
	"github.com/ThreeDotsLabs/watermill/message"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/sidecar"
)

// watermillID is where Watermill's publishers put a message's id.
const watermillID = "_watermill_message_uuid"

// perDelivery is what a delivery costs in memory beside its body, roughly.
const perDelivery = 512

// decoder makes messages of deliveries. It cannot fail.
type decoder struct{ sidecar.Encoder }

// message returns a delivery as a message. Its id may be empty. Its payload is
// never nil: AMQP has bodies of no bytes, but no bodies that are null.
func (d *decoder) message(v *amqp.Delivery) *message.Message {
	md := d.Encode(v)
	body := v.Body
	if body == nil {
		body = []byte{}
	}
	return &message.Message{UUID: identity(v, md), Metadata: md, Payload: body}
}

// identity is what the producer called the message, most deliberate name first.
func identity(v *amqp.Delivery, md message.Metadata) string {
	if v.MessageId != "" {
		return v.MessageId
	}
	if id := md[broker.HeaderMessageID]; id != "" {
		return id
	}
	return md[watermillID]
}
