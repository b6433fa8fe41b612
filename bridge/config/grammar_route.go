package config

import (
	"slices"
	"strings"
	"time"

	"github.com/brokerbridge/bridge/bridge/config/internal/strict"
)

func routeForm() strict.Form[Route] {
	fields := []strict.Field[Route]{
		strict.Req("name", func(r *Route) *string { return &r.Name }, nameForm(),
			"Unique in the file. It labels metrics and identifies what the store holds: a renamed route is a new one."),
		strict.Req("from", func(r *Route) *[]From { return &r.From },
			strict.List[From]{Item: fromForm(), Single: true, Start: defaultFrom},
			"What the route reads; a list when the revisions of a key may come from several queues."),
		strict.Req("to", func(r *Route) *To { return &r.To }, toForm(), "Where the route publishes."),
		strict.Opt("when", func(r *Route) *[]Match { return &r.When }, whenForm(),
			"Takes only messages for which each field has one of the values, as in { header.type: [A, B] }."),
	}
	return strict.Object[Route]{
		Located: func(r *Route, path string) { r.Path = path },
		Meant:   map[string]string{"source": "from", "target": "to", "sink": "to", "id": "name", "dlq": "dead_letter", "filter": "when"},
		Fields:  append(fields, sharedFields(func(r *Route) *Shared { return &r.Shared })...),
	}
}

func whenForm() strict.Form[[]Match] {
	values := strict.List[string]{Item: strict.String(), Single: true}
	return strict.Dict[Match]{
		Item: strict.Via[Match, []string]{Get: func(m *Match) *[]string { return &m.Values }, Form: values},
		Keys: strict.Schema{Pattern: fieldPattern},
		Start: func(key string) (Match, error) {
			field, err := parseField(key, messageFields)
			if err != nil {
				return Match{}, &strict.Mismatch{Want: wantField}
			}
			return Match{Field: field}, nil
		},
	}
}

func fromForm() strict.Form[From] {
	return strict.Object[From]{
		Located: func(f *From, path string) { f.Path = path },
		One:     []string{"queue", "topic"},
		Meant:   map[string]string{"prefetch": "window", "prefetch_count": "window", "consumer_group": "group", "group_id": "group", "offset": "start", "create": "declare", "name": "queue"},
		Fields: []strict.Field[From]{
			strict.Req("broker", func(f *From) *string { return &f.Broker }, strict.String(), "A broker of this file."),
			strict.Opt("queue", func(f *From) *string { return &f.Queue }, strict.String(), "The AMQP queue."),
			strict.Opt("topic", func(f *From) *string { return &f.Topic }, strict.String(), "The Kafka topic."),
			strict.Opt("window", func(f *From) *int { return &f.Window }, strict.Int(1, 65535),
				"How many messages may be taken and not yet acknowledged; parked ones do not count. Default: 2000, with Kafka 8000."),
			strict.Opt("window_bytes", func(f *From) *int64 { return &f.WindowBytes }, strict.Size(),
				"The same by size, such as 64MiB."),
			strict.Opt("declare", func(f *From) *Declare { return &f.Declare }, declareForm("quorum", "classic"),
				"Create the queue or topic if it is missing: true, or how. What is there is left as it is."),
			strict.Opt("trust", func(f *From) *Trust { return &f.Trust }, strict.Enum(TrustBridge, TrustNone),
				"Which bridge-* headers are believed: those another bridge writes, or none."),
			strict.Opt("dead_letters", func(f *From) *bool { return &f.DeadLetters }, strict.Flag(),
				"true: others keep here what they gave up. Each message is a dead letter of the route at once, published when it is redriven."),
			strict.Opt("group", func(f *From) *string { return &f.Group }, strict.String(),
				"The Kafka consumer group. Default: bridge-<route>."),
			strict.Opt("protocol", func(f *From) *Protocol { return &f.Protocol }, strict.Enum(ProtocolClassic, ProtocolConsumer),
				"How the members of the Kafka group share its partitions: classic (default), or consumer, by the brokers, from Kafka 4.0 on."),
			strict.Opt("start", func(f *From) *Start { return &f.Start }, startForm(),
				"Where a Kafka group without an offset begins: earliest (default), latest, or a time such as 2026-01-31T00:00:00Z."),
		},
	}
}

func startForm() strict.Form[Start] {
	return strict.Scalar[Start]{
		Type: strict.Text, Want: "earliest, latest or a time such as 2026-01-31T00:00:00Z",
		Shape: strict.Schema{Type: "string", Pattern: `^(earliest|latest|[0-9]{4}-[0-9]{2}-[0-9]{2}T.+)$`},
		Parse: func(text string) (Start, error) {
			if text == "earliest" || text == "latest" {
				return Start{Latest: text == "latest"}, nil
			}
			at, err := time.Parse(time.RFC3339, text)
			if err != nil {
				return Start{}, &strict.Mismatch{Hint: strict.DidYouMean(text, []string{"earliest", "latest"})}
			}
			return Start{Time: at}, nil
		},
	}
}

func declareForm(types ...string) strict.Form[Declare] {
	on := func(d *Declare) { *d = Declare{On: true} }
	object := strict.Object[Declare]{
		Located: func(d *Declare, _ string) { d.On = true },
		Fields: []strict.Field[Declare]{
			strict.Opt("type", func(d *Declare) *string { return &d.Type }, strict.Enum(types...),
				"AMQP: the type of the queue (default quorum) or exchange (default topic)."),
			strict.Opt("partitions", func(d *Declare) *int { return &d.Partitions }, strict.Int(1, 100_000),
				"Kafka: how many partitions. Default: the broker's."),
			strict.Opt("replication", func(d *Declare) *int { return &d.Replication }, strict.Int(1, 100),
				"Kafka: how many copies of each. Default: the broker's."),
		},
	}
	return strict.Or[Declare]{
		Form:  object,
		Words: []strict.Word[Declare]{{Text: "true", Set: on}, {Text: "false", Set: func(d *Declare) { *d = Declare{} }}},
		Want:  "true, false or a mapping ({ type: … })",
	}
}

func toForm() strict.Form[To] {
	return strict.Object[To]{
		Located: func(t *To, path string) { t.Path = path },
		One:     []string{"topic", "queue", "exchange"},
		Meant:   map[string]string{"create": "declare", "partition_key": "key", "routingKey": "routing_key", "name": "topic"},
		Fields: []strict.Field[To]{
			strict.Req("broker", func(t *To) *string { return &t.Broker }, strict.String(), "A broker of this file."),
			strict.Opt("topic", func(t *To) *Dynamic { return &t.Topic }, dynamicForm(),
				"The Kafka topic: a name, or header.X, message_key, source or origin to take it from the message."),
			strict.Opt("queue", func(t *To) *string { return &t.Queue }, strict.String(),
				"The AMQP queue; origin: the one in which others gave the message up."),
			strict.Opt("exchange", func(t *To) *string { return &t.Exchange }, strict.String(), "The AMQP exchange; with routing_key."),
			strict.Opt("routing_key", func(t *To) *Dynamic { return &t.RoutingKey }, dynamicForm(),
				"The AMQP routing key: a text, or header.X, message_key, source or origin to take it from the message."),
			strict.Opt("key", func(t *To) *[]Field { return &t.Key }, fieldsForm(),
				"Where the Kafka record key comes from; several are joined. Default: the key of the order."),
			strict.Opt("declare", func(t *To) *Declare { return &t.Declare },
				declareForm("quorum", "classic", "topic", "direct", "fanout", "headers"),
				"Create the queue, exchange or topic if it is missing: true, or how. What is there is left as it is."),
			strict.Opt("headers", func(t *To) *Headers { return &t.Headers }, strict.Enum(HeadersTyped, HeadersText),
				"How header values are written: with their types, where the target has them, or as text for stock Watermill readers."),
			strict.Opt("stamp", func(t *To) *Stamp { return &t.Stamp }, offOr(strict.Enum(StampRevision), "off or "),
				"revision: number what is delivered anew, per key, from 1 and without a gap, in the header bridge-revision. Default: off."),
		},
	}
}

// dynamicForm takes what looks like a field for a field.
func dynamicForm() strict.Form[Dynamic] {
	s := strict.String()
	text := s.Parse
	return strict.Scalar[Dynamic]{
		Type: s.Type, Want: "a name, header.X, message_key, source or origin", Shape: s.Shape,
		Parse: func(name string) (Dynamic, error) {
			if name == sourceName || name == originName {
				return Dynamic{Source: name == sourceName, Origin: name == originName}, nil
			}
			if name == string(MessageKey) || strings.HasPrefix(name, "header.") {
				f, err := parseField(name, []FieldKind{Header, MessageKey})
				return Dynamic{Field: f}, err
			}
			name, err := text(name)
			return Dynamic{Fixed: name}, err
		},
	}
}

func own(s *Shared) *Shared { return s }

// sharedFields are those of a route that may stand in defaults as well.
func sharedFields[T any](get func(*T) *Shared) []strict.Field[T] {
	return slices.Concat([]strict.Field[T]{
		strict.Opt("order", func(v *T) *Order { return &get(v).Order }, orderForm(),
			"The order that the route keeps. Required, here or in defaults: no order is said (by: none), not assumed."),
	}, policyFields(get))
}
