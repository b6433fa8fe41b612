package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/status"
)

func newRoutes() *cobra.Command {
	return newGroup("routes", "See how the routes of a running bridge are doing, stop and start them",
		newRoutesList(), newRoutesShow(), newRoutesPause(), newRoutesResume())
}

func newRoutesList() *cobra.Command {
	var a ask
	cmd := &cobra.Command{
		Use: "ls", Short: "List the routes", Args: cobra.NoArgs,
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			c, err := a.client(cmd)
			if err != nil {
				return err
			}
			all, err := c.Routes(cmd.Context())
			if err != nil {
				return err
			}
			l := listing[status.Route]{columns: routeColumns, none: "the bridge has no routes"}
			return l.print(cmd, a.output.value, sequence(all))
		}),
	}
	a.add(cmd)
	return cmd
}

var routeColumns = []column[status.Route]{
	{"ROUTE", func(r status.Route) string { return r.Name }},
	{"STATE", func(r status.Route) string { return string(r.State) }},
	{"FROM", func(r status.Route) string { return sources(r) }},
	{"TO", func(r status.Route) string { return side(r.Target) }},
	{"LAG", lag},
	{"DELIVERED", func(r status.Route) string { return fmt.Sprint(r.Counts.Delivered) }},
	{"PARKED", func(r status.Route) string { return fmt.Sprint(r.Counts.Parked) }},
	{"DEAD", func(r status.Route) string { return fmt.Sprint(r.Counts.Dead) }},
	{"BLOCKED", func(r status.Route) string {
		return fmt.Sprint(r.Counts.Keys["quarantined"] + r.Counts.Keys["gap_blocked"])
	}},
	{"REASON", func(r status.Route) string { return r.Reason }},
}

func sources(r status.Route) string {
	var all []string
	for _, e := range r.Sources {
		all = append(all, side(e))
	}
	return strings.Join(all, ", ")
}

func side(e status.End) string { return e.Broker + ": " + e.Name }

// lag is what waits in all sources together, or a question mark.
func lag(r status.Route) string {
	var sum int64
	for _, e := range r.Sources {
		if e.Lag < 0 {
			return "?"
		}
		sum += e.Lag
	}
	return fmt.Sprint(sum)
}
