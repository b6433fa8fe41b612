package amqp_test

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	stock "github.com/ThreeDotsLabs/watermill-amqp/v2/pkg/amqp"
	"github.com/ThreeDotsLabs/watermill/message"
	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/amqp"
	"github.com/brokerbridge/bridge/bridge/broker/sidecar"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// original has all that AMQP knows.
func original() amqp091.Publishing {
	return amqp091.Publishing{
		ContentType: "application/json", ContentEncoding: "identity", DeliveryMode: 1, Priority: 3,
		CorrelationId: "c", ReplyTo: "amq.rabbitmq.reply-to", Expiration: "600000", MessageId: "id-1",
		Timestamp: time.Unix(1700000000, 0), Type: "t", AppId: "a", Body: []byte("b \x00\xff"),
		Headers: amqp091.Table{
			"true": true, "int8": int8(-1), "uint8": uint8(255), "int16": int16(-300), "uint16": uint16(65535),
			"int32": int32(-5), "uint32": uint32(math.MaxUint32), "int64": int64(1<<53 + 1), "float32": float32(1.5),
			"float64": 0.1, "odd": []any{amqp091.Table{"inf": math.Inf(1)}}, "nil": nil, "time": time.Unix(1700000000, 0),
			"decimal": amqp091.Decimal{Scale: 2, Value: 314}, "text": "t", "empty": "", "bytes": []byte{0xff, 1},
			"binary": "\xff\xfe", "name \xff": "v", "größe": "ü", strings.Repeat("n", 255): "long",
			"list":  []any{int32(1), "two", nil, []any{true}},
			"table": amqp091.Table{"deep": amqp091.Table{"n": int64(1)}},
			"CC":    []any{"nowhere"},
		},
	}
}

// I9: what comes from RabbitMQ goes to RabbitMQ as it was. What would end a
// channel, or send the message elsewhere, is put aside, and back when it is read.
func TestI9_RabbitMQToRabbitMQ(t *testing.T) {
	for name, headers := range map[string]config.Headers{"typed": config.HeadersTyped, "text": config.HeadersText} {
		t.Run(name, func(t *testing.T) {
			from, to := rig.Queue(t), newPlace(t, nil)
			to.Create(t)
			want := original()
			// RabbitMQ would not take these from the test.
			delete(want.Headers, "CC")
			delete(want.Headers, "odd")
			replyTo := want.ReplyTo
			want.ReplyTo = ""
			rig.Publish(t, from, want)
			m := receive(t, open(t, from, nil), 1)[0]
			// As if it had come with these.
			m.Metadata[broker.HeaderAMQP] = strings.Replace(m.Metadata[broker.HeaderAMQP],
				`"values":{`, `"reply-to":"`+replyTo+`","user-id":"nobody","values":{"CC":{"A":["nowhere"]},`+
					`"odd":{"A":[{"F":{"inf":{"d":"7ff0000000000000"}}}]},`, 1)
			m.Metadata[strings.Repeat("k", 300)] = "a name that AMQP has no room for"
			forward(t, to, headers, m)

			raw := to.deliveries(t, 1)[0]
			if raw.Expiration != "" || raw.UserId != "" || raw.ReplyTo != "" || raw.DeliveryMode != 1 {
				t.Errorf("published live: %+v", raw)
			}
			if _, live := raw.Headers["CC"]; live {
				t.Error("CC was published live")
			}
			for name, v := range raw.Headers {
				if _, ok := v.(string); !ok && headers == config.HeadersText {
					t.Errorf("%s is %T, not text", name, v)
				}
			}

			forward(t, to, headers, m)
			back := receive(t, open(t, to.name, nil), 1)[0]
			o, err := sidecar.Restore(back.Metadata)
			if err != nil {
				t.Fatal(err)
			}
			want = original()
			want.Headers[strings.Repeat("k", 300)] = "a name that AMQP has no room for"
			delete(o.Headers, broker.HeaderWatermillID)
			o.Body = back.Payload
			for name, v := range want.Headers {
				if got := o.Headers[name]; !reflect.DeepEqual(got, v) {
					t.Errorf("header %.20q came back as %T %v, want %T %v", name, got, got, v, v)
				}
			}
			if len(o.Headers) != len(want.Headers) {
				t.Errorf("%d headers came back, want %d: %v", len(o.Headers), len(want.Headers), o.Headers)
			}
			o.Headers, want.Headers = nil, nil
			if !reflect.DeepEqual(o.Publishing, want) || back.UUID != "id-1" {
				t.Errorf("came back as\n%+v, want\n%+v", o.Publishing, want)
			}
		})
	}
}

// I9: null is not empty, nor is empty null, and nobody may say so of a body
// that has bytes.
func TestI9_NullIsNotEmpty(t *testing.T) {
	p := newPlace(t, nil)
	p.Create(t)
	mark := message.Metadata{broker.HeaderNullBody: "1"}
	forward(t, p, config.HeadersTyped,
		&message.Message{Payload: nil}, &message.Message{Payload: []byte{}},
		&message.Message{Payload: []byte{}, Metadata: mark}, &message.Message{Payload: []byte("b"), Metadata: mark})
	rig.Publish(t, p.name, amqp091.Publishing{Headers: amqp091.Table{broker.HeaderNullBody: "1"}, Body: []byte("b")})
	for i, m := range receive(t, open(t, p.name, nil), 5) {
		if (m.Payload == nil) != (i == 0) || len(m.Payload) > 0 != (i > 2) {
			t.Errorf("message %d has %q, null: %v", i, m.Payload, m.Payload == nil)
		}
		if _, there := m.Metadata[broker.HeaderNullBody]; there {
			t.Errorf("message %d is still marked", i)
		}
	}
}

// With trust: none, nobody says that a body was null, or what a message was.
func TestTrustNoneBelievesNoHeader(t *testing.T) {
	q := rig.Queue(t)
	rig.Publish(t, q, amqp091.Publishing{Headers: amqp091.Table{
		broker.HeaderNullBody: "1", broker.HeaderAMQP: `{"expiration":"1","values":{"key":"forged"}}`, "n": "1",
	}})
	b := amqp.New("test", config.AMQP{URL: config.NewSecret(rig.AMQP(t))}, nil)
	src, err := b.Source(config.From{Queue: q, Trust: config.TrustNone}, broker.SourceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	m := receive(t, src, 1)[0]
	if _, forged := m.Metadata["key"]; forged || m.Payload == nil || strings.Contains(m.Metadata[broker.HeaderAMQP], "expiration") {
		t.Errorf("it was believed: %q, null: %v", m.Metadata, m.Payload == nil)
	}
}

// A user-id is what RabbitMQ has vouched for, and a header what the message has.
func TestPutBackForgesNothing(t *testing.T) {
	q := rig.Queue(t)
	rig.Publish(t, q, amqp091.Publishing{AppId: "real", Headers: amqp091.Table{
		broker.HeaderAMQP: `{"user-id":"admin","app-id":"forged","values":{"n":"forged","bridge-hops":"0","new":"kept"},"types":{"t":"I"}}`,
		"n":               int32(1), "t": "not a number",
	}}, amqp091.Publishing{Headers: amqp091.Table{broker.HeaderAMQP: `{"`, "n": "1"}})
	ms := receive(t, open(t, q, nil), 2)
	if _, ok := broker.Property(ms[0].Metadata, "user-id"); ok {
		t.Error("a user-id was forged")
	}
	app, _ := broker.Property(ms[0].Metadata, "app-id")
	want := message.Metadata{"n": "1", "t": "not a number", "new": "kept"}
	for name, v := range want {
		if ms[0].Metadata[name] != v {
			t.Errorf("%s is %q, want %q", name, ms[0].Metadata[name], v)
		}
	}
	if _, ok := ms[0].Metadata[broker.HeaderHops]; ok || app != "real" || len(ms[0].Metadata) != 4 {
		t.Errorf("came %q", ms[0].Metadata)
	}
	if ms[1].Metadata["n"] != "1" || len(ms[1].Metadata) != 2 {
		t.Errorf("with a sidecar that cannot be read came %q", ms[1].Metadata)
	}
}

func TestMessagesGetWhatTheBridgeSays(t *testing.T) {
	p := newPlace(t, nil)
	p.Create(t)
	long := strings.Repeat("i", 300)
	forward(t, p, config.HeadersTyped,
		&message.Message{UUID: "uuid", Metadata: message.Metadata{
			broker.HeaderMessageID: "id", broker.HeaderKey: "k", broker.HeaderRevision: "7", broker.HeaderHops: "1",
			broker.HeaderKafka: `{"topic":"t"}`, broker.HeaderUndecodable: "headers",
		}},
		&message.Message{UUID: "uuid", Metadata: message.Metadata{broker.HeaderAMQP: "no sidecar", "h": "v"}},
		&message.Message{UUID: long, Metadata: message.Metadata{broker.HeaderMessageID: long}})
	ds := p.deliveries(t, 3)
	want := amqp091.Table{ // the id is the property alone
		broker.HeaderKey: "k", broker.HeaderRevision: "7", broker.HeaderHops: "1",
		broker.HeaderKafka: `{"topic":"t"}`, broker.HeaderNullBody: "1",
	}
	if d := ds[0]; !reflect.DeepEqual(d.Headers, want) || d.MessageId != "id" || d.DeliveryMode != amqp091.Persistent {
		t.Errorf("came %v, id %q, mode %d", d.Headers, d.MessageId, d.DeliveryMode)
	}
	if d := ds[1]; d.Headers[broker.HeaderAMQP] != "no sidecar" || d.Headers["h"] != "v" || d.MessageId != "uuid" {
		t.Errorf("with a sidecar that cannot be read came %v, id %q", d.Headers, d.MessageId)
	}
	if d := ds[2]; d.MessageId != "" || d.Headers[broker.HeaderMessageID] != long || !strings.Contains(fmt.Sprint(d.Headers[broker.HeaderAMQP]), long) {
		t.Errorf("a long id came as %v", d.Headers)
	}
}

// A stock Watermill service reads what is written with headers: text.
func TestStockWatermillReadsText(t *testing.T) {
	p := newPlace(t, nil)
	p.Create(t)
	forward(t, p, config.HeadersText, &message.Message{UUID: "id-1", Payload: []byte("b"), Metadata: message.Metadata{
		"plain": "v", "n": "5", broker.HeaderKey: "k",
		broker.HeaderAMQP: `{"exchange":"","routing-key":"x","types":{"n":"I"},"values":{"x-death":{"A":[{"F":{"count":{"l":1}}}]}}}`,
	}})
	cfg := stock.NewDurableQueueConfig(rig.AMQP(t))
	cfg.Queue.GenerateName = func(string) string { return p.name }
	sub, err := stock.NewSubscriber(cfg, watermill.NopLogger{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Close() }()
	out, err := sub.Subscribe(t.Context(), "any")
	if err != nil {
		t.Fatal(err)
	}
	select {
	case m := <-out:
		m.Ack()
		if m.UUID != "id-1" || m.Metadata["plain"] != "v" || m.Metadata["n"] != "5" || m.Metadata[broker.HeaderKey] != "k" {
			t.Errorf("it reads %q %q", m.UUID, m.Metadata)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("it reads nothing")
	}
}

// forward publishes messages to a place.
func forward(t testing.TB, p *place, headers config.Headers, msgs ...*message.Message) {
	t.Helper()
	to := p.To()
	to.Headers = headers
	target := p.Target(t, to, broker.TargetOptions{Route: "route"})
	defer func() { _ = target.Close() }()
	if err := target.Publish("", msgs...); err != nil {
		t.Fatal(err)
	}
}
