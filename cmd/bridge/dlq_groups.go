package main

import (
	"fmt"
	"iter"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

const groupsLong = `Groups the dead letters by cause: their reason, class and target, and what of the
error does not differ from message to message. The fingerprint of a group is what
--group takes. Those for which most messages wait come first.`

func newDLQGroups() *cobra.Command {
	var a ask
	var sort choice
	cmd := &cobra.Command{
		Use: "groups", Short: "List the causes of the dead letters, and what waits because of them", Args: cobra.NoArgs, Long: groupsLong,
		Example: "  bridge dlq groups\n  bridge dlq groups --sort last -o json",
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			c, routes, err := a.reach(cmd)
			if err != nil {
				return err
			}
			l := listing[api.Group]{columns: groupColumns, none: "there are no dead letters"}
			return l.print(cmd, a.output.value, ofRoutes(routes, 0, func(route string, _ int) iter.Seq2[api.Group, error] {
				return c.Groups(cmd.Context(), route, sort.value)
			}))
		}),
	}
	a.addRoute(cmd)
	sort.flag(cmd, "sort", "", "what comes first: most messages parked behind them, most keys blocked, most of them, the latest", "parked", "blocked", "dead", "last")
	return cmd
}

var groupColumns = []column[api.Group]{
	{"ROUTE", func(g api.Group) string { return g.Route }},
	{"GROUP", func(g api.Group) string { return g.Fingerprint }},
	{"DEAD", func(g api.Group) string { return fmt.Sprint(g.Dead) }},
	{"BLOCKED-KEYS", func(g api.Group) string { return fmt.Sprint(g.BlockedKeys) }},
	{"PARKED", func(g api.Group) string { return fmt.Sprint(g.ParkedBehind) }},
	{"FIRST", func(g api.Group) string { return instant(g.First) }},
	{"LAST", func(g api.Group) string { return instant(g.Last) }},
	{"REASON", func(g api.Group) string { return g.Reason }},
	{"ERROR", func(g api.Group) string { return g.Error }},
}
