package bridge

import (
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering/bulk"
	"github.com/brokerbridge/bridge/policies"
)

// A route that waits for its target waits since the breaker opened, not since it
// began to run.
func TestARouteWaitsSinceItsBreakerOpened(t *testing.T) {
	began := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	opened := began.Add(time.Hour)
	for _, breaker := range []policies.State{policies.Open, policies.HalfOpen} {
		s := status.Route{State: status.Running, Since: began, Breaker: breaker.String(), Trip: &status.Trip{At: opened}}
		s.Counts.Parked = 1
		stalls(&s, false)
		if s.State != status.Waiting || !s.Since.Equal(opened) {
			t.Errorf("%v: %s since %v", breaker, s.State, s.Since)
		}
	}
	running := status.Route{State: status.Running, Since: began, Breaker: policies.Closed.String()}
	if stalls(&running, false); !running.Since.Equal(began) {
		t.Error(running.Since)
	}
}

// The words of a plan fit one message as they fit many.
func TestAPlanSpeaksOfAsManyAsThereAre(t *testing.T) {
	for want, p := range map[string]bulk.Plan{
		"redrives 1 dead letter: 1 that its key waits for":                                             {Messages: 1, Looked: 1, Blocked: 1},
		"redrives 12 dead letters: 12 that their keys wait for, followed in order by 1 parked message": {Messages: 12, Looked: 12, Blocked: 12, Parked: 1},
		"redrives 0 dead letters": {},
	} {
		if got := says("redrive", &p); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
