package broker

import (
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/foreign"
)

// Protocol is what a broker speaks.
type Protocol uint8

// The protocols that know names of their own.
const (
	ProtocolAMQP Protocol = iota
	ProtocolKafka
)

// Name returns the topic or routing key that a target of a protocol takes from
// its setting: the fixed one, or what the message says. For `origin` that is where
// others gave it up, as [foreign.Read] finds it. For `source` that is the
// name in the target's own protocol, if the message once had one, else the name
// it came with. It is false where the message has no such name, or an empty one:
// then it can be delivered nowhere. Only the empty routing key that a message
// came with is a name, for AMQP.
func Name(d config.Dynamic, m *message.Message, own Protocol) (name string, ok bool) {
	switch {
	case d.IsFixed():
		return d.Fixed, true
	case d.Source:
		return sourceName(m.Metadata, own)
	case d.Origin:
		return originName(m.Metadata, own)
	case d.Field.Kind == config.MessageKey:
		name, _ = RecordKey(m.Metadata)
	case d.Field.Kind == config.Header:
		name = m.Metadata[d.Field.Name]
	}
	return name, name != ""
}

func sourceName(md message.Metadata, own Protocol) (string, bool) {
	routingKey, amqp := Property(md, "routing-key")
	topic, kafka := recordText(md, "topic")
	if own == ProtocolAMQP {
		if amqp {
			return routingKey, true
		}
		return topic, kafka && topic != ""
	}
	if kafka && topic != "" {
		return topic, true
	}
	return routingKey, routingKey != ""
}

func originName(md message.Metadata, own Protocol) (string, bool) {
	letter, _ := foreign.Read(md)
	if own == ProtocolAMQP {
		return letter.Origin.RoutingKey, letter.Origin.Routed
	}
	return letter.Origin.Topic, letter.Origin.Topic != ""
}

// OriginQueue returns the queue in which others gave a message up; false where its
// headers do not say.
func OriginQueue(m *message.Message) (string, bool) {
	letter, _ := foreign.Read(m.Metadata)
	return letter.Origin.Queue, letter.Origin.Queue != ""
}
