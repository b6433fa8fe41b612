package bridge

import (
	"fmt"
	"log/slog"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/amqp"
	"github.com/brokerbridge/bridge/bridge/broker/kafka"
	"github.com/brokerbridge/bridge/bridge/broker/stock"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/ordering/store"
	memorystore "github.com/brokerbridge/bridge/ordering/store/memory"
	"github.com/brokerbridge/bridge/ordering/store/pebble"
)

// openBroker is where a kind of broker finds its edge.
func openBroker(c config.Broker, log *slog.Logger) (broker.Broker, error) {
	if c.Client == config.ClientWatermill {
		return stock.New(c, log)
	}
	switch c.Kind() {
	case config.KindAMQP:
		return amqp.New(c.Name, *c.AMQP, log), nil
	case config.KindKafka:
		return kafka.New(c.Name, *c.Kafka, log), nil
	default:
		return nil, fmt.Errorf("a %s broker lives inside a process and cannot be opened from a file", c.Kind())
	}
}

// openSurveyor is where doctor finds who looks at a kind of broker: the own edge,
// whichever client moves the messages.
func openSurveyor(c config.Broker) (broker.Surveyor, error) {
	switch c.Kind() {
	case config.KindAMQP:
		return amqp.New(c.Name, *c.AMQP, nil), nil
	case config.KindKafka:
		return kafka.New(c.Name, *c.Kafka, nil), nil
	default:
		return nil, fmt.Errorf("a %s broker lives inside a process", c.Kind())
	}
}

// openStore is where a kind of store finds its implementation.
func openStore(c config.Store, log *slog.Logger) (store.Store, error) {
	if c.Memory != nil {
		log.Warn("the store is in memory: checkpoints, parked messages and dead letters end with this process")
		return memorystore.New(), nil
	}
	tellRestored(c.Pebble.Dir, log)
	return pebble.Open(c.Pebble.Dir, pebble.Options{Logger: log, Reserve: reserve(c)})
}
