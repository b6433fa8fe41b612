package e2e

import (
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker/amqp"
	"github.com/brokerbridge/bridge/bridge/broker/kafka"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
)

// Arrival is a message in a place, where the bridge has put it.
type Arrival struct {
	*message.Message
	headers func(testing.TB) map[string]string // as texts, the message id among them
}

// Arrivals is what is in a place at this moment, each partition in its order. A queue
// is emptied by it.
func Arrivals(t testing.TB, from Place) (all []Arrival) {
	t.Helper()
	if from.IsTopic() {
		for _, r := range Records(t, from.topic) {
			all = append(all, Arrival{kafka.Message(r, config.TrustBridge), func(testing.TB) map[string]string { return Headers(r) }})
		}
		return all
	}
	for _, d := range Deliveries(t, from.queue) {
		all = append(all, Arrival{amqp.Message(&d, config.TrustBridge), func(t testing.TB) map[string]string { return ofDelivery(t, &d) }})
	}
	return all
}

// Entry is the line of one that a [Feed] has sent.
func (a Arrival) Entry(t testing.TB) journal.Entry {
	t.Helper()
	h := a.headers(t)
	checkTold(t, h)
	return entry(t, h, a.Payload)
}
