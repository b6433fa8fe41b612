package stock_test

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	amqp091 "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/stock"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// place is a queue or a topic, for sources and targets.
type place interface {
	From() config.From
	To() config.To
	broker(t testing.TB) *stock.Broker
	Create(t testing.TB)
	Put(t testing.TB, msgs ...*message.Message)
	Depth(t testing.TB) int
	Read(t testing.TB, n int) []*message.Message
}

func open(t testing.TB, cfg config.Broker) *stock.Broker {
	t.Helper()
	b, err := stock.New(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func source(t testing.TB, p place, from config.From, opts broker.SourceOptions) broker.Source {
	t.Helper()
	src, err := p.broker(t).Source(from, opts)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func target(t testing.TB, p place, to config.To, opts broker.TargetOptions) broker.Target {
	t.Helper()
	out, err := p.broker(t).Target(to, opts)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// queue is a queue of RabbitMQ.
type queue struct {
	name, url string
	ch        *amqp091.Channel
}

func newQueue(t testing.TB) *queue {
	t.Helper()
	q := missingQueue(t)
	q.Create(t)
	return q
}

func missingQueue(t testing.TB) *queue {
	q := &queue{name: rig.Name(t), url: rig.AMQP(t), ch: rig.Channel(t)}
	t.Cleanup(func() { _, _ = q.ch.QueueDelete(q.name, false, false, false) })
	return q
}

func (q *queue) From() config.From { return config.From{Broker: "test", Queue: q.name} }
func (q *queue) To() config.To     { return config.To{Broker: "test", Queue: q.name} }

func (q *queue) broker(t testing.TB) *stock.Broker {
	return open(t, config.Broker{Name: "test", AMQP: &config.AMQP{URL: config.NewSecret(q.url)}})
}

func (q *queue) Source(t testing.TB, from config.From, opts broker.SourceOptions) broker.Source {
	return source(t, q, from, opts)
}

func (q *queue) Target(t testing.TB, to config.To, opts broker.TargetOptions) broker.Target {
	return target(t, q, to, opts)
}

func (q *queue) Create(t testing.TB) {
	t.Helper()
	if _, err := q.ch.QueueDeclare(q.name, true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
}

func (q *queue) Put(t testing.TB, msgs ...*message.Message) {
	t.Helper()
	out := make([]amqp091.Publishing, len(msgs))
	for i, m := range msgs {
		out[i] = amqp091.Publishing{Body: m.Payload, Headers: amqp091.Table{}}
		for name, v := range m.Metadata {
			out[i].Headers[name] = v
		}
	}
	rig.Publish(t, q.name, out...)
}

func (q *queue) Depth(t testing.TB) int { return rig.Depth(t, q.name) }

// Break takes the queue away from its consumers, which ends their channels but not
// their connections: those break in lost_test.go.
func (q *queue) Break(t testing.TB) {
	t.Helper()
	if _, err := q.ch.QueueDelete(q.name, false, false, false); err != nil {
		t.Fatal(err)
	}
	q.Create(t)
}

func (q *queue) Read(t testing.TB, n int) []*message.Message {
	t.Helper()
	var out []*message.Message
	for _, d := range q.deliveries(t, n) {
		m := &message.Message{Metadata: message.Metadata{}, Payload: append([]byte{}, d.Body...)}
		for name, v := range d.Headers {
			text, ok := v.(string)
			if !ok {
				t.Errorf("header %q is no text, but %#v", name, v)
			}
			m.Metadata[name] = text
		}
		if _, null := m.Metadata[broker.HeaderNullBody]; null && len(m.Payload) == 0 {
			m.Payload = nil
			delete(m.Metadata, broker.HeaderNullBody)
		}
		out = append(out, m)
	}
	return out
}

// deliveries takes messages out of the queue.
func (q *queue) deliveries(t testing.TB, n int) []amqp091.Delivery {
	t.Helper()
	return rig.Take(t, q.name, n, 30*time.Second)
}

// topic is a topic of Kafka, and the group that reads it.
type topic struct {
	name   string
	client *kgo.Client
	admin  *kadm.Client
}

func newTopic(t testing.TB, partitions int32) *topic {
	t.Helper()
	tp := missingTopic(t)
	tp.create(t, partitions)
	return tp
}

func missingTopic(t testing.TB) *topic {
	tp := &topic{name: rig.Name(t), client: rig.Client(t, kgo.ProducerBatchCompression(kgo.NoCompression()))}
	tp.admin = kadm.NewClient(tp.client)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_, _ = tp.admin.DeleteTopic(ctx, tp.name)
		_, _ = tp.admin.DeleteGroup(ctx, tp.name)
	})
	return tp
}

func (tp *topic) From() config.From {
	return config.From{Broker: "test", Topic: tp.name, Group: tp.name}
}

func (tp *topic) To() config.To {
	return config.To{Broker: "test", Topic: config.Dynamic{Fixed: tp.name}}
}

func (tp *topic) broker(t testing.TB) *stock.Broker {
	return open(t, config.Broker{Name: "test", Kafka: &config.Kafka{Brokers: rig.Kafka(t)}})
}

func (tp *topic) Source(t testing.TB, from config.From, opts broker.SourceOptions) broker.Source {
	return source(t, tp, from, opts)
}

func (tp *topic) Target(t testing.TB, to config.To, opts broker.TargetOptions) broker.Target {
	return target(t, tp, to, opts)
}

func (tp *topic) Create(t testing.TB) {
	t.Helper()
	tp.create(t, 1)
}

func (tp *topic) create(t testing.TB, partitions int32) {
	t.Helper()
	if _, err := tp.admin.CreateTopic(t.Context(), partitions, 1, nil, tp.name); err != nil {
		t.Fatal(err)
	}
	rig.AwaitTopic(t, tp.name)
}

func (tp *topic) Put(t testing.TB, msgs ...*message.Message) {
	t.Helper()
	records := make([]*kgo.Record, len(msgs))
	for i, m := range msgs {
		records[i] = &kgo.Record{Value: m.Payload}
		for _, name := range slices.Sorted(maps.Keys(m.Metadata)) {
			records[i].Headers = append(records[i].Headers, kgo.RecordHeader{Key: name, Value: []byte(m.Metadata[name])})
		}
	}
	rig.Produce(t, tp.name, records...)
}

// Depth is how many messages are above the committed offsets.
func (tp *topic) Depth(t testing.TB) int {
	t.Helper()
	ends, err := tp.admin.ListEndOffsets(t.Context(), tp.name)
	if err != nil || ends.Error() != nil {
		t.Fatal(err, ends.Error())
	}
	offsets, err := tp.admin.FetchOffsetsForTopics(t.Context(), tp.name, tp.name)
	if err != nil {
		t.Fatal(err)
	}
	n := int64(0)
	ends.Each(func(end kadm.ListedOffset) {
		at, _ := offsets.Lookup(tp.name, end.Partition)
		n += end.Offset - max(at.At, 0)
	})
	return int(n)
}

// Break throws all members out of the group.
func (tp *topic) Break(t testing.TB) {
	t.Helper()
	groups, err := tp.admin.DescribeGroups(t.Context(), tp.name)
	if err != nil {
		t.Fatal(err)
	}
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group = tp.name
	for _, m := range groups[tp.name].Members {
		leaver := kmsg.NewLeaveGroupRequestMember()
		leaver.MemberID = m.MemberID
		req.Members = append(req.Members, leaver)
	}
	resp, err := req.RequestWith(t.Context(), tp.client)
	if err != nil || len(resp.Members) == 0 || resp.Members[0].ErrorCode != 0 {
		t.Fatalf("leave: %+v %v", resp, err)
	}
}

func (tp *topic) Read(t testing.TB, n int) []*message.Message {
	t.Helper()
	var out []*message.Message
	for _, r := range rig.Read(t, tp.name, n, 15*time.Second) {
		m := &message.Message{Metadata: message.Metadata{}, Payload: r.Value}
		for _, h := range r.Headers {
			m.Metadata[h.Key] = string(h.Value)
		}
		if r.Key != nil {
			m.Metadata[broker.HeaderKey] = string(r.Key)
		}
		out = append(out, m)
	}
	return out
}
