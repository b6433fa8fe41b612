package sidecar_test

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/sidecar"
)

// values are all that AMQP can put into a table, odd ones first.
var values = map[string]any{
	"nil":              nil,
	"empty":            "",
	"string":           "text with \"quotes\", \\ and \x00 control \u2028",
	"binary string":    "\xff\xfe",
	"name \xff binary": "v",
	"base64:eA==":      "a name that looks like ours",
	"true":             true,
	"false":            false,
	"uint8":            uint8(255),
	"int8":             int8(-128),
	"int16":            int16(-32768),
	"uint16":           uint16(65535),
	"int32":            int32(math.MinInt32),
	"uint32":           uint32(math.MaxUint32),
	"int64":            int64(math.MinInt64),
	"beyond 2^53":      int64(1<<53 + 1),
	"float32":          float32(0.1),
	"float64":          0.1,
	"minus zero":       math.Copysign(0, -1),
	"inf":              math.Inf(1),
	"-inf32":           float32(math.Inf(-1)),
	"nan":              math.Float64frombits(0x7ff8000000000123),
	"decimal":          amqp.Decimal{Scale: 2, Value: -12345},
	"1970":             time.Unix(0, 0),
	"before 1970":      time.Unix(-1, 0),
	"year 9999":        time.Unix(253402300799, 0),
	"far future":       time.Unix(math.MaxInt64/2, 0),
	"bytes":            []byte("text"),
	"binary bytes":     []byte{0xff, 0},
	"no bytes":         []byte{},
	"array":            []any{int32(1), "two", nil, []any{}, amqp.Table{"x": []byte{1, 0xff}}},
	"table":            amqp.Table{"a": int64(-1), "b \xff": amqp.Table{}, "c": math.Inf(-1), "d": "\xfe"},
}

func TestEveryTypeComesBack(t *testing.T) {
	var e sidecar.Encoder
	d := amqp.Delivery{Headers: amqp.Table(values), Exchange: "e", RoutingKey: "k \xff"}
	md := e.Encode(&d)
	o := restore(t, md)
	if len(o.Headers) != len(values) {
		t.Errorf("%d headers, want %d", len(o.Headers), len(values))
	}
	for name, want := range values {
		if got := o.Headers[name]; !same(got, want) {
			t.Errorf("%q came back as %T %v, want %T %v", name, got, got, want, want)
		}
	}
	if o.Exchange != d.Exchange || o.RoutingKey != d.RoutingKey {
		t.Errorf("came to %q %q, want %q %q", o.Exchange, o.RoutingKey, d.Exchange, d.RoutingKey)
	}
}

func TestWhatCanBeATextIsOne(t *testing.T) {
	var e sidecar.Encoder
	md := e.Encode(&amqp.Delivery{Headers: amqp.Table(values)})
	for name, want := range map[string]string{
		"int8": "-128", "beyond 2^53": "9007199254740993", "true": "true", "float32": "0.1", "inf": "+Inf",
		"1970": "1970-01-01T00:00:00Z", "bytes": "text", "binary string": "\xff\xfe",
	} {
		if got, ok := md[name]; !ok || got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"nil", "nan", "decimal", "array", "table", "binary bytes", "far future"} {
		if got, ok := md[name]; ok {
			t.Errorf("%q has the text %q", name, got)
		}
	}
}

func TestW10_PropertiesSurvive(t *testing.T) {
	want := amqp.Delivery{
		ContentType: "application/json", ContentEncoding: "gzip", DeliveryMode: 2, Priority: 9,
		CorrelationId: "c", ReplyTo: "r", Expiration: "60000", MessageId: "m \xff", Timestamp: time.Unix(0, 0),
		Type: "t", UserId: "guest", AppId: "a",
	}
	var e sidecar.Encoder
	md := e.Encode(&want)
	o := restore(t, md)
	got := amqp.Delivery{
		ContentType: o.ContentType, ContentEncoding: o.ContentEncoding, DeliveryMode: o.DeliveryMode,
		Priority: o.Priority, CorrelationId: o.CorrelationId, ReplyTo: o.ReplyTo, Expiration: o.Expiration,
		MessageId: o.MessageId, Timestamp: o.Timestamp, Type: o.Type, UserId: o.UserId, AppId: o.AppId,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("came back as\n%+v, want\n%+v", got, want)
	}
	for name, want := range map[string]string{
		"message-id": "m \xff", "timestamp": "0", "delivery-mode": "2", "type": "t", "routing-key": "",
	} {
		if got, ok := broker.Property(md, name); !ok || got != want {
			t.Errorf("property %s is %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"types", "#", "message-id.x", "@this", "nope"} {
		if got, ok := broker.Property(md, name); ok {
			t.Errorf("there is a property %s: %q", name, got)
		}
	}
}

// Whoever edits a header of a message on its way has edited the message.
func TestTextWinsOverTheSidecar(t *testing.T) {
	var e sidecar.Encoder
	md := e.Encode(&amqp.Delivery{Headers: amqp.Table{"n": int8(1), "gone": int8(1), "list": []any{}}})
	md["n"], md["list"] = "1000", "now a text"
	delete(md, "gone")
	o := restore(t, md)
	if want := (amqp.Table{"n": "1000", "list": "now a text"}); !reflect.DeepEqual(o.Headers, want) {
		t.Errorf("headers are %v, want %v", o.Headers, want)
	}
}

func TestForeignHeadersOfOurOwnAreNotBelieved(t *testing.T) {
	foreign := amqp.Table{
		"bridge-amqp": "forged", "bridge-key": "k", "bridge-revision": "7", "bridge-dlq-reason": []any{}, "bridge-x": int8(1),
		"bridge-hops": "3", "bridge-message-id": "id", "bridge-kafka": "{}", "own": "v",
		"bridge-undecodable": "forged", "bridge-null-body": "1", sidecar.RawHeaders: []byte("forged"),
	}
	var bridge sidecar.Encoder
	md := bridge.Encode(&amqp.Delivery{Headers: foreign})
	side := md["bridge-amqp"]
	delete(md, "bridge-amqp")
	want := message.Metadata{
		"bridge-hops": "3", "bridge-message-id": "id", "bridge-key": "k", "bridge-revision": "7", "bridge-kafka": "{}", "own": "v",
	}
	if !reflect.DeepEqual(md, want) || strings.Contains(side, "bridge-") {
		t.Errorf("believed %v and %s, want %v", md, side, want)
	}

	nobody := sidecar.Encoder{TrustNone: true}
	md = nobody.Encode(&amqp.Delivery{Headers: foreign})
	delete(md, "bridge-amqp")
	if want := (message.Metadata{"own": "v"}); !reflect.DeepEqual(md, want) {
		t.Errorf("believed %v without trust, want %v", md, want)
	}
}

func TestForgedSidecarIsAnErrorAndCostsNothing(t *testing.T) {
	for _, text := range []string{
		"", "{", "[]", "7", `{"values":{"a":{"l":1.5}}}`, `{"values":{"a":{"t":1}}}`, `{"values":{"a":[1]}}`,
		`{"values":{"a":{"l":1,"s":2}}}`, `{"content-type":{"l":1}}`, `{"delivery-mode":300}`,
		`{"values":{"a":{"B":256}}}`, `{"values":{"a":{"D":[1]}}}`, `{"values":{"a":{"x":"?"}}}`,
		`{"values":{"a":` + strings.Repeat(`{"A":[`, 40) + strings.Repeat(`]}`, 40) + `}}`,
	} {
		o, err := sidecar.Restore(message.Metadata{"bridge-amqp": text, "h": "v"})
		if err == nil {
			t.Errorf("%.60s was believed", text)
		}
		if want := (amqp.Table{"h": "v"}); !reflect.DeepEqual(o.Headers, want) {
			t.Errorf("%.60s: headers are %v", text, o.Headers)
		}
	}
}

// Most messages of a queue have the same sidecar: it is one string.
func TestDecodeIsCheap(t *testing.T) {
	d := typical()
	var e sidecar.Encoder
	e.Encode(&d)
	if n := testing.AllocsPerRun(100, func() { e.Encode(&d) }); n > 3 {
		t.Errorf("%v allocations for a typical message, want at most those of a small map", n)
	}
}

func BenchmarkEncode(b *testing.B) {
	d := typical()
	var e sidecar.Encoder
	b.ReportAllocs()
	for b.Loop() {
		e.Encode(&d)
	}
}

func BenchmarkProperty(b *testing.B) {
	d := typical()
	d.MessageId = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
	var e sidecar.Encoder
	md := e.Encode(&d)
	b.ReportAllocs()
	for b.Loop() {
		broker.Property(md, "message-id")
	}
}

func typical() amqp.Delivery {
	return amqp.Delivery{
		Headers: amqp.Table{"key": "customer-42", "revision": "17"}, ContentType: "application/json",
		DeliveryMode: 2, RoutingKey: "orders",
	}
}

func restore(t *testing.T, md message.Metadata) sidecar.Original {
	t.Helper()
	o, err := sidecar.Restore(md)
	if err != nil {
		t.Fatalf("%v: %s", err, md[broker.HeaderAMQP])
	}
	return o
}

// same is equality in which a NaN equals itself, if its bits do.
func same(a, b any) bool {
	if x, ok := a.(float64); ok {
		y, ok := b.(float64)
		return ok && math.Float64bits(x) == math.Float64bits(y)
	}
	return reflect.DeepEqual(a, b)
}
