package e2e_test

import (
	"testing"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
	"github.com/brokerbridge/bridge/bridge/internal/faultnet"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// TestB2_SIGTERMWhileTheSourceDoesNotAnswer stops the bridge when Kafka takes neither
// its last offsets nor its leave. That takes a while, and is no failure.
func TestB2_SIGTERMWhileTheSourceDoesNotAnswer(t *testing.T) {
	t.Parallel()
	wire := faultnet.NewKafka(t, rig.Kafka(t)[0])
	l := underLoad(t, kafkaToRabbit, 100, 1000)
	b := e2e.Start(t, e2e.Options{Routes: l.route().String(), Kafka: wire.Addr()})
	awaitDelivered(t, b, 500)
	wire.Set(faultnet.Trouble{Hole: faultnet.Out})
	stopped(t, b)
	wire.Set(faultnet.Trouble{})
	b.Restart()
	l.end(t, b, journal.Outcome{Crashes: 1})
}
