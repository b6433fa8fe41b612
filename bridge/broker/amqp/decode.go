package amqp

import (
	"strings"

	"github.com/ThreeDotsLabs/watermill/message"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/sidecar"
)

// perDelivery is what a delivery costs in memory beside its body, roughly.
const perDelivery = 512

// decoder makes messages of deliveries. It cannot fail.
type decoder struct {
	sidecar.Encoder
	aside sidecar.Decoder
}

// message returns a delivery as a message. Its id may be empty. Its payload is
// nil only if a target of the bridge has said so: AMQP has bodies of no bytes,
// but no bodies that are null.
func (d *decoder) message(v *amqp.Delivery) *message.Message {
	body := v.Body
	switch {
	case len(body) > 0:
	case d.isNull(v):
		body = nil
	default:
		body = []byte{}
	}
	d.putBack(v)
	md := d.Encode(v)
	return &message.Message{UUID: identity(v, md), Metadata: md, Payload: body}
}

func (d *decoder) isNull(v *amqp.Delivery) bool {
	_, marked := v.Headers[broker.HeaderNullBody]
	return marked && !d.TrustNone
}

// putBack makes a delivery what it was before a target of the bridge put
// something aside ([writer]). What is there now counts more, and a user-id is
// only what RabbitMQ has seen.
func (d *decoder) putBack(v *amqp.Delivery) {
	text, ok := v.Headers[broker.HeaderAMQP].(string)
	if !ok || d.TrustNone {
		return
	}
	texts := message.Metadata{broker.HeaderAMQP: text}
	for name, h := range v.Headers {
		if s, ok := h.(string); ok && !isBridges(name) {
			texts[name] = s
		}
	}
	o, err := d.aside.Restore(texts)
	if err != nil {
		return
	}
	for name, h := range o.Headers {
		_, there := v.Headers[name]
		_, text := texts[name]
		if (text || !there) && !isBridges(name) {
			v.Headers[name] = h
		}
	}
	for _, p := range [...]struct {
		to   *string
		from string
	}{
		{&v.ContentType, o.ContentType},
		{&v.ContentEncoding, o.ContentEncoding},
		{&v.CorrelationId, o.CorrelationId},
		{&v.ReplyTo, o.ReplyTo},
		{&v.Expiration, o.Expiration},
		{&v.MessageId, o.MessageId},
		{&v.Type, o.Type},
		{&v.AppId, o.AppId},
	} {
		if *p.to == "" {
			*p.to = p.from
		}
	}
}

func isBridges(name string) bool { return strings.HasPrefix(name, "bridge-") }

// identity is what the producer called the message, most deliberate name first.
func identity(v *amqp.Delivery, md message.Metadata) string {
	if v.MessageId != "" {
		return v.MessageId
	}
	if id := md[broker.HeaderMessageID]; id != "" {
		return id
	}
	return md[broker.HeaderWatermillID]
}
