package e2e_test

import (
	"testing"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// direction is a way through the bridge.
type direction struct {
	name     string
	from, to func(testing.TB) e2e.Place
}

var (
	rabbitToKafka  = direction{"RabbitMQ to Kafka", aQueue, aTopic}
	kafkaToRabbit  = direction{"Kafka to RabbitMQ", aTopic, aQueue}
	rabbitToRabbit = direction{"RabbitMQ to RabbitMQ", aQueue, aQueue}
	kafkaToKafka   = direction{"Kafka to Kafka", aTopic, aTopic}

	directions = []direction{rabbitToKafka, kafkaToRabbit, rabbitToRabbit, kafkaToKafka}
)

func aQueue(t testing.TB) e2e.Place { return e2e.Queue(rig.Queue(t)) }

// aTopic has so many partitions that they, and not the order of all messages,
// keep a key together.
func aTopic(t testing.TB) e2e.Place { return e2e.Topic(rig.Topic(t, 6)) }

// inEach runs a test in the given directions, one after the other, because it
// does something to the brokers.
func inEach(t *testing.T, all []direction, test func(*testing.T, direction)) {
	t.Helper()
	for _, d := range all {
		t.Run(d.name, func(t *testing.T) { test(t, d) })
	}
}

// atOnce runs a test in the given directions, some at a time.
func atOnce(t *testing.T, all []direction, test func(*testing.T, direction)) {
	t.Helper()
	inEach(t, all, func(t *testing.T, d direction) {
		t.Parallel()
		test(t, d)
	})
}

// mostly are all four directions in full, and otherwise the two that between
// them have every edge.
func mostly() []direction {
	if rig.Full() {
		return directions
	}
	return []direction{rabbitToKafka, kafkaToRabbit}
}
