package stock_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	amqp091 "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
	edge "github.com/brokerbridge/bridge/bridge/broker/kafka"
	"github.com/brokerbridge/bridge/bridge/broker/stock"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
	"github.com/brokerbridge/bridge/policies"
)

// W1, W10: headers of every type come, as text, with their types and the
// properties in the sidecar; the stock marshaler would refuse them for ever.
func TestW1_W10_TypedHeadersAndPropertiesCome(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	rig.Publish(t, q.name, amqp091.Publishing{
		MessageId: "m-1", ContentType: "text/plain", Body: []byte("b"), Headers: amqp091.Table{
			"x-delivery-count": int64(3), "yes": true, "nil": nil,
			"x-death": []any{amqp091.Table{"count": int64(1)}},
		},
	})
	m := next(t, reader(t, q, nil), "b").Message
	if m.UUID != "m-1" || m.Metadata["x-delivery-count"] != "3" || m.Metadata["yes"] != "true" {
		t.Errorf("came %q with %q", m.UUID, m.Metadata)
	}
	if v, ok := broker.Property(m.Metadata, "content-type"); !ok || v != "text/plain" {
		t.Errorf("the sidecar is %s", m.Metadata[broker.HeaderAMQP])
	}
}

// W10: the key of a record comes.
func TestW10_RecordKeyComes(t *testing.T) {
	t.Parallel()
	tp := newTopic(t, 1)
	rig.Produce(t, tp.name, &kgo.Record{Key: []byte("k"), Headers: []kgo.RecordHeader{{Key: "twice", Value: []byte("1")}, {Key: "twice", Value: []byte("2")}}})
	m := next(t, reader(t, tp, nil), "").Message
	if key, ok := broker.RecordKey(m.Metadata); !ok || key != "k" || m.Payload != nil || m.Metadata["twice"] != "2" {
		t.Errorf("came %v with %q", m.Payload, m.Metadata)
	}
}

// W7: a group that is new begins at the oldest record, not at the newest.
func TestW7_BeginsAtTheOldest(t *testing.T) {
	t.Parallel()
	tp := newTopic(t, 3)
	const n = 30
	for i := range n {
		rig.Produce(t, tp.name, &kgo.Record{Key: fmt.Append(nil, "key-", i), Value: []byte("v")})
	}
	r := reader(t, tp, nil)
	for range n {
		r.Next(1)[0].Ack()
	}
	none(t, r)
	r.Close()
	holds(t, tp, 0)
}

// A key has the partition that the bridge's own edge gives it, and so Kafka's own
// clients; sarama's default would give it another.
func TestPartitionIsThatOfTheOwnEdge(t *testing.T) {
	t.Parallel()
	const n = 500
	partitions := func(b broker.Broker) map[string]int32 {
		tp := newTopic(t, 7)
		target, err := b.Target(tp.To(), broker.TargetOptions{Route: "route"})
		if err != nil {
			t.Fatal(err)
		}
		var msgs []*message.Message
		for i := range n {
			key := strings.Repeat("k", i%5) + fmt.Sprint(i*i)
			msgs = append(msgs, &message.Message{Metadata: message.Metadata{broker.HeaderKey: key}, Payload: []byte("v")})
		}
		msgs = append(msgs, &message.Message{Metadata: message.Metadata{broker.HeaderKey: ""}, Payload: []byte("v")})
		for i, err := range target.PublishBatch(msgs) {
			if err != nil {
				t.Fatal(i, err)
			}
		}
		if err := target.Close(); err != nil {
			t.Error(err)
		}
		of := map[string]int32{}
		for _, r := range rig.Read(t, tp.name, n+1, 15*time.Second) {
			of[string(r.Key)] = r.Partition
		}
		return of
	}
	cfg := config.Kafka{Brokers: rig.Kafka(t)}
	want := partitions(edge.New("test", cfg, nil))
	got := partitions(open(t, config.Broker{Name: "test", Kafka: &cfg}))
	used := map[int32]bool{}
	for key, p := range want {
		used[p] = true
		if got[key] != p {
			t.Errorf("%q is in partition %d, the own edge has it in %d", key, got[key], p)
		}
	}
	if len(want) < n || len(used) != 7 {
		t.Errorf("%d keys in %d partitions compared", len(want), len(used))
	}
}

// W2: what no queue takes is no success. The client itself says nothing.
func TestW2_DeletedQueueIsUnavailable(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	out := target(t, q, q.To(), broker.TargetOptions{Route: "route"})
	defer func() {
		if err := out.Close(); err != nil {
			t.Error(err)
		}
	}()
	m := &message.Message{UUID: "1", Metadata: message.Metadata{}, Payload: []byte("b")}
	if err := out.Publish("", m); err != nil {
		t.Fatal(err)
	}
	if _, err := q.ch.QueueDelete(q.name, false, false, false); err != nil {
		t.Fatal(err)
	}
	if err := out.Publish("", m); policies.ClassOf(err) != policies.Unavailable {
		t.Fatalf("published to a queue that is gone: %v (%v)", err, policies.ClassOf(err))
	}
	q.Create(t)
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if out.Publish("", m) == nil {
			if got := len(q.Read(t, 1)); got != 1 {
				t.Errorf("%d came", got)
			}
			return
		}
	}
	t.Error("it was not written again")
}

// A queue that is full refuses, and it is known which ones: confirms are on (W5).
func TestW5_RefusedIsUnavailable(t *testing.T) {
	t.Parallel()
	q := missingQueue(t)
	args := amqp091.Table{"x-max-length": int32(30), "x-overflow": "reject-publish"}
	if _, err := q.ch.QueueDeclare(q.name, true, false, false, false, args); err != nil {
		t.Fatal(err)
	}
	var batch []*message.Message
	for i := range 200 {
		batch = append(batch, &message.Message{UUID: fmt.Sprint(i), Metadata: message.Metadata{}, Payload: []byte(fmt.Sprint(i))})
	}
	out := target(t, q, q.To(), broker.TargetOptions{Route: "route"})
	errs := out.PublishBatch(batch)
	if err := out.Close(); err != nil {
		t.Error(err)
	}
	there := map[string]bool{}
	for _, m := range q.Read(t, q.Depth(t)) {
		there[string(m.Payload)] = true
	}
	for i, err := range errs {
		if err != nil && policies.ClassOf(err) != policies.Unavailable || (err == nil) != there[fmt.Sprint(i)] {
			t.Errorf("message %d is there: %v, its outcome is %v (%v)", i, there[fmt.Sprint(i)], err, policies.ClassOf(err))
		}
	}
	if len(there) < 30 || len(there) > 100 {
		t.Errorf("%d are there", len(there))
	}
}

// The outcomes of a batch are those of its messages, in their order.
func TestOutcomesAreOfTheirMessages(t *testing.T) {
	t.Parallel()
	inEach(t, func(t *testing.T, p place) {
		var batch []*message.Message
		for i := range 200 {
			m := &message.Message{UUID: fmt.Sprint(i), Metadata: message.Metadata{}, Payload: []byte(fmt.Sprint(i))}
			if i%50 == 7 {
				m.Metadata["too large"] = strings.Repeat("x", 2<<20)
			}
			batch = append(batch, m)
		}
		out := target(t, p, p.To(), broker.TargetOptions{Route: "route"})
		for i, err := range out.PublishBatch(batch) {
			if large := i%50 == 7; large != (policies.ReasonOf(err) == "too_large") || !large && err != nil {
				t.Errorf("message %d: %v", i, err)
			}
		}
		if err := out.Close(); err != nil {
			t.Error(err)
		}
		for _, m := range p.Read(t, 196) {
			if m.Metadata[broker.HeaderWatermillID] != string(m.Payload) {
				t.Errorf("%q has the id %q", m.Payload, m.Metadata[broker.HeaderWatermillID])
			}
		}
	})
}

// A broker that is away is waited for by sources, and not by publishes.
func TestBrokerThatIsAway(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]config.Broker{
		"RabbitMQ": {Name: "test", AMQP: &config.AMQP{URL: config.NewSecret("amqp://guest:hunter2@127.0.0.1:1/")}},
		"Kafka":    {Name: "test", Kafka: &config.Kafka{Brokers: []string{"127.0.0.1:1"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := open(t, cfg)
			if err := b.Ping(t.Context()); err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("ping: %v", err)
			}
			said := make(chan error, 100)
			opts := broker.SourceOptions{Route: "route", State: func(err error) { said <- err }}
			src, err := b.Source(config.From{Queue: queueIf(cfg), Topic: topicIf(cfg)}, opts)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := src.Subscribe(t.Context(), ""); err != nil {
				t.Fatal(err)
			}
			if err := <-said; err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("a source without a broker says %v", err)
			}
			out, err := b.Target(config.To{Queue: queueIf(cfg), Topic: config.Dynamic{Fixed: topicIf(cfg)}},
				broker.TargetOptions{Route: "route", Timeout: 100 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			if err := out.Publish("", &message.Message{}); policies.ClassOf(err) != policies.Unavailable {
				t.Errorf("publish: %v (%v)", err, policies.ClassOf(err))
			}
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func queueIf(b config.Broker) string {
	if b.AMQP != nil {
		return "q"
	}
	return ""
}

func topicIf(b config.Broker) string {
	if b.AMQP != nil {
		return ""
	}
	return "t"
}

// What the client cannot keep is refused here too, for programs without a file.
func TestRefusals(t *testing.T) {
	t.Parallel()
	if _, err := stock.New(config.Broker{Memory: &config.Memory{}}, nil); err == nil {
		t.Error("there is a stock client in memory")
	}
	q, tp := missingQueue(t).broker(t), missingTopic(t).broker(t)
	if _, err := q.Target(config.To{Exchange: "e", RoutingKey: config.Dynamic{Fixed: "k"}}, broker.TargetOptions{}); err == nil {
		t.Error("an exchange is a target")
	}
	if _, err := tp.Target(config.To{Topic: config.Dynamic{Source: true}}, broker.TargetOptions{}); err == nil {
		t.Error("a topic of the message's own is a target")
	}
}
