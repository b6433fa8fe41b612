package e2e_test

import (
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

// TestA1_RabbitMQRestart restarts the source under load. The bridge keeps what it
// has published in mind, so that nothing is published twice.
func TestA1_RabbitMQRestart(t *testing.T) {
	for _, c := range goneAndBack {
		t.Run(c.name, func(t *testing.T) {
			l := underLoad(t, 100, 1000)
			b := e2e.Start(t, e2e.Options{Routes: l.route().String()})
			for range size(1, 3) {
				awaitDelivered(t, b, 1000)
				down(t, c.verb, "rabbitmq")
				b.AwaitUnready(notice, "source: ")
				rig.Brokers(t, "start", "rabbitmq")
				b.AwaitReady(recovery)
			}
			awaitDelivered(t, b, 1000)
			l.end(t, b, journal.Outcome{})
		})
	}
}

// TestA11_KafkaRestart restarts the target under load. What was on its way may
// have arrived, and come again with the same id.
func TestA11_KafkaRestart(t *testing.T) {
	for _, c := range goneAndBack {
		t.Run(c.name, func(t *testing.T) {
			l := underLoad(t, 100, 1000)
			b := e2e.Start(t, e2e.Options{Routes: l.route().String()})
			rounds := size(1, 3)
			for range rounds {
				awaitDelivered(t, b, 1000)
				down(t, c.verb, "kafka")
				b.AwaitUnready(notice, "target: ")
				rig.Brokers(t, "start", "kafka")
				b.AwaitReady(recovery)
			}
			awaitDelivered(t, b, 1000)
			l.end(t, b, journal.Outcome{Crashes: rounds})
		})
	}
}

// TestA17_BrokersStartAfterTheBridge starts the bridge alone.
func TestA17_BrokersStartAfterTheBridge(t *testing.T) {
	l := underLoad(t, 20, 500)
	b := e2e.Prepare(t, e2e.Options{Routes: l.route().String()})
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
	l := underLoad(t, 100, 1000)
	b := e2e.Start(t, e2e.Options{Routes: l.route().String()})
	awaitDelivered(t, b, 500)
	down(t, "stop", "kafka")
	b.AwaitUnready(notice, "target: ")
	code, took := b.Stop()
	t.Logf("exit code %d after %v", code, took.Round(time.Second))
	rig.Brokers(t, "start", "kafka")
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
