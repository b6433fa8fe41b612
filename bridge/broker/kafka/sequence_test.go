package kafka_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brokerbridge/bridge/policies"
)

// I1: a client that forgets a topic numbers its batches from 0 again, and Kafka
// confirms what it takes for a copy of an earlier batch without writing it. So a
// topic that Kafka says it does not know, and still has, is not forgotten.
func TestI1_TopicThatIsMissedForAMomentLosesNothing(t *testing.T) {
	t.Parallel()
	tp, c := fakeTopic(t)
	target, _ := open(t, tp)
	send := func(body string) error {
		return target.Publish("", &message.Message{Payload: []byte(body)})
	}
	refuse(c, kerr.MessageTooLarge.Code, 1)
	if err := send("one, alone"); err != nil {
		t.Fatal(err)
	}
	refuse(c, kerr.UnknownTopicOrPartition.Code, 3)
	if err := send("never written"); err == nil || policies.ClassOf(err) != policies.Unavailable {
		t.Fatalf("%v, want it unavailable", err)
	}
	time.Sleep(time.Second) // it has been looked for
	refuse(c, kerr.MessageTooLarge.Code, 1)
	if err := send("two, alone"); err != nil {
		t.Fatal(err)
	}
	if n := written(t, tp, 0); n != 2 {
		t.Errorf("2 are confirmed, the log has %d", n)
	}
}

// The same for the other partitions of a topic of which one is in trouble.
func TestI1_PartitionInTroubleLosesNothingOfAnother(t *testing.T) {
	t.Parallel()
	c, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.SeedTopics(3, "t"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	for p := range int32(3) {
		if err := c.MoveTopicPartition("t", p, p); err != nil {
			t.Fatal(err)
		}
	}
	var trouble atomic.Bool
	c.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		req := r.(*kmsg.ProduceRequest)
		if !trouble.Load() || len(req.Topics) != 1 || len(req.Topics[0].Partitions) != 1 {
			return nil, nil, false
		}
		code, refused := map[int32]int16{0: kerr.UnknownTopicOrPartition.Code, 2: kerr.NotEnoughReplicas.Code}[req.Topics[0].Partitions[0].Partition]
		return refusal(req, code), nil, refused
	})
	tp := &topic{seeds: c.ListenAddrs(), name: "t"}
	target, _ := open(t, tp)
	for p := range 3 {
		if err := target.Publish("", toPartition(p)); err != nil {
			t.Fatal(err)
		}
	}
	trouble.Store(true)
	done := make(chan []error)
	go func() { done <- target.PublishBatch([]*message.Message{toPartition(0), toPartition(2)}) }()
	time.Sleep(2 * time.Second) // that to 0 is given up, that to 2 is under way
	if err := target.Publish("", toPartition(1)); err != nil {
		t.Fatal(err)
	}
	trouble.Store(false)
	<-done
	time.Sleep(time.Second)
	if err := target.Publish("", toPartition(1)); err != nil {
		t.Fatal(err)
	}
	if n := written(t, tp, 1); n != 3 {
		t.Errorf("3 are confirmed, the log has %d", n)
	}
}

// A topic that was deleted and created again is another one, and is found.
func TestA15_TargetThatWasCreatedAnewIsWrittenTo(t *testing.T) {
	t.Parallel()
	tp, _ := fakeTopic(t)
	target, _ := open(t, tp)
	send := func() error { return target.Publish("", &message.Message{Payload: []byte("b")}) }
	if err := send(); err != nil {
		t.Fatal(err)
	}
	client := tp.client(t)
	defer client.Close()
	admin := kadm.NewClient(client)
	if _, err := admin.DeleteTopic(t.Context(), tp.name); err != nil {
		t.Fatal(err)
	}
	if err := send(); policies.ClassOf(err) != policies.Unavailable {
		t.Errorf("without its topic: %v", err)
	}
	if _, err := admin.CreateTopic(t.Context(), 1, 1, nil, tp.name); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is written to", func() bool { return send() == nil })
	for range 4 {
		if err := send(); err != nil {
			t.Fatal(err)
		}
	}
	if n := written(t, tp, 0); n != 5 {
		t.Errorf("5 are confirmed, the log has %d", n)
	}
}

// toPartition is a message for one of three partitions.
func toPartition(p int) *message.Message {
	partitioner := kgo.StickyKeyPartitioner(nil).ForTopic("t")
	for i := 0; ; i++ {
		key := fmt.Sprint("k", i)
		if partitioner.Partition(&kgo.Record{Key: []byte(key)}, 3) == p {
			return &message.Message{Metadata: message.Metadata{"bridge-key": key}, Payload: []byte("b")}
		}
	}
}

// written is how many records a partition has.
func written(t testing.TB, tp *topic, partition int32) int64 {
	t.Helper()
	end, _ := tp.ends(t).Lookup(tp.name, partition)
	return end.Offset
}

// size is how many records a topic has, over all partitions.
func (tp *topic) size(t testing.TB) (n int64) {
	t.Helper()
	tp.ends(t).Each(func(o kadm.ListedOffset) { n += o.Offset })
	return n
}

func (tp *topic) ends(t testing.TB) kadm.ListedOffsets {
	t.Helper()
	client := tp.client(t)
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(t.Context(), tp.name)
	if err != nil {
		t.Fatal(err)
	}
	return ends
}
