package stock_test

import (
	"testing"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/brokertest"
)

func TestQueueTargets(t *testing.T) {
	t.Parallel()
	brokertest.TestTargets(t, brokertest.Targets{
		Topic:   func(t testing.TB) brokertest.Topic { return newQueue(t) },
		Missing: func(t testing.TB) brokertest.Topic { return missingQueue(t) },
		Sidecar: broker.HeaderKafka,
	})
}

func TestTopicTargets(t *testing.T) {
	t.Parallel()
	brokertest.TestTargets(t, brokertest.Targets{
		Topic:    func(t testing.TB) brokertest.Topic { return newTopic(t, 3) },
		Missing:  func(t testing.TB) brokertest.Topic { return missingTopic(t) },
		TooLarge: 2 << 20, // over Kafka's default of 1 MiB
	})
}

func TestQueueSources(t *testing.T) {
	t.Parallel()
	brokertest.TestSources(t, brokertest.Sources{
		Queue:   func(t testing.TB) brokertest.Queue { return newQueue(t) },
		Missing: func(t testing.TB) brokertest.Queue { return missingQueue(t) },
		Single:  true,
	})
}

func TestTopicSources(t *testing.T) {
	t.Parallel()
	brokertest.TestSources(t, brokertest.Sources{
		Queue:   func(t testing.TB) brokertest.Queue { return newTopic(t, 1) },
		Missing: func(t testing.TB) brokertest.Queue { return missingTopic(t) },
		Offsets: true, Single: true,
	})
}
