package sidecar

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ThreeDotsLabs/watermill/message"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker"
)

// RawHeaders is a header that holds, as bytes, a whole table that could not be
// read. It goes into the sidecar, and [broker.HeaderUndecodable] marks the message.
const RawHeaders = "bridge-raw-headers"

// reserved is what the names of the bridge's own headers begin with.
const reserved = "bridge-"

// Encoder turns what deliveries carry beside their bodies into metadata. It
// remembers the last sidecar, because most messages of a queue have the same.
// One goroutine at a time.
type Encoder struct {
	// TrustNone drops all headers that begin with "bridge-". Otherwise those that
	// another bridge writes are believed.
	TrustNone bool

	last   string
	buf    []byte
	typed  []typed  // headers of the current message that are texts, but no strings
	values []string // headers of the current message that have no text
	raw    []byte   // the table of the current message, if it could not be read
}

type typed struct {
	name   string
	letter byte
}

// Encode returns a delivery's headers and sidecar. It cannot fail: whatever
// RabbitMQ accepted travels on.
func (e *Encoder) Encode(d *amqp.Delivery) message.Metadata {
	md := make(message.Metadata, len(d.Headers)+1)
	e.typed, e.values = e.typed[:0], e.values[:0]
	e.raw = nil
	if len(d.Headers) == 1 { // beside others it is not ours
		e.raw, _ = d.Headers[RawHeaders].([]byte)
	}
	if e.raw != nil {
		md[broker.HeaderUndecodable] = "headers"
	}
	for name, v := range d.Headers {
		if strings.HasPrefix(name, reserved) && !e.believed(name) {
			continue
		}
		s, letter, ok := text(v)
		switch {
		case !ok:
			e.values = append(e.values, name)
			continue
		case letter != typeString:
			e.typed = append(e.typed, typed{name, letter})
		}
		md[name] = s
	}
	md[broker.HeaderAMQP] = e.sidecar(d)
	return md
}

// isBridged reports whether a header is one that a bridge writes to either broker.
func isBridged(name string) bool {
	switch name {
	case broker.HeaderHops, broker.HeaderMessageID, broker.HeaderKey, broker.HeaderRevision:
		return true
	}
	return false
}

func (e *Encoder) believed(name string) bool {
	return !e.TrustNone && (name == broker.HeaderKafka || isBridged(name))
}

// sidecar writes what the text headers do not say.
func (e *Encoder) sidecar(d *amqp.Delivery) string {
	b := append(e.buf[:0], `{"exchange":`...)
	b = appendString(b, d.Exchange)
	b = appendString(append(b, `,"routing-key":`...), d.RoutingKey)
	b = appendProperties(b, d)
	if e.raw != nil {
		b = appendBase64(append(b, `,"headers":`...), e.raw)
	}
	b = e.appendTypes(b)
	b = e.appendValues(b, d.Headers)
	b = append(b, '}')
	e.buf = b
	if string(b) != e.last {
		e.last = string(b)
	}
	return e.last
}

func (e *Encoder) appendTypes(b []byte) []byte {
	if len(e.typed) == 0 {
		return b
	}
	slices.SortFunc(e.typed, func(a, b typed) int { return strings.Compare(a.name, b.name) })
	return appendTypes(append(b, `,"types":`...), e.typed)
}

func (e *Encoder) appendValues(b []byte, headers amqp.Table) []byte {
	if len(e.values) == 0 {
		return b
	}
	slices.Sort(e.values)
	b = append(b, `,"values":{`...)
	for i, name := range e.values {
		b = appendName(appendComma(b, i), name)
		b = appendValue(b, headers[name])
	}
	return append(b, '}')
}

// appendProperties writes the properties that are set.
func appendProperties(b []byte, d *amqp.Delivery) []byte {
	for _, p := range [...]struct{ name, value string }{
		{"content-type", d.ContentType},
		{"content-encoding", d.ContentEncoding},
		{"correlation-id", d.CorrelationId},
		{"reply-to", d.ReplyTo},
		{"expiration", d.Expiration},
		{"message-id", d.MessageId},
		{"type", d.Type},
		{"user-id", d.UserId},
		{"app-id", d.AppId},
	} {
		if p.value != "" {
			b = append(append(append(b, `,"`...), p.name...), `":`...)
			b = appendString(b, p.value)
		}
	}
	if d.DeliveryMode != 0 {
		b = strconv.AppendUint(append(b, `,"delivery-mode":`...), uint64(d.DeliveryMode), 10)
	}
	if d.Priority != 0 {
		b = strconv.AppendUint(append(b, `,"priority":`...), uint64(d.Priority), 10)
	}
	if !d.Timestamp.IsZero() {
		b = strconv.AppendInt(append(b, `,"timestamp":`...), d.Timestamp.Unix(), 10)
	}
	return b
}
