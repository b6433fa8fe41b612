package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// recovery is how long the bridge may take to find out that a broker is back,
// and how long /readyz may take to say that it is gone.
const (
	recovery = time.Minute
	notice   = 30 * time.Second
)

// goneAndBack are the ways in which a broker is stopped before it is started
// again.
var goneAndBack = []struct{ name, verb string }{
	{"graceful", "stop"},
	{"kill -9", "kill"},
}

// TestA1_RabbitMQRestart restarts RabbitMQ under load, as source and as target.
func TestA1_RabbitMQRestart(t *testing.T) { restarts(t, "rabbitmq") }

// TestA11_KafkaRestart restarts Kafka likewise.
func TestA11_KafkaRestart(t *testing.T) { restarts(t, "kafka") }

// restarts restarts a broker under load. The bridge keeps in mind what it has
// published, so that a source that comes back costs nothing; what was on its way
// to a target may have arrived, and come again with the same id.
func restarts(t *testing.T, broker string) {
	t.Helper()
	inEach(t, mostly(), func(t *testing.T, d direction) {
		asSource, asTarget := d.uses(broker)
		for _, c := range goneAndBack {
			if !asSource && !asTarget {
				continue
			}
			if !rig.Full() && (c.verb == "kill") != asTarget {
				continue // each way once will do
			}
			t.Run(c.name, func(t *testing.T) {
				l := underLoad(t, d, 100, 1000)
				b := e2e.Start(t, e2e.Options{Routes: looksOften(l.route())})
				if c.verb == "kill" && broker == "rabbitmq" {
					time.Sleep(3 * time.Second) // until RabbitMQ has written down that there is a queue
				}
				awaitDelivered(t, b, 1000)
				down(t, c.verb, broker)
				b.AwaitUnready(notice, side(asSource, asTarget))
				rig.Brokers(t, "start", broker)
				b.AwaitReady(recovery)
				awaitDelivered(t, b, 1000)
				o := journal.Outcome{}
				if asTarget {
					o.Crashes = 1
				}
				l.end(t, b, o)
			})
		}
	})
}

// looksOften makes a route look every second whether its target is back.
func looksOften(r e2e.Route) string {
	r.Rest += "breaker: { open_for: 1s }\n"
	return r.String()
}

// uses says on which sides of a direction a broker is.
func (d direction) uses(broker string) (asSource, asTarget bool) {
	from, to, _ := strings.Cut(strings.ToLower(d.name), " to ")
	return from == broker, to == broker
}

// side is what /readyz names: the target first, unless nothing is left to be sent
// there.
func side(source, target bool) string {
	switch {
	case source && target:
		return ": "
	case target:
		return "target: "
	}
	return "source: "
}

// TestA17_BrokersStartAfterTheBridge starts the bridge alone.
func TestA17_BrokersStartAfterTheBridge(t *testing.T) {
	l := underLoad(t, rabbitToKafka, 20, 500)
	b := e2e.Prepare(t, e2e.Options{Routes: looksOften(l.route())})
	down(t, "stop", "kafka")
	down(t, "stop", "rabbitmq")
	b.Run(nil)
	b.AwaitAlive()
	b.AwaitUnready(notice, "refused")
	rig.Brokers(t, "start", "rabbitmq")
	b.AwaitUnready(notice, "target: ")
	rig.Brokers(t, "start", "kafka")
	b.AwaitReady(recovery)
	awaitDelivered(t, b, 100)
	l.end(t, b, journal.Outcome{})
}

// TestB2_SIGTERMWhileTheTargetIsAway stops the bridge when it cannot finish what
// it began: it gives nothing up, and a later one goes on.
func TestB2_SIGTERMWhileTheTargetIsAway(t *testing.T) {
	t.Run("kafka", func(t *testing.T) {
		stopWithout(t, rabbitToKafka, "", func() { down(t, "stop", "kafka") }, func() { rig.Brokers(t, "start", "kafka") })
	})
	t.Run("rabbitmq", func(t *testing.T) {
		t.Parallel()
		door, addr := behindDoor(t)
		stopWithout(t, kafkaToRabbit, addr, door.Shut, door.Open)
	})
}

// stopWithout stops a bridge while its target is away.
func stopWithout(t *testing.T, d direction, amqp string, away, back func()) {
	t.Helper()
	l := underLoad(t, d, 100, 1000)
	b := e2e.Start(t, e2e.Options{Routes: looksOften(l.route()), AMQP: amqp})
	awaitDelivered(t, b, 500)
	away()
	b.AwaitUnready(notice, "target: ")
	stopped(t, b)
	back()
	b.Restart()
	l.end(t, b, journal.Outcome{Crashes: 1})
}

// down stops a broker, and starts it again when the test is over, however that
// went.
func down(t *testing.T, verb, broker string) {
	t.Helper()
	t.Cleanup(func() { rig.Brokers(t, "start", broker) })
	rig.Brokers(t, verb, broker)
}
