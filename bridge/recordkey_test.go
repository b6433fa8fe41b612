package bridge

import (
	"strings"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	rabbit "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker/sidecar"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/policies"
)

// routeWith is a route with this order and this target.
func routeWith(t *testing.T, order, to string) config.Route {
	t.Helper()
	f, err := config.Parse("test.yaml", []byte(`
brokers:
  shop: { amqp: { url: "amqp://guest:guest@127.0.0.1/" } }
  lake: { kafka: { brokers: ["127.0.0.1:9092"] } }
store: { memory: {} }
routes:
  - name: r
    from: { broker: shop, queue: q }
    to: { broker: lake, topic: t`+to+` }
    order: { by: revision, first: 1, `+order+` }
`), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	return f.Routes[0]
}

func TestRecordKeyIsWhatToKeyNames(t *testing.T) {
	m := &message.Message{Payload: []byte(`{"id":7,"tags":[]}`), Metadata: message.Metadata{
		"a": "1", "b": "x,y", "empty": "", "bridge-key": "order",
		"bridge-kafka": `{"topic":"t","key":"original"}`, "bridge-amqp": `{"exchange":"","routing-key":"rk","message-id":"m"}`,
	}}
	for key, want := range map[string]string{
		"header.a":              "1",
		"header.empty":          "",
		"message_key":           "original",
		"routing_key":           "rk",
		"property.message-id":   "m",
		"json.id":               "7",
		"[header.a, header.b]":  `["1","x,y"]`,
		"[header.b, json.id]":   `["x,y","7"]`,
		"header.c":              "unroutable: to.key: header.c: the message does not have it",
		"[header.a, header.c]":  "unroutable: to.key: header.c: the message does not have it",
		"property.content-type": "unroutable: to.key: property.content-type: the message does not have it",
		"json.tags":             "unroutable: to.key: json.tags: json.tags is an object or array",
	} {
		r := routeWith(t, "key: header.k, revision: header.r", ", key: "+key)
		got, ok, err := recordKeyOf(r)(m)
		if err != nil {
			got = policies.ReasonOf(err) + ": " + err.Error()
		}
		if got != want || ok != (err == nil) || err != nil && policies.ClassOf(err) != policies.Permanent {
			t.Errorf("%s: %q (%v, %v), want %q", key, got, ok, policies.ClassOf(err), want)
		}
	}

	null := &message.Message{Metadata: message.Metadata{"bridge-kafka": `{"topic":"t"}`}}
	if key, ok, err := recordKeyOf(routeWith(t, "key: header.k, revision: header.r", ", key: message_key"))(null); ok || err != nil {
		t.Errorf("a null key is %q (%v, %v)", key, ok, err)
	}
	if f := recordKeyOf(routeWith(t, "key: [header.a, json.id], revision: header.r", "")); f != nil {
		t.Error("without to.key it is not the key of the order")
	}
}

// CloudEvents say key and revision by partitionkey and sequence, under names
// that differ from binding to binding.
func TestCloudEventsAreIdentified(t *testing.T) {
	var record sidecar.RecordEncoder
	var delivery sidecar.Encoder
	fromKafka := record.Encode(&kgo.Record{Key: []byte("k"), Headers: []kgo.RecordHeader{
		{Key: "ce_id", Value: []byte("1")}, {Key: "ce_partitionkey", Value: []byte("cart-7")}, {Key: "ce_sequence", Value: []byte("0042")},
	}})
	fromAMQP := delivery.Encode(&rabbit.Delivery{Headers: rabbit.Table{
		"cloudEvents:partitionkey": "cart-7", "cloudEvents_partitionkey": "cart-7",
		"cloudEvents:sequence": "42", "cloudEvents_sequence": int64(42),
	}})
	structured := `{"specversion":"1.0","id":"1","partitionkey":"cart-7","sequence":"42","data":{}}`
	for _, c := range []struct {
		order string
		m     *message.Message
	}{
		{"key: header.ce_partitionkey, revision: header.ce_sequence", &message.Message{Metadata: fromKafka}},
		{`key: 'header.cloudEvents:partitionkey', revision: 'header."cloudEvents:sequence"'`, &message.Message{Metadata: fromAMQP}},
		{"key: header.cloudEvents_partitionkey, revision: header.cloudEvents_sequence", &message.Message{Metadata: fromAMQP}},
		{"key: json.partitionkey, revision: json.sequence", &message.Message{Payload: []byte(structured), Metadata: message.Metadata{}}},
	} {
		id, err := newIdentifier(routeWith(t, c.order, "")).identify(c.m)
		if err != nil || id.Key != "cart-7" || id.Revision != 42 {
			t.Errorf("%s: %+v, %v", c.order, id, err)
		}
	}
}

// Trace headers stay where every tracer looks for them: on top, as texts.
func TestTraceHeadersStayOnTop(t *testing.T) {
	trace := map[string]string{
		"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "congo=t61rcWkgMzE", "baggage": "user=7",
	}
	r := &kgo.Record{}
	d := &rabbit.Delivery{Headers: rabbit.Table{}}
	for name, v := range trace {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: name, Value: []byte(v)})
		d.Headers[name] = v
	}
	var record sidecar.RecordEncoder
	var delivery sidecar.Encoder
	for from, md := range map[string]message.Metadata{"Kafka": record.Encode(r), "AMQP": delivery.Encode(d)} {
		for name, v := range trace {
			if md[name] != v || strings.Contains(md["bridge-amqp"], v) {
				t.Errorf("from %s: %s is %q", from, name, md[name])
			}
		}
		o, err := sidecar.RestoreRecord(md)
		if err != nil || len(o.Headers) < len(trace) {
			t.Errorf("from %s: to Kafka %q, %v", from, o.Headers, err)
		}
		for _, h := range o.Headers {
			if v, ours := trace[h.Key]; ours && v != string(h.Value) {
				t.Errorf("from %s: to Kafka %s is %q", from, h.Key, h.Value)
			}
		}
	}
}
