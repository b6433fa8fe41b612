package stock

import (
	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill/message"
)

// Topic is a topic of Kafka that exists. Group is who reads it; a target needs
// none.
type Topic struct {
	Brokers     []string
	Name, Group string
}

func (t Topic) name() string { return t.Name }

func (t Topic) subscriber(log watermill.LoggerAdapter) (message.Subscriber, error) {
	c := kafka.DefaultSaramaSubscriberConfig()
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	return kafka.NewSubscriber(kafka.SubscriberConfig{
		Brokers: t.Brokers, ConsumerGroup: t.Group, OverwriteSaramaConfig: c,
	}, log)
}

func (t Topic) publisher(log watermill.LoggerAdapter) (message.Publisher, error) {
	return Publisher(t.Brokers, log)
}

// Publisher writes to topics, the messages of a key to one partition.
func Publisher(brokers []string, log watermill.LoggerAdapter) (message.Publisher, error) {
	return kafka.NewPublisher(kafka.PublisherConfig{
		Brokers: brokers,
		Marshaler: kafka.NewWithPartitioningMarshaler(func(_ string, m *message.Message) (string, error) {
			return m.Metadata.Get(keyName), nil
		}),
	}, log)
}

func (t Topic) key(m *message.Message) string {
	key, _ := kafka.MessageKeyFromCtx(m.Context())
	return string(key)
}
