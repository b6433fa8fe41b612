package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/kafka"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
	"github.com/brokerbridge/bridge/policies"
)

// Outage is not poison: whose fault a refusal is.
func TestRefusalsHaveTheirClass(t *testing.T) {
	for _, c := range []struct {
		code   *kerr.Error
		class  policies.Class
		reason string
	}{
		{kerr.InvalidRecord, policies.Permanent, "permanent"},
		{kerr.InvalidTimestamp, policies.Permanent, "permanent"},
		{kerr.MessageTooLarge, policies.Permanent, "too_large"},
		{kerr.RecordListTooLarge, policies.Permanent, "too_large"},
		{kerr.TopicAuthorizationFailed, policies.Unavailable, ""},
		{kerr.ClusterAuthorizationFailed, policies.Unavailable, ""},
		{kerr.PolicyViolation, policies.Unavailable, ""},
		{kerr.UnsupportedForMessageFormat, policies.Transient, ""},
	} {
		t.Run(c.code.Message, func(t *testing.T) {
			tp, cluster := fakeTopic(t)
			refuse(cluster, c.code.Code, -1)
			target, _ := open(t, tp)
			err := target.Publish("", &message.Message{Payload: []byte("b")})
			if !errors.Is(err, c.code) || policies.ClassOf(err) != c.class || policies.ReasonOf(err) != c.reason {
				t.Errorf("%v is %v %q, want %v %q", err, policies.ClassOf(err), policies.ReasonOf(err), c.class, c.reason)
			}
		})
	}
}

// A12: what passes is waited for, and nothing is doubled.
func TestA12_PassingRefusalsAreRetriedInOrder(t *testing.T) {
	t.Parallel()
	for _, code := range []*kerr.Error{kerr.NotEnoughReplicas, kerr.NotLeaderForPartition, kerr.KafkaStorageError} {
		t.Run(code.Message, func(t *testing.T) {
			tp, cluster := fakeTopic(t)
			target, _ := open(t, tp)
			for i := range 10 {
				if i%3 == 1 {
					refuse(cluster, code.Code, 2)
				}
				m := &message.Message{Metadata: message.Metadata{"bridge-key": "k"}, Payload: []byte(fmt.Sprint(i))}
				if err := target.Publish("", m); err != nil {
					t.Fatal(err)
				}
			}
			for i, m := range tp.Read(t, 10) {
				if string(m.Payload) != fmt.Sprint(i) {
					t.Errorf("came %s, want %d", m.Payload, i)
				}
			}
		})
	}
}

// An outage is told after some seconds, the publish waits through it, and Close
// ends it as nobody's fault.
func TestLongOutageIsToldAndInterrupted(t *testing.T) {
	t.Parallel()
	tp, cluster := fakeTopic(t)
	target, told := open(t, tp)
	if err := target.Publish("", &message.Message{Payload: []byte("b")}); err != nil {
		t.Fatal(err)
	}
	if err := <-told; err != nil {
		t.Fatal(err)
	}
	refuse(cluster, kerr.NotEnoughReplicas.Code, -1)
	outcome := make(chan error, 1)
	go func() { outcome <- target.Publish("", &message.Message{Payload: []byte("b")}) }()
	if err := <-told; err == nil {
		t.Error("an outage is told as its end")
	}
	if err := target.Close(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("close: %v, want that something was left", err)
	}
	if err := <-outcome; policies.ClassOf(err) != policies.Interrupted {
		t.Errorf("the publish ended with %v (%v)", err, policies.ClassOf(err))
	}
}

// I8: a broker that starts after us is waited for.
func TestFirstConnectionIsRetried(t *testing.T) {
	t.Parallel()
	addr := rig.Address(t)
	_, text, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	tp := &topic{seeds: []string{addr}, name: "t"}
	target, told := open(t, tp)
	err = <-told
	if err == nil {
		t.Fatal("it answers without a broker")
	}
	if err := target.Publish("", &message.Message{}); policies.ClassOf(err) != policies.Unavailable {
		t.Errorf("publish: %v (%v)", err, policies.ClassOf(err))
	}
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(port), kfake.SeedTopics(1, "t"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for err := range told {
		if err == nil {
			break
		}
	}
	if err := target.Publish("", &message.Message{}); err != nil {
		t.Error(err)
	}
}

// A17: the topic is deleted under the producer, and comes back.
func TestA17_DeletedTopicIsNoticedAndWaitedFor(t *testing.T) {
	t.Parallel()
	tp := &topic{seeds: rig.Kafka(t), name: rig.Name(t)}
	tp.Create(t)
	target, told := open(t, tp)
	if err := target.Publish("", &message.Message{Payload: []byte("1")}); err != nil {
		t.Fatal(err)
	}
	if err := <-told; err != nil {
		t.Fatal(err)
	}
	tp.remove(t)
	for end := time.Now().Add(30 * time.Second); ; {
		err := target.Publish("", &message.Message{Payload: []byte("lost")})
		if policies.ClassOf(err) != policies.Unavailable && err != nil {
			t.Fatalf("to a topic that is gone: %v (%v)", err, policies.ClassOf(err))
		}
		if errors.Is(err, broker.ErrMissing) {
			break
		}
		if time.Now().After(end) {
			t.Fatal("it was not noticed")
		}
	}
	for err := range told {
		if errors.Is(err, broker.ErrMissing) {
			break
		}
	}
	tp.Create(t)
	for err := range told {
		if err == nil {
			break
		}
	}
	if err := target.Publish("", &message.Message{Payload: []byte("2")}); err != nil {
		t.Fatal(err)
	}
	if got := tp.Read(t, 1); string(got[0].Payload) != "2" {
		t.Errorf("the new topic has %s", got[0].Payload)
	}
}

// Rule 15: a topic may take less than a batch would hold. The batches fit, and
// what does not is refused alone.
func TestSmallTopicGetsSmallBatches(t *testing.T) {
	limit := "4096"
	name := rig.TopicWith(t, 1, map[string]*string{"max.message.bytes": &limit})
	tp := &topic{seeds: rig.Kafka(t), name: name}
	target, _ := open(t, tp)
	msgs := make([]*message.Message, 100)
	for i := range msgs {
		msgs[i] = &message.Message{Metadata: message.Metadata{"bridge-key": "k"}, Payload: make([]byte, 500)}
	}
	msgs[50] = &message.Message{Payload: make([]byte, 5000)}
	for i, err := range target.PublishBatch(msgs) {
		if (i == 50) != (policies.ReasonOf(err) == "too_large") || i != 50 && err != nil {
			t.Errorf("message %d: %v", i, err)
		}
	}
	// An operator raises the limit, and redrives.
	limit = "10000"
	admin := kadm.NewClient(tp.client(t))
	defer admin.Close()
	if _, err := admin.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: "max.message.bytes", Value: &limit}}, name); err != nil {
		t.Fatal(err)
	}
	// The broker learns of it a little later.
	within(t, "it is taken after the limit was raised", func() bool { return target.Publish("", msgs[50]) == nil })
}

func TestPing(t *testing.T) {
	if err := kafka.New("test", config.Kafka{Brokers: rig.Kafka(t)}, nil).Ping(t.Context()); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := kafka.New("test", config.Kafka{Brokers: []string{"127.0.0.1:1"}}, nil).Ping(ctx); err == nil {
		t.Error("nobody answered, and Ping is content")
	}
}

func fakeTopic(t testing.TB) (*topic, *kfake.Cluster) {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return &topic{seeds: c.ListenAddrs(), name: "t"}, c
}

func open(t testing.TB, tp *topic) (broker.Target, <-chan error) {
	t.Helper()
	told := make(chan error, 100)
	target := tp.Target(t, tp.To(), broker.TargetOptions{Route: "route", State: func(err error) { told <- err }})
	t.Cleanup(func() { _ = target.Close() })
	return target, told
}

// refuse answers the next n produce requests, or with -1 all, with an error.
func refuse(c *kfake.Cluster, code int16, n int) {
	c.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		if n == 0 {
			return nil, nil, false
		}
		n--
		if n != 0 {
			c.KeepControl()
		}
		return refusal(r.(*kmsg.ProduceRequest), code), nil, true
	})
}

// refusal answers a produce request with an error.
func refusal(req *kmsg.ProduceRequest, code int16) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.ProduceResponse)
	for _, topic := range req.Topics {
		rt := kmsg.NewProduceResponseTopic()
		rt.Topic, rt.TopicID = topic.Topic, topic.TopicID
		for _, p := range topic.Partitions {
			rp := kmsg.NewProduceResponseTopicPartition()
			rp.Partition, rp.ErrorCode = p.Partition, code
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}
