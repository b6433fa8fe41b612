package e2e_test

import (
	"testing"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// TestD10_Circle lets two bridges send each other what they get. What comes
// round again is of a revision that was settled, and the circle ends.
func TestD10_Circle(t *testing.T) {
	t.Parallel()
	there, back := aQueue(t), aTopic(t)
	sent := e2e.Publish(t, there, journal.Traffic{Keys: 20, Messages: 500, Size: 64}.All())
	one := e2e.Start(t, e2e.Options{Routes: e2e.Route{From: []e2e.Place{there}, To: back}.String()})
	two := e2e.Start(t, e2e.Options{Routes: e2e.Route{From: []e2e.Place{back}, To: there}.String()})
	e2e.Rest{Messages: len(sent)}.Await(two, settleTimeout)
	one.Await("all to have come round once", settleTimeout, func() (string, bool) {
		m, ok := one.Metrics()
		return e2e.Describe(m), ok && m.Sum("bridge_messages_duplicates_total") == int64(len(sent))
	})
	e2e.Rest{Messages: len(sent)}.Await(one, settleTimeout)
	stopped(t, one)
	stopped(t, two)
	emptied(t, there, back)
}

// TestD10_Hops ends a circle that makes a new revision each time round: a message
// that has passed sixteen bridges is a dead letter, unless the route trusts no
// header of that kind.
func TestD10_Hops(t *testing.T) {
	t.Parallel()
	for trust, dead := range map[string]int{"bridge": 1, "none": 0} {
		t.Run("trust "+trust, func(t *testing.T) {
			queue, to := rig.Queue(t), aTopic(t)
			tired := ordered("a", 2)
			tired.Headers["bridge-hops"] = "16"
			rig.Publish(t, queue, ordered("a", 1), tired)
			route := e2e.Route{From: e2e.Queues(queue), To: to, Trust: trust}
			b := e2e.Start(t, e2e.Options{Routes: route.String()})
			e2e.Rest{Messages: 2 - dead, Loose: dead}.Await(b, settleTimeout)
			for _, d := range b.DeadLetters("orders") {
				if d.Reason != "loop" {
					t.Errorf("a dead letter says %q: %s", d.Reason, d.Error)
				}
			}
			stopped(t, b)
		})
	}
}
