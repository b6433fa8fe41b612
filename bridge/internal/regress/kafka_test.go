package regress_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brokerbridge/bridge/bridge/broker/pubsub"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// filledTopic has one partition with these values.
func filledTopic(t *testing.T, values ...string) string {
	t.Helper()
	topic := rig.Topic(t, 1)
	for _, v := range values {
		rig.Produce(t, topic, &kgo.Record{Key: []byte("k"), Value: []byte(v)})
	}
	return topic
}

// W7: a message that is nacked gives way to others, or is given up at some time.
//
// Expected: one of both, and at least a member that has lost the partition stops.
// Observed: it comes again every 100 ms, for ever, nothing behind it comes, and a
// member that is out of its group goes on: it cannot even join again.
// watermill-kafka v3.1.3; of acknowledgements after a rebalance,
// ThreeDotsLabs/watermill-kafka pull request 30.
//
// Ours: the others come meanwhile, here; TestW7_LateAckOfALostPartitionChangesNothing.
func TestStock_W7_NackResendsPastTheGroup(t *testing.T) {
	t.Parallel()
	t.Run("stock", func(t *testing.T) {
		t.Parallel()
		group, c := rig.Name(t), fromOldest()
		c.Consumer.Group.Heartbeat.Interval = 100 * time.Millisecond
		in := stockTopic(t, filledTopic(t, "nacked", "behind it"), kafka.SubscriberConfig{
			ConsumerGroup: group, OverwriteSaramaConfig: c, NackResendSleep: 10 * time.Millisecond,
		})
		resent := func(n int, what string) {
			for range n {
				select {
				case m := <-in:
					if m.Nack(); string(m.Payload) != "nacked" {
						mended(t, "W7", fmt.Sprintf("%q comes %s", m.Payload, what))
						return
					}
				case <-time.After(patience):
					mended(t, "W7", "a nacked message does not come again "+what)
					return
				}
			}
		}
		resent(50, "while it is nacked")
		leave(t, group)
		resent(200, "after the member has left its group") // twenty heartbeats
		if n := len(members(t, group)); n > 0 {
			mended(t, "W7", fmt.Sprintf("the group has %d members again", n))
		}
	})
	t.Run("ours", func(t *testing.T) {
		t.Parallel()
		in := ourTopic(t, filledTopic(t, "nacked", "behind it"), rig.Name(t))
		next(t, in).Nack()
		came := map[string]bool{}
		for range 2 {
			m := next(t, in)
			m.Ack()
			came[string(m.Payload)] = true
		}
		if !came["nacked"] || !came["behind it"] {
			t.Errorf("came %v", came)
		}
	})
}

func members(t *testing.T, group string) (ids []string) {
	t.Helper()
	all, err := kadm.NewClient(rig.Client(t)).DescribeGroups(t.Context(), group)
	if err = errors.Join(err, all[group].Err); err != nil {
		t.Fatal(err)
	}
	for _, m := range all[group].Members {
		ids = append(ids, m.MemberID)
	}
	return ids
}

// leave takes all members out of a group, as Kafka does after a session timeout.
func leave(t *testing.T, group string) {
	t.Helper()
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group = group
	for _, id := range members(t, group) {
		m := kmsg.NewLeaveGroupRequestMember()
		m.MemberID = id
		req.Members = append(req.Members, m)
	}
	if _, err := req.RequestWith(t.Context(), rig.Client(t)); err != nil {
		t.Fatal(err)
	}
	if n := len(members(t, group)); n > 0 {
		t.Fatalf("%d members are left", n)
	}
}

// unreadable decodes nothing.
type unreadable struct{ n atomic.Int64 }

func (u *unreadable) Unmarshal(*sarama.ConsumerMessage) (*message.Message, error) {
	u.n.Add(1)
	return nil, errNo
}

// W7: a record that cannot be decoded is given up, or stops the subscriber.
//
// Expected: one of both. Observed: the consumer leaves its group and joins it again,
// which all members wait for, decodes the same record, and so on.
// watermill-kafka v3.1.3.
//
// Ours: decoding cannot fail, [TestW7_UnacknowledgedIsNotSentAgain] and the suite of
// edges.
func TestStock_W7_DecodeErrorRejoinsForEver(t *testing.T) {
	t.Parallel()
	u := &unreadable{}
	in := stockTopic(t, filledTopic(t, "b"), kafka.SubscriberConfig{
		ConsumerGroup: rig.Name(t), OverwriteSaramaConfig: fromOldest(), Unmarshaler: u,
	})
	for end := time.Now().Add(patience); u.n.Load() < 3; time.Sleep(10 * time.Millisecond) {
		select {
		case m, ok := <-in:
			mended(t, "W7", fmt.Sprintf("what cannot be decoded comes, or ends it: %v, %v", m, ok))
			return
		default:
		}
		if time.Now().After(end) {
			mended(t, "W7", fmt.Sprintf("what cannot be decoded is tried %d times in %v", u.n.Load(), patience))
			return
		}
	}
}

// W7: a group that is new begins at the oldest record.
//
// Expected: so that nothing is missed that was sent before the service was started
// first. Observed: it begins with what comes next. watermill-kafka v3.1.3 (sarama's
// default).
func TestStock_W7_NewGroupMissesWhatIsThere(t *testing.T) {
	t.Parallel()
	t.Run("stock", func(t *testing.T) {
		t.Parallel()
		topic := filledTopic(t, "oldest")
		in := stockTopic(t, topic, kafka.SubscriberConfig{ConsumerGroup: rig.Name(t)})
		for end := time.Now().Add(patience); time.Now().Before(end); {
			rig.Produce(t, topic, &kgo.Record{Value: []byte("later")})
			select {
			case m := <-in:
				if m.Ack(); string(m.Payload) == "oldest" {
					mended(t, "W7", "a new group begins at the oldest record")
				}
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
		t.Error("nothing came")
	})
	t.Run("ours", func(t *testing.T) {
		t.Parallel()
		m := next(t, ourTopic(t, filledTopic(t, "oldest", "later"), rig.Name(t)))
		if m.Ack(); string(m.Payload) != "oldest" {
			t.Errorf("it begins with %q", m.Payload)
		}
	})
}

// W9: several messages of a partition are in flight.
//
// Expected: the second comes while the first is worked on, as the client has fetched
// both. Observed: it waits for the first one's Ack. watermill-kafka v3.1.3.
func TestStock_W9_OneMessageOfAPartitionIsInFlight(t *testing.T) {
	t.Parallel()
	t.Run("stock", func(t *testing.T) {
		t.Parallel()
		in := stockTopic(t, filledTopic(t, "1", "2"), kafka.SubscriberConfig{ConsumerGroup: rig.Name(t), OverwriteSaramaConfig: fromOldest()})
		first := next(t, in)
		if more(in) != nil {
			mended(t, "W9", "watermill-kafka hands over what it has fetched")
			return
		}
		first.Ack()
		next(t, in).Ack()
	})
	t.Run("ours", func(t *testing.T) {
		t.Parallel()
		in := ourTopic(t, filledTopic(t, "1", "2"), rig.Name(t))
		first, second := next(t, in), next(t, in)
		second.Ack()
		first.Ack()
	})
}

// W10: a record that is read and published has its key.
//
// Expected: it has, so that it is in the same partition as others of its key.
// Observed: it has none, unless the marshaler is told where to find one.
// watermill-kafka v3.1.3; ThreeDotsLabs/watermill pull request 28.
func TestStock_W10_RecordKeyIsDropped(t *testing.T) {
	t.Parallel()
	// through reads a record, and publishes it to another topic.
	through := func(t *testing.T, in <-chan *message.Message, out message.Publisher) string {
		to, m := rig.Topic(t, 1), next(t, in)
		if err := out.Publish(to, m); err != nil {
			t.Fatal(err)
		}
		m.Ack()
		return string(rig.Read(t, to, 1, patience)[0].Key)
	}
	t.Run("stock", func(t *testing.T) {
		t.Parallel()
		in := stockTopic(t, filledTopic(t, "b"), kafka.SubscriberConfig{ConsumerGroup: rig.Name(t), OverwriteSaramaConfig: fromOldest()})
		p, err := kafka.NewPublisher(kafka.PublisherConfig{Brokers: rig.Kafka(t), Marshaler: kafka.DefaultMarshaler{}}, watermill.NopLogger{})
		if key := through(t, in, closing(t, p, err)); key != "" {
			mended(t, "W10", "a record that is read and published has its key")
		}
	})
	t.Run("ours", func(t *testing.T) {
		t.Parallel()
		out := pubsub.NewPublisher(lake(t), func(topic string) config.To {
			return config.To{Topic: config.Dynamic{Fixed: topic}}
		}, pubsub.Options{})
		if key := through(t, ourTopic(t, filledTopic(t, "b"), rig.Name(t)), closing(t, out, nil)); key != "k" {
			t.Errorf("the key is %q", key)
		}
	})
}
