package stock

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/IBM/sarama"
	stockkafka "github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/internal/pace"
	edge "github.com/brokerbridge/bridge/bridge/broker/kafka"
	"github.com/brokerbridge/bridge/bridge/config"
)

var (
	errNotJoined  = errors.New("in no group yet")
	errMembership = errors.New("the membership in the group has ended")
)

// topicIn is a topic as a source.
type topicIn struct {
	topic
	opts  broker.SourceOptions
	trust config.Trust
	group string

	mu     sync.Mutex
	claims map[int32]int64 // the next offset of each partition that is ours; below 0: the first one
}

func (c cluster) source(from config.From, opts broker.SourceOptions, log *slog.Logger) (inlet, error) {
	if from.Topic == "" {
		return nil, errors.New("a Kafka source needs a topic")
	}
	t := &topicIn{
		topic: topic{
			cluster: c, topic: from.Topic, end: "from", id: "bridge-" + opts.Route,
			declare: from.Declare, log: log,
		},
		opts: opts, trust: from.Trust, group: from.Group,
	}
	if t.group == "" {
		t.group = "bridge-" + opts.Route
	}
	return t, nil
}

// open joins the group. From then on the client joins again by itself; an error of
// the group, after which it would do so without a pause, ends the subscription.
func (t *topicIn) open(_ context.Context, hear hearing) (*subscription, error) {
	if _, err := t.verify(t.topic.topic); err != nil {
		return nil, err
	}
	if err := t.alone(); err != nil {
		return nil, err
	}
	cfg, err := t.consumer()
	if err != nil {
		return nil, err
	}
	logger := listen(t.log, nil, func(msg string, err error) {
		if msg == "Group consume error" || msg == "Cannot reconnect messages consumer" {
			hear.broken(err)
		}
	})
	sub, err := stockkafka.NewSubscriber(stockkafka.SubscriberConfig{
		Brokers: t.cfg.Brokers, OverwriteSaramaConfig: cfg, ConsumerGroup: t.group,
		Unmarshaler: t, Tracer: watcher{t, hear},
	}, logger)
	if err != nil {
		return nil, t.failed(err)
	}
	out, err := sub.Subscribe(context.Background(), t.topic.topic)
	if err != nil {
		return nil, errors.Join(t.failed(err), sub.Close())
	}
	return &subscription{out: out, end: func() { _ = sub.Close() }}, nil
}

// consumer is the configuration of the consumer. The source of an ordered route is
// a static member: after a crash it takes over its own place.
func (t *topicIn) consumer() (*sarama.Config, error) {
	cfg, err := t.sarama(t.id)
	if err != nil {
		return nil, err
	}
	cfg.Consumer.Return.Errors = true
	cfg.Consumer.Offsets.Initial = sarama.OffsetOldest // the newest would be the default (W7)
	cfg.Consumer.IsolationLevel = sarama.ReadCommitted
	if t.opts.Ordered {
		cfg.Consumer.Group.InstanceId, _ = edge.Instance(t.opts, t.topic.topic)
	}
	return cfg, nil
}

// alone is an error if an ordered route has company in its group.
func (t *topicIn) alone() error {
	if !t.opts.Ordered {
		return nil
	}
	_, admin, err := t.asked()
	if err != nil {
		return err
	}
	groups, err := admin.DescribeConsumerGroups([]string{t.group})
	if err != nil {
		return fmt.Errorf("describe group %q: %w", t.group, err)
	}
	_, ours := edge.Instance(t.opts, t.topic.topic)
	for _, group := range groups {
		for _, m := range group.Members {
			if m.GroupInstanceId == nil || !strings.HasPrefix(*m.GroupInstanceId, ours) {
				return &pace.Setback{Wait: waitElsewhere, Err: fmt.Errorf(
					"%w: group %q has client %q at %s beside this route, which must be the only one to keep the order",
					broker.ErrElsewhere, t.group, m.ClientId, strings.TrimPrefix(m.ClientHost, "/"))}
			}
		}
	}
	return nil
}

func (t *topicIn) look(context.Context) error {
	_, err := t.verify(t.topic.topic)
	if err = errors.Join(err, t.alone()); errors.Is(err, broker.ErrMissing) || errors.Is(err, broker.ErrElsewhere) {
		return err
	}
	return nil // the client finds out by itself
}

// lag is how many messages wait in the partitions that are ours, up to the end.
// Offsets without a message count as messages.
func (t *topicIn) lag(context.Context) (int64, error) {
	client, _, err := t.asked()
	if err != nil {
		return 0, err
	}
	partitions, err := client.Partitions(t.topic.topic)
	if err != nil {
		return 0, fmt.Errorf("ask for the partitions of %q: %w", t.topic.topic, err)
	}
	claims := t.claimed()
	if len(claims) == 0 || t.opts.Ordered && len(claims) < len(partitions) {
		return 0, errNotJoined
	}
	var lag int64
	for p, next := range claims {
		n, err := behind(client, t.topic.topic, p, next)
		if err != nil {
			return 0, fmt.Errorf("ask for the end of %q: %w", t.topic.topic, err)
		}
		lag += n
	}
	return lag, nil
}

func behind(client sarama.Client, topic string, partition int32, next int64) (int64, error) {
	end, err := client.GetOffset(topic, partition, sarama.OffsetNewest)
	if err != nil || next >= 0 {
		return max(0, end-next), err
	}
	next, err = client.GetOffset(topic, partition, sarama.OffsetOldest)
	return max(0, end-next), err
}

func (t *topicIn) claimed() map[int32]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make(map[int32]int64, len(t.claims))
	for p, next := range t.claims {
		all[p] = next
	}
	return all
}

// Unmarshal makes messages of records as the bridge's own edge does. It fails for
// none.
func (t *topicIn) Unmarshal(m *sarama.ConsumerMessage) (*message.Message, error) {
	t.claim(m.Partition, m.Offset+1)
	r := &kgo.Record{
		Topic: m.Topic, Partition: m.Partition, Offset: m.Offset, Timestamp: m.Timestamp, Key: m.Key, Value: m.Value,
	}
	for _, h := range m.Headers {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: string(h.Key), Value: h.Value})
	}
	return fresh(edge.Message(r, t.trust)), nil
}

func (t *topicIn) claim(partition int32, next int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.claims == nil {
		t.claims = map[int32]int64{}
	}
	t.claims[partition] = next
}

func (t *topicIn) unclaim() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.claims = nil
}

// watcher looks over the shoulder of the client's group: it is the place that the
// client has for a tracer.
type watcher struct {
	t    *topicIn
	hear hearing
}

func (watcher) WrapConsumer(c sarama.Consumer) sarama.Consumer { return c }

func (watcher) WrapPartitionConsumer(c sarama.PartitionConsumer) sarama.PartitionConsumer {
	return c
}

func (watcher) WrapSyncProducer(_ *sarama.Config, p sarama.SyncProducer) sarama.SyncProducer {
	return p
}

func (w watcher) WrapConsumerGroupHandler(h sarama.ConsumerGroupHandler) sarama.ConsumerGroupHandler {
	return watched{h, w}
}

type watched struct {
	sarama.ConsumerGroupHandler
	watcher
}

// Setup is called when partitions were assigned.
func (w watched) Setup(s sarama.ConsumerGroupSession) error {
	w.t.unclaim()
	w.hear.state(nil)
	return w.ConsumerGroupHandler.Setup(s)
}

// Cleanup is called when they are let go of.
func (w watched) Cleanup(s sarama.ConsumerGroupSession) error {
	w.t.unclaim()
	w.hear.state(errMembership)
	return w.ConsumerGroupHandler.Cleanup(s)
}

// ConsumeClaim reads one of them.
func (w watched) ConsumeClaim(s sarama.ConsumerGroupSession, c sarama.ConsumerGroupClaim) error {
	w.t.claim(c.Partition(), c.InitialOffset())
	return w.ConsumerGroupHandler.ConsumeClaim(s, c)
}
