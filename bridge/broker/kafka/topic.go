package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/internal/pace"
	"github.com/brokerbridge/bridge/bridge/config"
)

// verify looks for the topic and creates it if told to. What is there already is
// left as it is.
func (s *Source) verify(ctx context.Context, admin *kadm.Client) error {
	_, err := s.look(ctx, admin)
	if !errors.Is(err, kerr.UnknownTopicOrPartition) {
		return err
	}
	if !s.from.Declare.On {
		return pace.Later(fmt.Errorf(`topic %q %w; create it, or add "declare: { partitions: 6 }" to the route's "from"`,
			s.from.Topic, broker.ErrMissing))
	}
	if err := createTopic(ctx, admin, s.from.Topic, s.from.Declare); err != nil {
		return pace.Later(err)
	}
	s.log.Info("the topic was created")
	return nil
}

// look asks for the topic's id and partitions.
func (s *Source) look(ctx context.Context, admin *kadm.Client) (kadm.TopicDetail, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	topics, err := admin.ListTopics(ctx, s.from.Topic)
	if err != nil {
		return kadm.TopicDetail{}, fmt.Errorf("reach Kafka at %v: %w", s.b.cfg.Brokers, err)
	}
	topic := topics[s.from.Topic]
	if topic.Err != nil {
		return topic, fmt.Errorf("look for topic %q: %w", s.from.Topic, topic.Err)
	}
	return topic, nil
}

// createTopic creates a topic that was missing a moment ago.
func createTopic(ctx context.Context, admin *kadm.Client, topic string, declare config.Declare) error {
	partitions, replication := int32(-1), int16(-1) // the broker's own defaults
	if declare.Partitions > 0 {
		partitions = int32(declare.Partitions)
	}
	if declare.Replication > 0 {
		replication = int16(declare.Replication)
	}
	_, err := admin.CreateTopic(ctx, partitions, replication, nil, topic)
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("create topic %q: %w", topic, err)
	}
	return nil
}
