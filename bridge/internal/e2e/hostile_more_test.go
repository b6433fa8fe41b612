package e2e_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/internal/bench/proc"
	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// TestD6_DeepJSONEndsNobody sends a body of brackets to a route that reads key and
// revision from it. Whoever reads such a body level by level runs out of stack, which
// ends the process, and the broker would deliver it to the next one.
func TestD6_DeepJSONEndsNobody(t *testing.T) {
	t.Parallel()
	queue, topic := rig.Queue(t), rig.Topic(t, 1)
	say := func(rev int) amqp.Publishing {
		return amqp.Publishing{MessageId: fmt.Sprint(rev), Body: fmt.Appendf(nil, `{"order":{"id":"a"},"rev":%d}`, rev)}
	}
	deep := bytes.Repeat([]byte(`{"a":[`), 16<<20/6)
	rig.Publish(t, queue, say(1), amqp.Publishing{MessageId: "deep", Body: deep}, say(2))
	route := e2e.Route{From: e2e.Queues(queue), To: e2e.Topic(topic), Key: "json.order.id", Revision: "json.rev"}
	b := e2e.Start(t, e2e.Options{Routes: route.String()})
	e2e.Rest{Messages: 2, Loose: 1}.Await(b, settleTimeout)
	letters := b.Letters("orders")
	if l := letters[0]; l.Reason != "undecodable" || !bytes.Equal(l.Body.Raw(), deep) || !strings.Contains(l.Error, "deep") {
		t.Errorf("%s (%s), with %d bytes", l.Reason, l.Error, l.Body.Size)
	}
	wantRevisions(t, topic, "a", 1, 2)
	stopped(t, b)
}

// TestD12_ExpirationPassesWhileParked lets a message wait for the one before it until
// its producer's time to live has passed: it is delivered, it does not expire in the
// target, and what its producer said is still to be read.
func TestD12_ExpirationPassesWhileParked(t *testing.T) {
	t.Parallel()
	const life = 3 * time.Second
	from, to := rig.Queue(t), rig.Queue(t)
	route := e2e.Route{From: e2e.Queues(from), To: e2e.Queue(to), Gap: "{ hold: 0s, timeout: 1h }"}
	b := e2e.Start(t, e2e.Options{Routes: route.String()})
	b.AwaitReady(recovery)
	late := ordered("a", 2)
	late.Expiration = fmt.Sprint(life.Milliseconds())
	rig.Publish(t, from, late)
	began := time.Now()
	e2e.Rest{Messages: 1, Parked: 1}.Await(b, settleTimeout)
	e2e.Await(t, "its time to have passed", settleTimeout, func() (string, bool) { return "", time.Since(began) > life })
	rig.Publish(t, from, ordered("a", 1))
	e2e.Rest{Messages: 2}.Await(b, settleTimeout)
	stopped(t, b)
	all := e2e.Deliveries(t, to)
	if len(all) != 2 || all[1].MessageId != "a/2" || all[1].Expiration != "" {
		t.Fatalf("%d messages were delivered", len(all))
	}
	if side, _ := all[1].Headers["bridge-amqp"].(string); side != `{"expiration":"3000"}` {
		t.Errorf("beside it is %q", side)
	}
}

// TestD1_PoisonFloodWithoutALimit sends nothing but messages that cannot be ordered to
// a route that has no stop_after: all of them are dead letters, and none is lost. The
// alarm is raised, memory stays what it is, and the route beside it moves its messages.
func TestD1_PoisonFloodWithoutALimit(t *testing.T) {
	const most = 800 << 20 // the process has windows of 64 MiB, and what Go and the store need
	flooded, topic := rig.Queue(t), rig.Topic(t, 1)
	n := size(5_000, 300_000)
	flood := make([]amqp.Publishing, n)
	for i := range flood {
		flood[i] = amqp.Publishing{Headers: amqp.Table{"key": "k", "revision": fmt.Sprint("-", i)}, Body: bytes.Repeat([]byte("x"), 500)}
	}
	rig.Publish(t, flooded, flood...)
	from, to := aQueue(t), aTopic(t)
	traffic := journal.Traffic{Keys: 50, Displaced: 20, Messages: 1000, Size: 128}
	feed := e2e.StartFeed(t, []e2e.Place{from}, traffic.All(), 1000)
	b := e2e.Start(t, e2e.Options{Routes: e2e.Route{Name: "flooded", From: e2e.Queues(flooded), To: e2e.Topic(topic)}.String() +
		e2e.Route{From: []e2e.Place{from}, To: to}.String()})
	sent := feed.End()
	e2e.Rest{Messages: len(sent), Loose: n}.Await(b, settleTimeout)
	b.Await("the alarm", settleTimeout, func() (string, bool) {
		m, ok := b.Metrics()
		return e2e.Describe(m), ok && m.Sum("bridge_alarm", "route=flooded", "reason=dead_letters") == 1
	})
	if peak, err := proc.Peak(b.PID()); err != nil || peak > most {
		t.Errorf("I7: it took %d MiB, %v", peak>>20, err)
	} else {
		t.Logf("%d dead letters, %d MiB", n, peak>>20)
	}
	stopped(t, b)
	emptied(t, e2e.Queue(flooded), from)
	judge(t, journal.Outcome{Sent: sent, Got: e2e.Delivered(t, to)})
}

// TestD8_OverEveryLimit sends bodies that no setting of the target would let in: as large
// as RabbitMQ takes at all, and one that is small only as long as it is compressed.
func TestD8_OverEveryLimit(t *testing.T) {
	most := "2147483647"
	all := []struct {
		name     string
		from, to e2e.Place
		size     int
	}{
		{"Kafka to Kafka, 129 MiB", e2e.Topic(rig.Topic(t, 1)), e2e.Topic(rig.TopicWith(t, 1, map[string]*string{"max.message.bytes": &most})), 129 << 20},
		{"RabbitMQ to Kafka, 128 MiB", aQueue(t), e2e.Topic(rig.TopicWith(t, 1, map[string]*string{"max.message.bytes": &most})), 128 << 20},
		{"Kafka to RabbitMQ, 129 MiB", e2e.Topic(rig.Topic(t, 1)), aQueue(t), 129 << 20},
	}
	for _, c := range all[:size(1, len(all))] {
		t.Run(c.name, func(t *testing.T) {
			publishLarge(t, c.from, c.size)
			b := e2e.Start(t, e2e.Options{Routes: e2e.Route{From: []e2e.Place{c.from}, To: c.to}.String()})
			e2e.Rest{Messages: 3, Dead: 1}.Await(b, settleTimeout)
			d := b.DeadLetters("orders")
			if len(d) != 1 || d[0].Reason != "too_large" || d[0].Attempts != 1 || d[0].Size != c.size {
				t.Errorf("the dead letters: %+v", d)
			}
			stopped(t, b)
			emptied(t, c.from)
		})
	}
}

// publishLarge sends a body of that size between two others.
func publishLarge(t *testing.T, to e2e.Place, n int) {
	t.Helper()
	if !to.IsTopic() {
		large := ordered("large", 1)
		large.Body = make([]byte, n)
		rig.Publish(t, to.String(), ordered("a", 1), large, ordered("a", 2))
		return
	}
	record := func(key, rev string, n int) *kgo.Record {
		return &kgo.Record{Key: []byte(key), Value: make([]byte, n), Headers: []kgo.RecordHeader{{Key: "key", Value: []byte(key)}, {Key: "revision", Value: []byte(rev)}}}
	}
	client := rig.Client(t, kgo.DefaultProduceTopic(to.String()), kgo.ProducerBatchCompression(kgo.ZstdCompression()),
		kgo.ProducerBatchMaxBytes(512<<20), kgo.BrokerMaxWriteBytes(1<<30))
	for _, r := range []*kgo.Record{record("a", "1", 9), record("large", "1", n), record("a", "2", 9)} {
		if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}
