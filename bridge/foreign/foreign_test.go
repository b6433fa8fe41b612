package foreign_test

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
	edge "github.com/brokerbridge/bridge/bridge/broker/amqp"
	"github.com/brokerbridge/bridge/bridge/broker/kafka"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/foreign"
)

// record is what the edge makes of a record with these headers.
func record(pairs ...string) map[string]string {
	r := &kgo.Record{Topic: "orders-dlt", Partition: 1, Offset: 7, Key: []byte("k"), Value: []byte("v")}
	for i := 0; i < len(pairs); i += 2 {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: pairs[i], Value: []byte(pairs[i+1])})
	}
	return kafka.Message(r, config.TrustBridge).Metadata
}

// delivery is what the edge makes of a delivery with these headers.
func delivery(h amqp.Table) map[string]string {
	d := &amqp.Delivery{Headers: h, RoutingKey: "orders.dead", Body: []byte("v")}
	return edge.Message(d, config.TrustBridge).Metadata
}

func be4(n int32) string { return string(binary.BigEndian.AppendUint32(nil, uint32(n))) }
func be8(n int64) string { return string(binary.BigEndian.AppendUint64(nil, uint64(n))) }

var died = time.Date(2026, 1, 31, 13, 5, 9, 0, time.UTC)

// rejected is what RabbitMQ has written of a message that was delayed in a queue
// retry before.
func rejected() amqp.Table {
	return amqp.Table{
		"x-death": []any{
			amqp.Table{
				"queue": "orders", "reason": "rejected", "count": int64(3), "time": died,
				"exchange": "shop", "routing-keys": []any{"orders.eu", "copy"},
			},
			amqp.Table{
				"queue": "retry", "reason": "expired", "count": int64(2), "time": died.Add(-time.Minute),
				"exchange": "", "routing-keys": []any{"retry"},
			},
		},
		"x-first-death-queue": "retry", "x-first-death-reason": "expired", "x-first-death-exchange": "",
	}
}

func TestProfiles(t *testing.T) {
	spring := record(
		"kafka_dlt-original-topic", "orders",
		"kafka_dlt-original-partition", be4(3),
		"kafka_dlt-original-offset", be8(1234),
		"kafka_dlt-original-timestamp", be8(1700000000000),
		"kafka_dlt-original-timestamp-type", "CreateTime",
		"kafka_dlt-original-consumer-group", "billing",
		"kafka_dlt-exception-fqcn", "org.springframework.kafka.listener.ListenerExecutionFailedException",
		"kafka_dlt-exception-cause-fqcn", "java.lang.IllegalStateException",
		"kafka_dlt-exception-message", "Listener failed; no such order 17\nwith a second line",
		"kafka_dlt-exception-stacktrace", strings.Repeat("at com.example.Listener\n", 100),
		"retry_topic-attempts", be4(4),
	)
	connect := record(
		"__connect.errors.topic", "orders", "__connect.errors.partition", "3", "__connect.errors.offset", "1234",
		"__connect.errors.connector.name", "jdbc-sink", "__connect.errors.task.id", "0", "__connect.errors.stage", "VALUE_CONVERTER",
		"__connect.errors.class.name", "org.apache.kafka.connect.json.JsonConverter",
		"__connect.errors.exception.class.name", "org.apache.kafka.connect.errors.DataException",
		"__connect.errors.exception.message", "Converting byte[] to Kafka Connect data failed",
		"__connect.errors.exception.stacktrace", "at …",
	)
	poisoned := []string{
		"reason_poisoned", "cannot unmarshal", "topic_poisoned", "orders", "handler_poisoned", "bill",
		"subscriber_poisoned", "kafka.Subscriber", "_watermill_message_uuid", "u1",
	}
	service := amqp.Table{
		"NServiceBus.FailedQ": "Sales", "NServiceBus.ExceptionInfo.ExceptionType": "System.InvalidOperationException",
		"NServiceBus.ExceptionInfo.Message": "out of stock", "NServiceBus.ExceptionInfo.StackTrace": "at Sales",
		"NServiceBus.TimeOfFailure": "2026-01-31 13:05:09:123456 Z", "NServiceBus.Retries": "3", "NServiceBus.MessageId": "m1",
	}
	delayed := rejected() // before the service gave it up
	for name, v := range service {
		delayed[name] = v
	}
	place := foreign.Origin{Topic: "orders", Placed: true, Partition: 3, Offset: 1234}
	sales := foreign.Letter{
		Profile: foreign.NServiceBus, Origin: foreign.Origin{Queue: "Sales"}, Type: "System.InvalidOperationException",
		Message: "out of stock", When: died.Add(123456 * time.Microsecond), Attempts: 3,
	}
	for name, c := range map[string]struct {
		metadata map[string]string
		want     foreign.Letter
		says     string
	}{
		"spring": {spring, foreign.Letter{
			Profile: foreign.Spring, Origin: place, Type: "java.lang.IllegalStateException",
			Message: "Listener failed; no such order 17", Attempts: 4,
		}, "spring: java.lang.IllegalStateException: Listener failed; no such order 17 (topic orders, partition 3, offset 1234)"},
		"connect": {connect, foreign.Letter{
			Profile: foreign.Connect, Origin: place, Reason: "VALUE_CONVERTER", Type: "org.apache.kafka.connect.errors.DataException",
			Message: "Converting byte[] to Kafka Connect data failed",
		}, "connect: org.apache.kafka.connect.errors.DataException: Converting byte[] to Kafka Connect data failed (topic orders, partition 3, offset 1234)"},
		"watermill": {record(poisoned...), foreign.Letter{
			Profile: foreign.Watermill, Origin: foreign.Origin{Topic: "orders", Queue: "orders"}, Type: "bill", Message: "cannot unmarshal",
		}, "watermill: bill: cannot unmarshal (from orders)"},
		"rabbitmq": {delivery(rejected()), foreign.Letter{
			Profile: foreign.RabbitMQ, Reason: "rejected", When: died, Attempts: 3,
			Origin: foreign.Origin{Queue: "orders", Exchange: "shop", RoutingKey: "orders.eu", Routed: true},
		}, "rabbitmq: rejected (queue orders)"},
		"rabbitmq, texts only": {delivery(amqp.Table{
			"x-first-death-queue": "retry", "x-first-death-reason": "expired", "x-last-death-queue": "orders", "x-last-death-reason": "maxlen",
		}), foreign.Letter{
			Profile: foreign.RabbitMQ, Reason: "maxlen", Origin: foreign.Origin{Queue: "orders"},
		}, "rabbitmq: maxlen (queue orders)"},
		"rabbitmq, default exchange": {delivery(amqp.Table{"x-death": []any{amqp.Table{
			"queue": "orders", "reason": "delivery_limit", "exchange": "", "routing-keys": []any{"orders"},
		}}}), foreign.Letter{
			Profile: foreign.RabbitMQ, Reason: "delivery_limit",
			Origin: foreign.Origin{Queue: "orders", RoutingKey: "orders", Routed: true},
		}, "rabbitmq: delivery_limit (queue orders)"},
		"nservicebus":          {delivery(service), sales, "nservicebus: System.InvalidOperationException: out of stock (queue Sales)"},
		"nservicebus, delayed": {delivery(delayed), sales, "nservicebus: System.InvalidOperationException: out of stock (queue Sales)"},
		"azure": {record("DeadLetterReason", "MaxDeliveryCountExceeded", "DeadLetterErrorDescription", "not completed after 10 deliveries", "DeadLetterSource", "orders"), foreign.Letter{
			Profile: foreign.Azure, Origin: foreign.Origin{Queue: "orders"}, Reason: "MaxDeliveryCountExceeded", Message: "not completed after 10 deliveries",
		}, "azure: MaxDeliveryCountExceeded: not completed after 10 deliveries (queue orders)"},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := foreign.Read(c.metadata)
			if !ok || got != c.want {
				t.Errorf("%v %+v\nwant %+v", ok, got, c.want)
			}
			if says := got.Error(); says != c.says {
				t.Errorf("it says %q\nwant    %q", says, c.says)
			}
		})
	}
}

func TestNoProfile(t *testing.T) {
	for name, md := range map[string]map[string]string{
		"nil":               nil,
		"record":            record("type", "order", "DeadLetterSource", "orders"),
		"delivery":          delivery(amqp.Table{"n": int32(1), "x-delivery-count": int64(2)}),
		"death is none":     delivery(amqp.Table{"x-death": []any{}}),
		"death is a number": {"bridge-amqp": `{"values":{"x-death":{"A":[{"F":5}]}}}`},
		"death is text":     delivery(amqp.Table{"x-death": "orders"}),
	} {
		if l, ok := foreign.Read(md); ok {
			t.Errorf("%s: %+v", name, l)
		}
	}
}

// What headers claim is not shown as it is, nor taken for a name.
func TestStrangeHeaders(t *testing.T) {
	l, ok := foreign.Read(record(
		"kafka_dlt-original-topic", "orders\x1b[2J", "kafka_dlt-original-partition", be4(3),
		"kafka_dlt-original-offset", be8(-1), "kafka_dlt-exception-fqcn", strings.Repeat("x", 10_000),
		"kafka_dlt-exception-message", "\xff\x1b[2J\tbad "+strings.Repeat("ü", 5000), "retry_topic-attempts", be4(-1),
	))
	if !ok || l.Origin != (foreign.Origin{}) || l.Attempts != 0 {
		t.Errorf("%v %+v", ok, l)
	}
	if !strings.HasPrefix(l.Message, "� [2J bad üü") || len(l.Message) > 1024 || len(l.Type) > 255 {
		t.Errorf("%d %q\n%d %q", len(l.Message), l.Message, len(l.Type), l.Type)
	}
	md := delivery(amqp.Table{"x-death": []any{amqp.Table{
		"queue": strings.Repeat("q", 256), "reason": int64(5), "count": "three", "time": "now", "exchange": "a\nb", "routing-keys": []any{"k"},
	}}})
	want := foreign.Letter{Profile: foreign.RabbitMQ, Origin: foreign.Origin{RoutingKey: "k"}}
	if l, ok := foreign.Read(md); !ok || l != want {
		t.Errorf("%v %+v", ok, l)
	}
}

// The same message has the same name each time it is delivered, and no other has it.
func TestSame(t *testing.T) {
	first := foreign.Same(delivery(rejected()))
	again := rejected()
	again["x-delivery-count"] = int64(1)
	if got := foreign.Same(delivery(again)); got != first {
		t.Error("delivered again it is another")
	}
	later := rejected()
	later["x-death"].([]any)[0].(amqp.Table)["time"] = died.Add(time.Second)
	other := rejected()
	other["tenant"] = "b"
	number, text := rejected(), rejected()
	number["n"], text["n"] = int32(5), "5"
	if foreign.Same(delivery(number)) == foreign.Same(delivery(text)) {
		t.Error("a number is the same as its text")
	}
	for name, md := range map[string]map[string]string{
		"given up later": delivery(later), "with another header": delivery(other), "without": delivery(nil),
	} {
		if foreign.Same(md) == first {
			t.Errorf("one %s is the same", name)
		}
	}
	r := &kgo.Record{Topic: "orders-dlt", Offset: 8}
	at := kafka.Message(r, config.TrustBridge).Metadata
	r.Offset++
	if foreign.Same(at) == foreign.Same(kafka.Message(r, config.TrustBridge).Metadata) {
		t.Error("two records are the same")
	}
}

// A table that cannot be read has its count of deliveries inside.
func TestSameOfATableThatCannotBeRead(t *testing.T) {
	of := func(fields string) map[string]string {
		table := binary.BigEndian.AppendUint32(nil, uint32(len(fields)))
		return map[string]string{broker.HeaderAMQP: `{"headers":"` + base64.StdEncoding.EncodeToString(append(table, fields...)) + `"}`}
	}
	const bad, count = "\x01k?", "\x10x-delivery-countl\x00\x00\x00\x00\x00\x00\x00"
	first := foreign.Same(of(bad))
	if foreign.Same(of(bad+count+"\x01")) != first || foreign.Same(of(count+"\x02"+bad)) != first {
		t.Error("delivered again it is another")
	}
	if foreign.Same(of("\x01j?")) == first {
		t.Error("another is the same")
	}
}

// The package knows the sidecars by name, because what it is for imports it.
func TestSidecarIsThatOfTheEdges(t *testing.T) {
	md := map[string]string{broker.HeaderAMQP: delivery(rejected())[broker.HeaderAMQP]}
	if l, ok := foreign.Read(md); !ok || l.Origin.Queue != "orders" {
		t.Errorf("%v %+v", ok, l)
	}
}
