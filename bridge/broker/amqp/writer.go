package amqp

import (
	"cmp"
	"math"

	"github.com/ThreeDotsLabs/watermill/message"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/sidecar"
)

const (
	shortString = 255 // bytes: the longest name, routing key or property
	// directReply is a reply-to that RabbitMQ takes only from who waits for replies
	// on the same channel.
	directReply = "amq.rabbitmq.reply-to"
)

// writer makes publishings of messages. Metadata become headers, and the
// sidecar types and properties. What must not be published live travels in a
// header bridge-amqp of its own, which is a sidecar that holds nothing else:
//
//   - expiration: what waited in the bridge must not vanish at the target;
//   - CC and BCC: the target says where messages go, and as anything but lists
//     of strings they end the channel;
//   - user-id: RabbitMQ takes only our own, any other ends the channel;
//   - a reply-to that asks for a direct reply, for the same reason;
//   - headers whose names are longer than AMQP allows, and properties likewise;
//   - numbers that are not finite: RabbitMQ's own parser ends the connection;
//   - the types of headers, and headers without a text, with headers: text.
//
// A source puts it back ([decoder]), but for user-id: what RabbitMQ has not
// vouched for must not look as if it had.
//
// Bodies that are null become empty ones, marked by a header.
type writer struct {
	text   bool // headers as strings
	decode sidecar.Decoder
	aside  sidecar.Aside
}

// publishing returns what is published of a message.
func (w *writer) publishing(m *message.Message) amqp.Publishing {
	o, err := w.decode.Restore(m.Metadata)
	p := o.Publishing
	w.aside.Reset()
	w.properties(&p, m)
	if o.RawHeaders != nil {
		w.aside.Raw(o.RawHeaders)
	}
	w.headers(p.Headers)
	w.bridge(&p, m)
	switch text := w.aside.String(); {
	case err != nil: // as it came: nobody can say what it meant
		p.Headers[broker.HeaderAMQP] = m.Metadata[broker.HeaderAMQP]
	case text != "":
		p.Headers[broker.HeaderAMQP] = text
	}
	p.Body = m.Payload
	return p
}

// properties chooses those that are published.
func (w *writer) properties(p *amqp.Publishing, m *message.Message) {
	if p.DeliveryMode != amqp.Transient {
		p.DeliveryMode = amqp.Persistent
	}
	p.MessageId = cmp.Or(p.MessageId, m.Metadata[broker.HeaderMessageID], m.UUID)
	for _, s := range [...]struct {
		name  string
		value *string
		live  bool
	}{
		{"content-type", &p.ContentType, true},
		{"content-encoding", &p.ContentEncoding, true},
		{"correlation-id", &p.CorrelationId, true},
		{"reply-to", &p.ReplyTo, p.ReplyTo != directReply},
		{"expiration", &p.Expiration, false},
		{"message-id", &p.MessageId, true},
		{"type", &p.Type, true},
		{"user-id", &p.UserId, false},
		{"app-id", &p.AppId, true},
	} {
		if *s.value != "" && (!s.live || len(*s.value) > shortString) {
			w.aside.Property(s.name, *s.value)
			*s.value = ""
		}
	}
}

// headers chooses those that are published, and their types.
func (w *writer) headers(headers amqp.Table) {
	delete(headers, broker.HeaderNullBody) // only we say so
	for name, v := range headers {
		if len(name) > shortString || name == "CC" || name == "BCC" || !writable(v) {
			w.aside.Header(name, v)
			delete(headers, name)
		}
	}
	if w.text {
		w.aside.Text(headers)
	}
}

// writable reports whether RabbitMQ can read a value.
func writable(v any) bool {
	switch v := v.(type) {
	case float32:
		return finite(float64(v))
	case float64:
		return finite(v)
	case []any:
		for _, inner := range v {
			if !writable(inner) {
				return false
			}
		}
	case amqp.Table:
		for name, inner := range v {
			if len(name) > shortString || !writable(inner) {
				return false
			}
		}
	}
	return true
}

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

// bridge adds what the bridge itself says. It does not say twice what the message
// id is: a header costs RabbitMQ more than all that the bridge does with it. Who
// reads nothing but headers needs it there.
func (w *writer) bridge(p *amqp.Publishing, m *message.Message) {
	if m.Payload == nil {
		p.Headers[broker.HeaderNullBody] = "1"
	}
	if !w.text {
		if p.MessageId != "" && p.Headers[broker.HeaderMessageID] == p.MessageId {
			delete(p.Headers, broker.HeaderMessageID)
		}
		return
	}
	id := cmp.Or(m.UUID, m.Metadata[broker.HeaderMessageID])
	if _, there := p.Headers[broker.HeaderWatermillID]; !there && id != "" {
		p.Headers[broker.HeaderWatermillID] = id
	}
}
