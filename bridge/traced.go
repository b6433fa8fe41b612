package bridge

import (
	"net"
	"net/url"
	"strconv"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/tidwall/gjson"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/ordering/spans"
	"github.com/brokerbridge/bridge/policies"
)

// newSpans follows the messages of a route; nil if nobody wants that.
func newSpans(b *Bridge, r config.Route) *spans.Tracer {
	if b.tracers == nil {
		return nil
	}
	return spans.New(b.tracers, spans.Flow{
		Route: r.Name, Source: sourceEnd(b.file, r.From[0]), Target: targetEnd(b.file, r.To),
		Describe: describe, Destination: destination(r.To),
	})
}

// tracedSource is one of the sources of a route as spans name it.
func (r *route) tracedSource(i int) *spans.Source {
	if r.spans == nil {
		return nil
	}
	return r.spans.From(sourceEnd(r.bridge.file, r.cfg.From[i]))
}

// sourceEnd is a source as spans name it.
func sourceEnd(f *config.File, from config.From) spans.End {
	e := brokerEnd(f, from.Broker)
	e.Name = from.Name()
	if from.Topic != "" {
		e.Group = from.Group
	}
	return e
}

func targetEnd(f *config.File, to config.To) spans.End {
	e := brokerEnd(f, to.Broker)
	if e.Name = to.Queue + to.Exchange; to.Topic.IsFixed() {
		e.Name = to.Topic.Fixed
	}
	if to.OriginQueue() {
		e.Name = ""
	}
	return e
}

// destination is where a message goes, for targets of which the message says that.
func destination(to config.To) func(*message.Message) string {
	if to.Topic.IsZero() || to.Topic.IsFixed() {
		return nil
	}
	return func(m *message.Message) string {
		name, _ := broker.Name(to.Topic, m, broker.ProtocolKafka)
		return name
	}
}

// brokerEnd is a broker as spans name it; the address is left out where there are
// several.
func brokerEnd(f *config.File, name string) (e spans.End) {
	b, _ := f.Broker(name)
	address := ""
	switch b.Kind() {
	case config.KindAMQP:
		e.System = semconv.MessagingSystemRabbitMQ.Value.AsString()
		if u, err := url.Parse(b.AMQP.URL.Reveal()); err == nil {
			address = u.Host
		}
	case config.KindKafka:
		e.System = semconv.MessagingSystemKafka.Value.AsString()
		if len(b.Kafka.Brokers) == 1 {
			address = b.Kafka.Brokers[0]
		}
	default:
		e.System = string(b.Kind())
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	e.Address = host
	e.Port, _ = strconv.Atoi(port)
	return e
}

// describe says where a message stood in the broker it came from, as far as its
// sidecars know, and its correlation id.
func describe(m *message.Message) (kvs []attribute.KeyValue) {
	if key, ok := broker.Property(m.Metadata, "routing-key"); ok && key != "" {
		kvs = append(kvs, semconv.MessagingRabbitMQDestinationRoutingKey(key))
	}
	if id := correlationOf(m); id != "" {
		kvs = append(kvs, semconv.MessagingMessageConversationID(id))
	}
	if side, ok := m.Metadata[broker.HeaderKafka]; ok {
		at := gjson.GetMany(side, "partition", "offset")
		if at[0].Exists() {
			kvs = append(kvs, semconv.MessagingDestinationPartitionID(at[0].String()))
		}
		if at[1].Exists() {
			kvs = append(kvs, semconv.MessagingKafkaOffset(int(at[1].Int())))
		}
	}
	return kvs
}

// maxCorrelation bounds a correlation id in a log line.
const maxCorrelation = 256

// correlationOf is the correlation id of a message: that of Watermill, else the
// property of AMQP.
func correlationOf(m *message.Message) string {
	id := m.Metadata["correlation_id"]
	if id == "" {
		id, _ = broker.Property(m.Metadata, "correlation-id")
	}
	return id[:min(len(id), maxCorrelation)]
}

// classOf is the class of an error as spans have it.
func classOf(err error) string { return policies.ClassOf(err).String() }
