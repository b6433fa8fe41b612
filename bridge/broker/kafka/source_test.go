package kafka_test

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/brokertest"
	"github.com/brokerbridge/bridge/bridge/broker/kafka"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

func TestSources(t *testing.T) {
	for _, p := range protocols {
		t.Run(p.title, func(t *testing.T) { brokertest.TestSources(t, sources(p)) })
	}
}

// protocol is how a group shares its partitions.
type protocol struct {
	title    string
	name     config.Protocol
	balancer kgo.GroupBalancer
}

var protocols = []protocol{
	{title: "Cooperative"},
	{title: "Eager", balancer: kgo.RangeBalancer()},
	{title: "KIP848", name: config.ProtocolConsumer},
}

// eachProtocol runs a test once for each of them, at the same time.
func eachProtocol(t *testing.T, test func(t *testing.T, p protocol)) {
	for _, p := range protocols {
		t.Run(p.title, func(t *testing.T) {
			t.Parallel()
			test(t, p)
		})
	}
}

func sources(p protocol) brokertest.Sources {
	return brokertest.Sources{
		Queue:   func(t testing.TB) brokertest.Queue { return newLog(t, rig.Topic(t, 1), p) },
		Missing: func(t testing.TB) brokertest.Queue { return newLog(t, rig.Name(t), p) },
		Traits:  kafka.Traits(),
		Past:    9,
	}
}

// log is a topic and the group that reads it.
type log struct {
	seeds []string
	name  string
	protocol
	client *kgo.Client
	admin  *kadm.Client
}

func newLog(t testing.TB, name string, p protocol) *log {
	l := &log{seeds: rig.Kafka(t), name: name, protocol: p}
	l.connect(t)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_, _ = l.admin.DeleteTopic(ctx, name)
		_, _ = l.admin.DeleteGroup(ctx, name)
	})
	return l
}

// connect opens a client, that knows the topic as it is now.
func (l *log) connect(t testing.TB) {
	l.client = rig.Client(t,
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.NoCompression()))
	l.admin = kadm.NewClient(l.client)
}

func (l *log) From() config.From {
	return config.From{Broker: "test", Topic: l.name, Group: l.name, Protocol: l.protocol.name}
}

func (l *log) broker() *kafka.Broker {
	return kafka.New("test", config.Kafka{Brokers: l.seeds}, nil).Tune(6*time.Second, 300*time.Millisecond).Balance(l.balancer)
}

func (l *log) Source(t testing.TB, from config.From, opts broker.SourceOptions) broker.Source {
	t.Helper()
	src, err := l.broker().Source(from, opts)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func (l *log) Create(t testing.TB) {
	t.Helper()
	if _, err := l.admin.CreateTopic(t.Context(), 1, 1, nil, l.name); err != nil {
		t.Fatal(err)
	}
	rig.AwaitTopic(t, l.name)
}

func (l *log) Put(t testing.TB, msgs ...*message.Message) {
	t.Helper()
	records := make([]*kgo.Record, len(msgs))
	for i, m := range msgs {
		records[i] = &kgo.Record{Topic: l.name, Value: m.Payload}
		for _, name := range slices.Sorted(maps.Keys(m.Metadata)) {
			records[i].Headers = append(records[i].Headers, kgo.RecordHeader{Key: name, Value: []byte(m.Metadata[name])})
		}
	}
	l.produce(t, records...)
}

// produce writes records to the partitions that they name.
func (l *log) produce(t testing.TB, records ...*kgo.Record) {
	t.Helper()
	for _, r := range records {
		r.Topic = l.name
	}
	if err := l.client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// Depth is how many messages are above the committed offsets.
func (l *log) Depth(t testing.TB) int {
	t.Helper()
	ends, err := l.admin.ListEndOffsets(t.Context(), l.name)
	if err != nil || ends.Error() != nil {
		t.Fatal(err, ends.Error())
	}
	n := int64(0)
	for p, at := range l.committed(t) {
		end, _ := ends.Lookup(l.name, p)
		n += end.Offset - max(at, 0)
	}
	return int(n)
}

// committed are the group's offsets; -1: none.
func (l *log) committed(t testing.TB) map[int32]int64 {
	t.Helper()
	offsets, err := l.admin.FetchOffsetsForTopics(context.Background(), l.name, l.name)
	if err != nil || offsets.Error() != nil {
		t.Fatal(err, offsets.Error())
	}
	out := map[int32]int64{}
	for p, o := range offsets[l.name] {
		out[p] = o.At
	}
	return out
}

// Break throws all members out of the group.
func (l *log) Break(t testing.TB) {
	t.Helper()
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group = l.name
	for _, id := range l.members(t) {
		leaver := kmsg.NewLeaveGroupRequestMember()
		leaver.MemberID = id
		req.Members = append(req.Members, leaver)
	}
	resp, err := req.RequestWith(t.Context(), l.client)
	if err != nil || len(resp.Members) == 0 || resp.Members[0].ErrorCode != 0 {
		t.Fatalf("leave: %+v %v", resp, err)
	}
}

// members are the ids of the group's members.
func (l *log) members(t testing.TB) (ids []string) {
	t.Helper()
	for id := range l.describe(t) {
		ids = append(ids, id)
	}
	return ids
}

// instances are the names of the group's static members.
func (l *log) instances(t testing.TB) (names []string) {
	t.Helper()
	for _, name := range l.describe(t) {
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

// describe returns the group's members, and the names of those that have one.
func (l *log) describe(t testing.TB) map[string]string {
	t.Helper()
	members := map[string]string{}
	add := func(id string, instance *string) {
		members[id] = ""
		if instance != nil {
			members[id] = *instance
		}
	}
	if l.protocol.name == config.ProtocolConsumer {
		groups, err := l.admin.DescribeConsumerGroups(context.Background(), l.name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range groups[l.name].Members {
			add(m.MemberID, m.InstanceID)
		}
		return members
	}
	groups, err := l.admin.DescribeGroups(context.Background(), l.name)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range groups[l.name].Members {
		add(m.MemberID, m.InstanceID)
	}
	return members
}
