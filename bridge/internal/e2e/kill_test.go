package e2e_test

import (
	"math/rand/v2"
	"testing"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
)

// TestI1_I2_I3_Kill9 kills the bridge under load, at moments nobody chose, again
// and again.
func TestI1_I2_I3_Kill9(t *testing.T) {
	const ahead = 8
	atOnce(t, directions, func(t *testing.T, d direction) {
		l := underLoad(t, d, 50, 4000)
		route := l.route()
		route.Order = "max_ahead: 8"
		b := e2e.Start(t, e2e.Options{Routes: route.String()})
		rng := rand.New(rand.NewPCG(1, 9))
		for range size(4, 12) {
			awaitDelivered(t, b, 1+rng.IntN(2500))
			b.Kill()
			b.Restart()
		}
		l.end(t, b, journal.Outcome{Crashes: b.Crashes(), MaxAhead: ahead})
	})
}
