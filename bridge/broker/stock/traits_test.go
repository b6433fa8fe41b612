package stock_test

import (
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/amqp"
	"github.com/brokerbridge/bridge/bridge/broker/kafka"
	"github.com/brokerbridge/bridge/bridge/broker/stock"
	"github.com/brokerbridge/bridge/bridge/config"
)

// What the own edge can do and the stock client cannot is given up, and listed; or
// refused; or costs time only.
func TestWhatIsMissingIsSaid(t *testing.T) {
	const listed, refused, slower = "listed", "refused", "slower"
	said := map[string][2]string{
		broker.AllTraits[0].Says: {listed, "W9: one message is in flight"},
		broker.AllTraits[2].Says: {listed, "records that were deleted before they were read"},
		broker.AllTraits[3].Says: {slower, ""},
		broker.AllTraits[5].Says: {refused, "fixed name only"},
	}
	for name, c := range map[string]struct {
		own, stock broker.Traits
		from, to   string
	}{
		"amqp":  {amqp.Traits(), stock.QueueTraits(), "queue: q", "queue: origin"},
		"kafka": {kafka.Traits(), stock.TopicTraits(), "topic: q", "topic: header.to"},
	} {
		faults := func(to string) string {
			f, err := config.Parse("bridge.yaml", []byte(`brokers:
  amqp: { client: watermill, amqp: { url: "amqp://rabbit/" } }
  kafka: { client: watermill, kafka: { brokers: "kafka:9092" } }
routes:
  - { name: r, from: { broker: `+name+`, `+c.from+` }, to: { broker: `+name+`, `+to+` }, order: { by: none } }
`), nil)
			if err != nil {
				return err.Error()
			}
			return config.GivenUp(f).Error()
		}
		for _, trait := range broker.AllTraits {
			if !trait.Has(c.own) || trait.Has(c.stock) {
				continue
			}
			how, known := said[trait.Says]
			switch to := strings.Replace(c.from, ": q", ": out", 1); {
			case !known:
				t.Errorf("%s: that a stock client lacks this is not said: %s", name, trait.Says)
			case how[0] == listed && !strings.Contains(faults(to), how[1]),
				how[0] == refused && !strings.Contains(faults(c.to), how[1]):
				t.Errorf("%s: %s is not %s: %s", name, trait.Says, how[0], faults(to))
			}
		}
	}
}
