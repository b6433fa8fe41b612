package demo

import (
	"fmt"
	"time"

	"github.com/brokerbridge/bridge/bridge/config"
)

const (
	routeName = "orders"
	queueName = "orders"
	topicName = "orders"
)

// Topology is the file that the demo runs, for a Kafka at the given address and
// a store in the given directory. A gap timeout of 0 stands for the default.
func Topology(kafka, dir string, gap time.Duration) string {
	if gap <= 0 {
		gap = 2 * time.Second
	}
	return fmt.Sprintf(`# What "bridge demo" runs. The queue is inside the process, where you would have
# RabbitMQ: shop: { amqp: { url: "amqp://..." } }. Kafka is inside the process
# too, but is spoken to as any other.
brokers:
  shop: { memory: {} }
  lake: { kafka: { brokers: [%q] } }

# Checkpoints, parked messages and dead letters.
store:
  pebble: { dir: %q }
  min_free: off # the demo is small
admin: { listen: off }

routes:
  - name: orders
    from: { broker: shop, queue: orders, window: 2000, declare: true }
    to: { broker: lake, topic: orders, declare: { partitions: 6 } }
    order:
      by: revision
      key: header.key
      revision: header.revision
      first: 1
      # A minute is the default for timeout; the demo has less patience.
      gap: { hold: 100ms, timeout: %s, then: quarantine }
    dead_letter: { then: quarantine }
`, kafka, dir, gap)
}

// parse reads the topology as "bridge run" would.
func parse(text string) (*config.File, error) {
	f, err := config.Parse("topology.yaml", []byte(text), nil)
	if err != nil {
		return nil, fmt.Errorf("the demo's topology: %w", err)
	}
	return f, nil
}
