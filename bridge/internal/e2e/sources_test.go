package e2e_test

import (
	"testing"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// TestI2_TwoQueuesOneOrder spreads the revisions of each key over two queues.
func TestI2_TwoQueuesOneOrder(t *testing.T) {
	t.Parallel()
	queues, topic := []string{rig.Queue(t), rig.Queue(t)}, rig.Topic(t, 6)
	traffic := journal.Traffic{Keys: 100, Displaced: 100, Repeated: 0.01, Messages: size(5_000, 50_000), Size: 256, Seed: 4}
	b := e2e.Start(t, e2e.Options{Routes: e2e.Route{From: e2e.Queues(queues...), To: e2e.Topic(topic)}.String()})
	sent := e2e.StartFeed(t, e2e.Queues(queues...), traffic.All(), 0).End()
	e2e.Rest{Messages: distinct(sent)}.Await(b, settleTimeout)
	stopped(t, b)
	emptied(t, e2e.Queues(queues...)...)
	judge(t, journal.Outcome{Sent: sent, Got: e2e.Delivered(t, e2e.Topic(topic))})
}
