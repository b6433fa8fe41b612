package main

import (
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
)

// told tells the same of every route.
type told struct{}

func (told) Policies(string) []api.Policy {
	return []api.Policy{{Name: "order", Says: "by revision, per key"}, {Name: "filter", Says: "only \x1b[2J"}}
}

func (told) BreakerHistory(string) []api.Breaker {
	return []api.Breaker{{At: time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC), State: "open", Why: "\x1b[2Jaway"}}
}

func (told) Latency(string) (status.Latency, bool) { return status.Latency{}, true }

func TestARouteSaysHowFastItIs(t *testing.T) {
	var out strings.Builder
	cmd := &cobra.Command{}
	cmd.SetOut(&out)
	noon := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	routeDetailText(cmd, api.RouteDetail{
		Route:   status.Route{Name: "orders", Breaker: "open", Trip: &status.Trip{At: noon, Why: "away", Probe: noon.Add(time.Second)}},
		Rates:   api.Rates{In: 12.34, Out: 5},
		Latency: &api.Latency{P50: 0.00123, P95: 0.0456, P99: 61.5},
	})
	for _, want := range []string{
		"last minute   12.3 in, 5.0 out, 0.0 parked, 0.0 dead a second",
		"latency       half within 1.23ms, 95 % within 46ms, 99 % within 1m1.5s",
		"breaker       open since 2026-03-04T12:00:00Z: away; the next probe is at 2026-03-04T12:00:01Z",
	} {
		if !strings.Contains(out.String(), want+"\n") {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}
