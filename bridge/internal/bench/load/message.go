package load

import (
	"encoding/binary"
	"strconv"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/internal/rawloop"
)

// The headers that have a message's revision, the routing key it is given for a
// target that is an exchange, and what a reader may trip over.
const (
	RevisionHeader = "revision"
	WayHeader      = "way"
	PoisonHeader   = "poison"
)

// MinSize is the room that a body needs for its number and its moment.
const MinSize = 16

// Message is one that is sent.
type Message struct {
	Number   int // by which it is known, whatever becomes of its headers
	Key      string
	Revision int64
	Way      string // for a target that is an exchange; "": no such header
	Size     int    // of the body
	Poison   any    // of a type that AMQP has; nil: no such header
}

// Body begins with the number. The rest is no run of one byte, which compression
// would make nothing of.
func (m Message) Body() []byte {
	body := make([]byte, m.Size)
	for i := range body {
		body[i] = byte(m.Number + i)
	}
	binary.BigEndian.PutUint64(body, uint64(m.Number))
	return body
}

// NumberOf is the number of the message that has this body.
func NumberOf(body []byte) int { return int(binary.BigEndian.Uint64(body)) }

// stamp puts the moment behind the number.
func stamp(body []byte, due time.Time) {
	binary.BigEndian.PutUint64(body[8:], uint64(due.UnixNano()))
}

// Publishing is the message for RabbitMQ. It has words only in its headers, unless
// it is to be poison: stock Watermill reads no numbers.
func (m Message) Publishing() amqp.Publishing {
	p := amqp.Publishing{
		MessageId: m.id(), DeliveryMode: amqp.Persistent, Body: m.Body(),
		Headers: amqp.Table{rawloop.KeyHeader: m.Key, RevisionHeader: m.revision()},
	}
	if m.Way != "" {
		p.Headers[WayHeader] = m.Way
	}
	if m.Poison != nil {
		p.Headers[PoisonHeader] = m.Poison
	}
	return p
}

// Record is the message for Kafka, for no topic yet. It has no poison.
func (m Message) Record() *kgo.Record {
	r := &kgo.Record{Key: []byte(m.Key), Value: m.Body(), Headers: []kgo.RecordHeader{
		{Key: broker.HeaderWatermillID, Value: []byte(m.id())},
		{Key: RevisionHeader, Value: []byte(m.revision())},
	}}
	if m.Way != "" {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: WayHeader, Value: []byte(m.Way)})
	}
	return r
}

func (m Message) id() string       { return strconv.Itoa(m.Number) }
func (m Message) revision() string { return strconv.FormatInt(m.Revision, 10) }

// Arrival is a message at its target.
type Arrival struct {
	Number int
	Due    time.Time // when it was to be sent
	At     time.Time
}

func arrival(body []byte, at time.Time) Arrival {
	return Arrival{
		Number: NumberOf(body),
		Due:    time.Unix(0, int64(binary.BigEndian.Uint64(body[8:]))),
		At:     at,
	}
}
