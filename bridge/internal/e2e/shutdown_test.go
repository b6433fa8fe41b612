package e2e_test

import (
	"math/rand/v2"
	"testing"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
)

// TestI4_B2_SIGTERMUnderLoad stops the bridge under load, as a service manager
// does, and starts it again. What was under way is settled, so nothing comes
// twice.
func TestI4_B2_SIGTERMUnderLoad(t *testing.T) {
	atOnce(t, mostly(), func(t *testing.T, d direction) {
		b := stopAgainAndAgain(t, d, size(3, 8))
		if n := b.Crashes(); n != 0 {
			t.Errorf("%d crashes", n)
		}
	})
}

// TestW8_ShutdownGivesNothingUp stops it so often that a healthy message would
// be among the dead, as it was in 6 of 30 stops of a router with Retry and
// PoisonQueue.
func TestW8_ShutdownGivesNothingUp(t *testing.T) {
	t.Parallel()
	b := stopAgainAndAgain(t, rabbitToKafka, size(6, 20))
	b.Restart()
	if dead := b.DeadLetters("orders"); len(dead) > 0 {
		t.Errorf("given up: %+v", dead)
	}
}

// stopAgainAndAgain returns the bridge stopped, with everything delivered.
func stopAgainAndAgain(t *testing.T, d direction, times int) *e2e.Bridge {
	t.Helper()
	l := underLoad(t, d, 50, 1500)
	b := e2e.Start(t, e2e.Options{Routes: l.route().String()})
	rng := rand.New(rand.NewPCG(2, 9))
	for range times {
		awaitDelivered(t, b, 1+rng.IntN(800))
		stopped(t, b)
		b.Restart()
	}
	l.end(t, b, journal.Outcome{})
	return b
}
