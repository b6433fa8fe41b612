package kafka_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
	"github.com/brokerbridge/bridge/policies"
)

var byHeader = config.Dynamic{Field: config.Field{Kind: config.Header, Name: "topic"}}

// openDynamic opens a target whose topic the messages name.
func openDynamic(t testing.TB, seeds []string, by config.Dynamic) (broker.Target, <-chan error) {
	t.Helper()
	told := make(chan error, 100)
	tp := &topic{seeds: seeds}
	target := tp.Target(t, config.To{Broker: "test", Topic: by}, broker.TargetOptions{
		Route: "route", State: func(err error) { told <- err },
	})
	t.Cleanup(func() { _ = target.Close() })
	return target, told
}

func named(name, body string) *message.Message {
	return &message.Message{Metadata: message.Metadata{"topic": name, "bridge-key": "k"}, Payload: []byte(body)}
}

func isUnroutable(err error) bool {
	return policies.ClassOf(err) == policies.Permanent && policies.ReasonOf(err) == "unroutable"
}

// A message that names a topic that is not there has nowhere to go; its
// neighbours in the batch do.
func TestTopicsThatMessagesName(t *testing.T) {
	seeds := rig.Kafka(t)
	a, b := rig.Topic(t, 1), rig.Topic(t, 1)
	target, told := openDynamic(t, seeds, byHeader)
	if err := <-told; err != nil {
		t.Fatal(err)
	}
	if name := target.Name(); name != "kafka topics by header.topic" {
		t.Errorf("it is called %q", name)
	}
	missing := rig.Name(t)
	batch := []*message.Message{
		named(a, "1"), named(missing, "2"), named(b, "3"), named("", "4"), named("no topic", "5"), named("..", "6"),
		named(strings.Repeat("x", 250), "7"), named(strings.Repeat("x", 70_000), "8"), named("\x00\xff", "9"),
		{Payload: []byte("10")},
		named(a, "11"), named(missing, "12"),
	}
	for round := range 2 {
		for i, err := range target.PublishBatch(batch) {
			if good := i == 0 || i == 2 || i == 10; good != (err == nil) || !good && !isUnroutable(err) {
				t.Errorf("round %d, message %d: %v (%v, %q)", round, i, err, policies.ClassOf(err), policies.ReasonOf(err))
			}
			if err != nil && len(err.Error()) > 400 {
				t.Errorf("message %d: a long error: %s", i, err)
			}
		}
	}
	if got := bodies((&topic{seeds: seeds, name: a}).Read(t, 4)); got != "1 11 1 11" {
		t.Errorf("one topic has %s", got)
	}
	if got := bodies((&topic{seeds: seeds, name: b}).Read(t, 2)); got != "3 3" {
		t.Errorf("the other topic has %s", got)
	}
}

func bodies(msgs []*message.Message) string {
	var out []string
	for _, m := range msgs {
		out = append(out, string(m.Payload))
	}
	return strings.Join(out, " ")
}

// The name that a message came with, or its key.
func TestTopicsBySourceAndKey(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "a", "b"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	for _, by := range []config.Dynamic{{Source: true}, {Field: config.Field{Kind: config.MessageKey}}} {
		target, _ := openDynamic(t, cluster.ListenAddrs(), by)
		errs := target.PublishBatch([]*message.Message{
			{Metadata: message.Metadata{"bridge-kafka": `{"topic":"a","key":"b"}`}},
			{Metadata: message.Metadata{"bridge-kafka": `{"topic":"missing"}`}},
			{Metadata: message.Metadata{}},
		})
		if errs[0] != nil || !isUnroutable(errs[1]) || !isUnroutable(errs[2]) {
			t.Errorf("by %s: %v", by, errs)
		}
	}
	for _, name := range []string{"a", "b"} {
		(&topic{seeds: cluster.ListenAddrs(), name: name}).Read(t, 1)
	}
}

// A topic that is created, deleted and created again is found each time.
func TestA17_NamedTopicComesAndGoes(t *testing.T) {
	t.Parallel()
	seeds := rig.Kafka(t)
	tp := &topic{seeds: seeds, name: rig.Name(t)}
	target, _ := openDynamic(t, seeds, byHeader)
	if err := target.Publish("", named(tp.name, "0")); !isUnroutable(err) {
		t.Fatalf("to a topic that is missing: %v", err)
	}
	for round := range 2 {
		tp.Create(t)
		within(t, "it is found", func() bool { return target.Publish("", named(tp.name, "1")) == nil })
		if got := bodies(tp.Read(t, 1)); got != "1" {
			t.Errorf("round %d: the topic has %s", round, got)
		}
		tp.remove(t)
		within(t, "it is missed", func() bool {
			err := target.Publish("", named(tp.name, "2"))
			if err != nil && !isUnroutable(err) && policies.ClassOf(err) != policies.Unavailable {
				t.Fatalf("to a topic that was deleted: %v (%v)", err, policies.ClassOf(err))
			}
			return isUnroutable(err)
		})
	}
}

func within(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

// Outage is not poison: a Kafka that does not answer makes no topic missing.
func TestNamedTopicsDuringAnOutage(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "a", "b"))
	if err != nil {
		t.Fatal(err)
	}
	target, told := openDynamic(t, cluster.ListenAddrs(), byHeader)
	if err := target.Publish("", named("a", "1")); err != nil {
		t.Fatal(err)
	}
	if err := <-told; err != nil {
		t.Fatal(err)
	}
	cluster.Close()
	for range 2 {
		if err := target.Publish("", named("b", "1")); policies.ClassOf(err) != policies.Unavailable {
			t.Errorf("to a topic it has not seen: %v (%v)", err, policies.ClassOf(err))
		}
	}
	if err := <-told; err == nil {
		t.Error("the outage is told as its end")
	}
}

// What Kafka refuses to everybody on a fixed topic is the message's own fault
// where it has named the topic.
func TestRefusedTopicThatMessagesName(t *testing.T) {
	t.Parallel()
	for _, code := range []*kerr.Error{kerr.TopicAuthorizationFailed, kerr.InvalidTopicException} {
		t.Run(code.Message, func(t *testing.T) {
			tp, cluster := fakeTopic(t)
			target, _ := openDynamic(t, tp.seeds, byHeader)
			if err := target.Publish("", named(tp.name, "1")); err != nil {
				t.Fatal(err)
			}
			refuse(cluster, code.Code, -1)
			err := target.Publish("", named(tp.name, "2"))
			if !isUnroutable(err) || !errors.Is(err, code) {
				t.Errorf("%v (%v, %q)", err, policies.ClassOf(err), policies.ReasonOf(err))
			}
		})
	}
}

// A topic that Kafka does not find for a moment, and that it has, is no fault of
// the messages that name it.
func TestNamedTopicThatIsMissedForAMoment(t *testing.T) {
	t.Parallel()
	for _, code := range []*kerr.Error{kerr.UnknownTopicOrPartition, kerr.UnknownTopicID} {
		t.Run(code.Message, func(t *testing.T) {
			tp, cluster := fakeTopic(t)
			target, _ := openDynamic(t, tp.seeds, byHeader)
			if err := target.Publish("", named(tp.name, "1")); err != nil {
				t.Fatal(err)
			}
			refuse(cluster, code.Code, 3)
			if err := target.Publish("", named(tp.name, "2")); policies.ClassOf(err) != policies.Unavailable {
				t.Errorf("%v is %v", err, policies.ClassOf(err))
			}
			if err := target.Publish("", named(tp.name, "2")); err != nil {
				t.Errorf("a moment later: %v", err)
			}
		})
	}
}

// Rule 15, for each of the topics: batches fit, and what does not is refused alone.
func TestSmallNamedTopicGetsSmallBatches(t *testing.T) {
	limit := "4096"
	small := rig.TopicWith(t, 1, map[string]*string{"max.message.bytes": &limit})
	large := rig.Topic(t, 1)
	target, _ := openDynamic(t, rig.Kafka(t), byHeader)
	body := strings.Repeat("x", 500)
	var batch []*message.Message
	for range 50 {
		batch = append(batch, named(small, body), named(large, body))
	}
	batch[40].Payload = []byte(strings.Repeat("x", 5000))
	batch[41].Payload = batch[40].Payload
	for i, err := range target.PublishBatch(batch) {
		if (i == 40) != (policies.ReasonOf(err) == "too_large") || i != 40 && err != nil {
			t.Errorf("message %d: %v", i, err)
		}
	}
	if n := batchesIn(t, small, 49); n > 20 {
		t.Errorf("49 messages of 500 bytes came in %d batches, the topic takes 4096 bytes", n)
	}
}

// batchesIn reads records and counts the batches they were written in.
func batchesIn(t testing.TB, name string, records int) int {
	t.Helper()
	count := &batchCount{}
	client := rig.Client(t, kgo.ConsumeTopics(name), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.WithHooks(count))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for read := 0; read < records; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatalf("read %d of %d: %v", read, records, err)
		}
		read += fetches.NumRecords()
	}
	return int(count.n.Load())
}

type batchCount struct{ n atomic.Int64 }

func (b *batchCount) OnFetchBatchRead(kgo.BrokerMetadata, string, int32, kgo.FetchBatchMetrics) {
	b.n.Add(1)
}
