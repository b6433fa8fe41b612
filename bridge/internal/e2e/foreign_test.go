package e2e_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	wamqp "github.com/ThreeDotsLabs/watermill-amqp/v2/pkg/amqp"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// backTo is a route that takes what others gave up and sends it where that was.
func backTo(from, to e2e.Place) string {
	return e2e.Route{From: []e2e.Place{from}, To: to, DeadLetters: true}.String()
}

// rejecting is a queue of which RabbitMQ keeps what consumers reject in another
// one.
func rejecting(t *testing.T) (work, dead string) {
	t.Helper()
	dead = rig.Queue(t)
	return rig.QueueWith(t, amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}), dead
}

// reject rejects what is in a queue.
func reject(t *testing.T, queue, dead string, n int) {
	t.Helper()
	ch := rig.Channel(t)
	for range n {
		d, ok, err := ch.Get(queue, false)
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		if err := d.Reject(false); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "RabbitMQ to move it", func() bool { return rig.Depth(t, dead) == n })
}

// order is a message with all that RabbitMQ carries.
func orderOf(id, body string) amqp.Publishing {
	return amqp.Publishing{
		MessageId: id, ContentType: "application/json", CorrelationId: "c-1", Priority: 2, DeliveryMode: amqp.Persistent,
		Headers: amqp.Table{"tenant": "eu", "retries": int32(3), "raw": []byte{0, 0xff}}, Body: []byte(body),
	}
}

// TestForeign_RabbitMQ: a consumer rejects messages, RabbitMQ puts them into its
// dead-letter queue, and the bridge takes them from there. Redriven they are back
// in the queue that they came from, as they were; one that says nothing of where
// that was has no place to go.
func TestForeign_RabbitMQ(t *testing.T) {
	t.Parallel()
	work, dead := rejecting(t)
	rig.Publish(t, work, orderOf("o-1", `{"n":1}`), orderOf("", `{"n":2}`), orderOf("", `{"n":3}`))
	reject(t, work, dead, 3)
	strange := orderOf("strange", "put there by hand")
	rig.Publish(t, dead, strange)
	b := e2e.Start(t, e2e.Options{Routes: backTo(e2e.Queue(dead), e2e.Queue("origin"))})
	e2e.Rest{Loose: 4}.Await(b, settleTimeout)
	emptied(t, e2e.Queue(dead))
	if out := b.Must("dlq", "ls"); !strings.Contains(out, "foreign") || !strings.Contains(out, "rabbitmq: rejected (queue "+work) {
		t.Errorf("dlq ls:\n%s", out)
	}
	letters := byMessage(b.DeadLetters("orders"))
	first := letters["o-1"]
	if first.Reason != "foreign" || first.Class != "permanent" || first.Attempts != 1 || time.Since(first.FirstFailed) > time.Minute {
		t.Errorf("%+v", first.DeadLetter)
	}
	if d := letters["strange"]; d.Error != "no header says why it was given up" {
		t.Errorf("%q", d.Error)
	}
	b.Must("dlq", "redrive", first.ID, "--reason", "mended")
	b.Must("dlq", "redrive", letters["strange"].ID, "--reason", "mended")
	b.Await("one to be back, and the other one to have no place", settleTimeout, func() (string, bool) {
		letters = byMessage(b.DeadLetters("orders"))
		return fmt.Sprint(letters), rig.Depth(t, work) == 1 && letters["strange"].Reason == "unroutable"
	})
	accounted(t, b)
	stopped(t, b)
	got := e2e.Deliveries(t, work)[0]
	want := orderOf("o-1", `{"n":1}`)
	if got.MessageId != want.MessageId || got.ContentType != want.ContentType || got.CorrelationId != want.CorrelationId ||
		got.Priority != want.Priority || !bytes.Equal(got.Body, want.Body) {
		t.Errorf("%+v", got)
	}
	for name, v := range want.Headers {
		if !reflect.DeepEqual(got.Headers[name], v) {
			t.Errorf("header %s is %#v, want %#v", name, got.Headers[name], v)
		}
	}
	if got.Headers["x-first-death-queue"] != work {
		t.Errorf("what RabbitMQ has written is gone: %v", got.Headers)
	}
}

// TestForeign_KilledBeforeAck: killed between commit and acknowledgement the bridge
// gets the messages again, and makes no second dead letters of them.
func TestForeign_KilledBeforeAck(t *testing.T) {
	t.Parallel()
	for _, queueType := range []string{"classic", "quorum"} {
		t.Run(queueType, func(t *testing.T) {
			t.Parallel()
			dead := rig.QueueWith(t, amqp.Table{"x-queue-type": queueType})
			work := rig.QueueWith(t, amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead})
			const n = 20
			for i := range n { // without ids
				rig.Publish(t, work, orderOf("", fmt.Sprint(i)))
			}
			reject(t, work, dead, n)
			b := e2e.Prepare(t, e2e.Options{Routes: backTo(e2e.Queue(dead), e2e.Queue("origin")), Failpoints: true})
			b.Run([]string{"BRIDGE_FAIL=before-ack@1"})
			b.AwaitCrash()
			b.Restart()
			e2e.Rest{Loose: n}.Await(b, settleTimeout)
			if m, _ := b.Metrics(); m.Sum("bridge_messages_duplicates_total") == 0 {
				t.Error("nothing came again")
			}
			stopped(t, b)
			emptied(t, e2e.Queue(dead))
		})
	}
}

// TestForeign_Spring: dead letters of Spring Kafka, whose numbers are binary, go back
// to their topic with key, value and headers byte for byte.
func TestForeign_Spring(t *testing.T) {
	t.Parallel()
	topic, dlt := rig.Topic(t, 3), rig.Topic(t, 3)
	given := &kgo.Record{Key: []byte{0xff, 'k'}, Value: []byte("value\x00"), Headers: []kgo.RecordHeader{
		{Key: "trace", Value: []byte("1")},
		{Key: "trace", Value: []byte("2")},
		{Key: "kafka_dlt-original-topic", Value: []byte(topic)},
		{Key: "kafka_dlt-original-partition", Value: binary.BigEndian.AppendUint32(nil, 2)},
		{Key: "kafka_dlt-original-offset", Value: binary.BigEndian.AppendUint64(nil, 1234)},
		{Key: "kafka_dlt-original-timestamp", Value: binary.BigEndian.AppendUint64(nil, 1700000000000)},
		{Key: "kafka_dlt-exception-fqcn", Value: []byte("org.springframework.kafka.listener.ListenerExecutionFailedException")},
		{Key: "kafka_dlt-exception-cause-fqcn", Value: []byte("java.lang.IllegalStateException")},
		{Key: "kafka_dlt-exception-message", Value: []byte("no such order")},
		{Key: "empty", Value: []byte{}},
		{Key: "null", Value: nil},
	}}
	gone := &kgo.Record{Key: []byte("gone"), Headers: []kgo.RecordHeader{
		{Key: "kafka_dlt-original-topic", Value: []byte(rig.Name(t) + "-gone")}, {Key: "kafka_dlt-exception-fqcn", Value: []byte("x.Y")},
	}}
	rig.Produce(t, dlt, given, gone)
	b := e2e.Start(t, e2e.Options{Routes: backTo(e2e.Topic(dlt), e2e.Topic("origin"))})
	e2e.Rest{Loose: 2}.Await(b, settleTimeout)
	var back api.DeadLetterDetail
	for _, d := range b.DeadLetters("orders") {
		if strings.Contains(d.Error, "IllegalState") {
			back = d
		}
		b.Must("dlq", "redrive", d.ID, "--reason", "mended")
	}
	if want := "spring: java.lang.IllegalStateException: no such order (topic " + topic + ", partition 2, offset 1234)"; back.Reason != "foreign" || back.Error != want {
		t.Errorf("%s %q, want %q", back.Reason, back.Error, want)
	}
	b.Await("one to be back, and the other one to have no topic", settleTimeout, func() (string, bool) {
		all := b.DeadLetters("orders")
		return fmt.Sprint(all), len(all) == 1 && all[0].Reason == "unroutable"
	})
	accounted(t, b)
	stopped(t, b)
	emptied(t, e2e.Topic(dlt))
	records := e2e.Records(t, topic)
	if len(records) != 1 {
		t.Fatalf("%d records", len(records))
	}
	r := records[0]
	theirs := slices.DeleteFunc(slices.Clone(r.Headers), func(h kgo.RecordHeader) bool { return strings.HasPrefix(h.Key, "bridge-") })
	if !bytes.Equal(r.Key, given.Key) || !bytes.Equal(r.Value, given.Value) || !reflect.DeepEqual(theirs, given.Headers) {
		t.Errorf("%q %q\n%q\nwant\n%q", r.Key, r.Value, theirs, given.Headers)
	}
	if e2e.Headers(r)["bridge-hops"] != "1" {
		t.Errorf("%q", r.Headers)
	}
}

// TestForeign_PoisonQueue: a Watermill service with its own PoisonQueue middleware,
// on RabbitMQ. Once its handler is mended the bridge brings it what it had given up.
func TestForeign_PoisonQueue(t *testing.T) {
	t.Parallel()
	work, poison := rig.Queue(t), rig.Queue(t)
	var mended atomic.Bool
	handled := make(chan string, 10)
	servePoisoned(t, work, poison, func(m *message.Message) error {
		if !mended.Load() {
			return errors.New("no such order")
		}
		handled <- m.UUID + " " + string(m.Payload)
		return nil
	})
	p, err := wamqp.NewPublisher(wamqp.NewDurableQueueConfig(rig.AMQP(t)), watermill.NopLogger{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	if err := p.Publish(work, message.NewMessage("u-1", []byte("one"))); err != nil {
		t.Fatal(err)
	}
	route := backTo(e2e.Queue(poison), e2e.Queue("origin"))
	b := e2e.Start(t, e2e.Options{Routes: strings.Replace(route, `queue: "origin"`, `queue: origin, headers: text`, 1)})
	e2e.Rest{Loose: 1}.Await(b, settleTimeout)
	d := b.DeadLetters("orders")[0]
	if want := "watermill: bill: no such order (from " + work + ")"; d.Reason != "foreign" || d.Error != want || d.MessageID != "u-1" {
		t.Errorf("%s %q %q", d.Reason, d.Error, d.MessageID)
	}
	mended.Store(true)
	b.Must("dlq", "redrive", d.ID, "--reason", "mended")
	select {
	case got := <-handled:
		if got != "u-1 one" {
			t.Errorf("handled %q", got)
		}
	case <-time.After(settleTimeout):
		t.Error("it did not come back")
	}
	e2e.Rest{Messages: 1}.Await(b, settleTimeout)
	stopped(t, b)
	emptied(t, e2e.Queue(poison))
}

// servePoisoned runs a stock Watermill service until the test ends.
func servePoisoned(t *testing.T, work, poison string, handle func(*message.Message) error) {
	t.Helper()
	cfg := wamqp.NewDurableQueueConfig(rig.AMQP(t))
	s, err := wamqp.NewSubscriber(cfg, watermill.NopLogger{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := wamqp.NewPublisher(cfg, watermill.NopLogger{})
	if err != nil {
		t.Fatal(err)
	}
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: time.Second}, watermill.NopLogger{})
	if err != nil {
		t.Fatal(err)
	}
	queue, err := middleware.PoisonQueue(p, poison)
	if err != nil {
		t.Fatal(err)
	}
	router.AddMiddleware(queue)
	router.AddConsumerHandler("bill", work, s, handle)
	done := make(chan error, 1)
	go func() { done <- router.Run(context.Background()) }()
	<-router.Running()
	t.Cleanup(func() {
		if err := errors.Join(router.Close(), <-done, p.Close()); err != nil {
			t.Error(err)
		}
	})
}
