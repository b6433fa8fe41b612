package e2e_test

import (
	"reflect"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker/sidecar"
	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// TestW1_D9_TypedHeaders sends every type that AMQP has, in headers and in
// properties: nothing is refused, and all of it can be had back at the target.
func TestW1_D9_TypedHeaders(t *testing.T) {
	t.Parallel()
	queue, topic := rig.Queue(t), rig.Topic(t, 1)
	p := ordered("a", 1)
	p.ContentType, p.CorrelationId, p.Priority, p.Type = "text/plain", "c-1", 3, "created"
	p.Timestamp, p.AppId, p.ReplyTo = time.Unix(1700000000, 0), "shop", "answers"
	p.Headers = amqp.Table{
		"key": "a", "revision": int16(1), "a.b": "dotted", "not UTF-8": "\xff\xfe", "line\r\nend": "x\r\ny",
		"byte": byte(200), "short": int16(-3), "int": int32(-70000), "long": int64(1) << 60,
		"float": float32(1.5), "double": 2.25, "true": true, "void": nil, "time": time.Unix(1600000000, 0),
		"bytes": []byte{0, 1, 0xff}, "decimal": amqp.Decimal{Scale: 2, Value: 1234},
		"list": []any{"x", int32(1), amqp.Table{"deep": []any{true, nil}}}, "table": amqp.Table{"in": amqp.Table{"n": int64(7)}},
	}
	forged := ordered("a", 2)
	forged.Headers["bridge-key"], forged.Headers["bridge-revision"] = "forged", "99"
	rig.Publish(t, queue, p, forged)
	b := e2e.Start(t, e2e.Options{Routes: e2e.Route{From: e2e.Queues(queue), To: e2e.Topic(topic)}.String()})
	e2e.Rest{Messages: 2}.Await(b, settleTimeout)
	records := e2e.Records(t, topic)
	if string(records[0].Value) != string(p.Body) {
		t.Errorf("I9: the body is %q", records[0].Value)
	}
	sameAMQP(t, e2e.Headers(records[0]), p)
	h := e2e.Headers(records[0])
	for name, want := range map[string]string{
		"revision": "1", "int": "-70000", "double": "2.25", "true": "true", "time": "2020-09-13T12:26:40Z", "a.b": "dotted",
		"bridge-key": "a", "bridge-revision": "1", "bridge-message-id": "a/1", "bridge-hops": "1",
	} {
		if h[name] != want {
			t.Errorf("header %s is %q, want %q", name, h[name], want)
		}
	}
	wantRevisions(t, topic, "a", 1, 2) // whatever the forged ones said
	stopped(t, b)
}

// TestW1_A10_DeadLetteredByRabbitMQ sends messages that RabbitMQ itself has
// dead-lettered: their x-death is a list of tables.
func TestW1_A10_DeadLetteredByRabbitMQ(t *testing.T) {
	t.Parallel()
	queue, topic := rig.Queue(t), rig.Topic(t, 1)
	waiting := rig.QueueWith(t, amqp.Table{
		"x-message-ttl": int64(1), "x-dead-letter-exchange": "", "x-dead-letter-routing-key": queue,
	})
	rig.Publish(t, waiting, ordered("a", 1), ordered("a", 2))
	b := e2e.Start(t, e2e.Options{Routes: e2e.Route{From: e2e.Queues(queue), To: e2e.Topic(topic)}.String()})
	e2e.Rest{Messages: 2}.Await(b, settleTimeout)
	for _, r := range e2e.Records(t, topic) {
		original, err := sidecar.Restore(e2e.Headers(r))
		if err != nil {
			t.Fatal(err)
		}
		deaths, _ := original.Headers["x-death"].([]any)
		if len(deaths) != 1 {
			t.Fatalf("x-death is %v", original.Headers["x-death"])
		}
		if death, _ := deaths[0].(amqp.Table); death["queue"] != waiting || death["reason"] != "expired" || death["count"] != int64(1) {
			t.Errorf("x-death says %v", deaths[0])
		}
	}
	wantRevisions(t, topic, "a", 1, 2)
	stopped(t, b)
}

// sameAMQP checks that metadata holds all that AMQP knew of a message.
func sameAMQP(t *testing.T, md map[string]string, p amqp.Publishing) {
	t.Helper()
	for _, name := range []string{"bridge-key", "bridge-revision", "bridge-message-id", "bridge-hops"} {
		delete(md, name)
	}
	got, err := sidecar.Restore(md)
	if err != nil {
		t.Errorf("%s: %v", p.MessageId, err)
		return
	}
	want := p
	want.Body, got.Body = nil, nil
	if want.Headers == nil {
		want.Headers = amqp.Table{}
	}
	if !reflect.DeepEqual(got.Publishing, want) {
		t.Errorf("I9: %s: restored as\n%+v, sent as\n%+v", p.MessageId, got.Publishing, want)
	}
}
