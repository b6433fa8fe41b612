package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
)

func newRoutesShow() *cobra.Command {
	var a ask
	cmd := &cobra.Command{
		Use: "show ROUTE", Short: "Show a route, what it was told to do and how fast it is", Args: one("ROUTE"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			c, err := a.client(cmd)
			if err != nil {
				return err
			}
			r, err := c.Route(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return show(cmd, a.output.value, []api.RouteDetail{r}, routeDetailText)
		}),
	}
	a.add(cmd)
	return cmd
}

func routeDetailText(cmd *cobra.Command, r api.RouteDetail) {
	fact(cmd, "route", r.Name)
	fact(cmd, "owner", r.Owner)
	state := string(r.State)
	if r.Reason != "" {
		state += ": " + r.Reason
	}
	fact(cmd, "state", state)
	fact(cmd, "since", instant(r.Since))
	fact(cmd, "from", sources(r.Route))
	fact(cmd, "to", side(r.Target))
	fact(cmd, "lag", lag(r.Route))
	fact(cmd, "counts", fmt.Sprintf("%d delivered, %d parked, %d dead", r.Counts.Delivered, r.Counts.Parked, r.Counts.Dead))
	fact(cmd, "last minute", rateText(r.Rates))
	if l := r.Latency; l != nil {
		fact(cmd, "latency", fmt.Sprintf("half within %s, 95 %% within %s, 99 %% within %s", seconds(l.P50), seconds(l.P95), seconds(l.P99)))
	}
	fact(cmd, "breaker", breakerText(r.Route))
	for _, s := range r.Shift {
		text := instant(s.At) + " " + s.State
		if s.Why != "" {
			text += ": " + s.Why
		}
		fact(cmd, "breaker was", text)
	}
	for _, p := range r.Policies {
		fact(cmd, p.Name, p.Says)
	}
}

func rateText(r api.Rates) string {
	return fmt.Sprintf("%.1f in, %.1f out, %.1f parked, %.1f dead a second", r.In, r.Out, r.Parked, r.Dead)
}

// seconds is a time with a unit that fits.
func seconds(s float64) string {
	d := time.Duration(s * float64(time.Second))
	if d < 10*time.Millisecond {
		return d.Round(time.Microsecond).String()
	}
	return d.Round(time.Millisecond).String()
}

func breakerText(r status.Route) string {
	if r.Trip == nil {
		return r.Breaker
	}
	text := r.Breaker + " since " + instant(r.Trip.At)
	if r.Trip.Why != "" {
		text += ": " + r.Trip.Why
	}
	if !r.Trip.Probe.IsZero() {
		text += "; the next probe is at " + instant(r.Trip.Probe)
	}
	return text
}
