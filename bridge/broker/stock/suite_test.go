package stock_test

import (
	"testing"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/brokertest"
	"github.com/brokerbridge/bridge/bridge/broker/stock"
)

func TestQueueTargets(t *testing.T) {
	t.Parallel()
	brokertest.TestTargets(t, brokertest.Targets{
		Traits:  stock.QueueTraits(),
		Topic:   func(t testing.TB) brokertest.Topic { return newQueue(t) },
		Missing: func(t testing.TB) brokertest.Topic { return missingQueue(t) },
		Sidecar: broker.HeaderKafka,
	})
}

func TestTopicTargets(t *testing.T) {
	t.Parallel()
	brokertest.TestTargets(t, brokertest.Targets{
		Traits:   stock.TopicTraits(),
		Topic:    func(t testing.TB) brokertest.Topic { return newTopic(t, 3) },
		Missing:  func(t testing.TB) brokertest.Topic { return missingTopic(t) },
		TooLarge: 2 << 20, // over Kafka's default of 1 MiB
	})
}

func TestQueueSources(t *testing.T) {
	t.Parallel()
	brokertest.TestSources(t, brokertest.Sources{
		Traits:  stock.QueueTraits(),
		Queue:   func(t testing.TB) brokertest.Queue { return newQueue(t) },
		Missing: func(t testing.TB) brokertest.Queue { return missingQueue(t) },
	})
}

func TestTopicSources(t *testing.T) {
	t.Parallel()
	brokertest.TestSources(t, brokertest.Sources{
		Traits:  stock.TopicTraits(),
		Queue:   func(t testing.TB) brokertest.Queue { return newTopic(t, 1) },
		Missing: func(t testing.TB) brokertest.Queue { return missingTopic(t) },
	})
}
