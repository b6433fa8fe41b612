package spans

import (
	"cmp"

	"github.com/ThreeDotsLabs/watermill/message"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// scope names who makes the spans.
const scope = "github.com/brokerbridge/bridge"

// mostLinks bounds the links of a span that is about many messages.
const mostLinks = 128

// Flow is a way of messages from a source to a target.
type Flow struct {
	// Route is its name, as bridge.route. Empty: none.
	Route string
	// Source and Target are its ends. Without a Source, process spans have the topic
	// that Watermill's router subscribed to.
	Source, Target End
	// Describe says more of a message: where it stood, its routing key. Never its
	// content. It is called for spans that are recorded. Nil: nothing.
	Describe func(*message.Message) []attribute.KeyValue
	// Destination is where a message goes, where that is said by the message. Nil, or
	// empty: Target's name.
	Destination func(*message.Message) string
}

// End is a queue, exchange or topic, and the broker that has it.
type End struct {
	System  string // kafka or rabbitmq
	Name    string
	Group   string // of consumers
	Address string // of the broker, if that is one
	Port    int    // 0: not known
}

// attributes are those of an operation there; the name is left to the caller.
func (e End) attributes(route string, op attribute.KeyValue, name string) []attribute.KeyValue {
	kvs := []attribute.KeyValue{op, semconv.MessagingOperationName(name)}
	add := func(set bool, kv attribute.KeyValue) {
		if set {
			kvs = append(kvs, kv)
		}
	}
	add(e.System != "", semconv.MessagingSystemKey.String(e.System))
	add(e.Group != "", semconv.MessagingConsumerGroupName(e.Group))
	add(e.Address != "", semconv.ServerAddress(e.Address))
	add(e.Port != 0, semconv.ServerPort(e.Port))
	add(route != "", attribute.String("bridge.route", route))
	return kvs[:len(kvs):len(kvs)]
}

// Tracer makes the spans of a [Flow]. It is safe for concurrent use.
type Tracer struct {
	tracer trace.Tracer
	flow   Flow
	source *Source
	send   []attribute.KeyValue
}

// New returns a Tracer; nil if there is no provider.
func New(p trace.TracerProvider, f Flow) *Tracer {
	if p == nil {
		return nil
	}
	t := &Tracer{
		tracer: p.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL)), flow: f,
		send: f.Target.attributes(f.Route, semconv.MessagingOperationTypeSend, "send"),
	}
	t.source = t.From(f.Source)
	return t
}

// Source is one of the sources of a flow.
type Source struct {
	tracer  *Tracer
	name    string
	receive []attribute.KeyValue
	process []attribute.KeyValue
	settle  []attribute.KeyValue
}

// From is a source of a flow that has several; nil of nil.
func (t *Tracer) From(e End) *Source {
	if t == nil {
		return nil
	}
	return &Source{
		tracer: t, name: e.Name,
		receive: e.attributes(t.flow.Route, semconv.MessagingOperationTypeReceive, "receive"),
		process: e.attributes(t.flow.Route, semconv.MessagingOperationTypeProcess, "process"),
		settle:  e.attributes(t.flow.Route, semconv.MessagingOperationTypeSettle, "settle"),
	}
}

// spanName is what an operation is called.
func spanName(operation, destination string) string {
	if destination == "" {
		return operation
	}
	return operation + " " + destination
}

// destination is an attribute, if there is something to say.
func destination(name string) []attribute.KeyValue {
	if name == "" {
		return nil
	}
	return []attribute.KeyValue{semconv.MessagingDestinationName(text(name))}
}

// about are the attributes of one message.
func (t *Tracer) about(m *message.Message) []attribute.KeyValue {
	kvs := []attribute.KeyValue{semconv.MessagingMessageID(text(m.UUID))}
	if t.flow.Describe == nil {
		return kvs
	}
	for _, kv := range t.flow.Describe(m) {
		if kv.Value.Type() == attribute.STRING {
			kv.Value = attribute.StringValue(text(kv.Value.AsString()))
		}
		kvs = append(kvs, kv)
	}
	return kvs
}

// topicOf is where a message came from, for the router of somebody else.
func topicOf(s *Source, m *message.Message) string {
	return cmp.Or(s.name, message.SubscribeTopicFromCtx(m.Context()))
}
