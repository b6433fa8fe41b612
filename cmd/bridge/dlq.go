package main

import (
	"fmt"
	"iter"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

func newDLQ() *cobra.Command {
	return newGroup("dlq", "See and settle the dead letters of a running bridge",
		newDLQList(), newDLQGroups(), newDLQShow(), newDLQRedrive(), newDLQDiscard(), newDLQArchive(), newDLQEdit(),
		newDLQExport(), newDLQImport())
}

func newDLQList() *cobra.Command {
	var a ask
	var s selecting
	var limit int
	cmd := &cobra.Command{
		Use: "ls", Short: "List the dead letters, and the gaps whose time is over", Args: cobra.NoArgs,
		Example: "  bridge dlq ls\n  bridge dlq ls --reason too_large --since 2h\n  bridge dlq ls --route orders --key 4711 -o json",
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			c, routes, err := a.reach(cmd)
			if err != nil {
				return err
			}
			l := listing[api.DeadLetter]{columns: deadLetterColumns, none: "there are no dead letters", limit: limit}
			return l.print(cmd, a.output.value, ofRoutes(routes, limit, func(route string, limit int) iter.Seq2[api.DeadLetter, error] {
				which := s.list()
				which.Limit = limit
				// A gap was not given up: it has no cause, nor a time at which that was.
				which.Gaps = s.group == "" && s.since.IsZero() && s.until.IsZero()
				return c.DeadLetters(cmd.Context(), route, which)
			}))
		}),
	}
	a.addRoute(cmd)
	s.add(cmd, &a)
	cmd.Flags().StringVar(&s.ofReason, "reason", "", "the same as --of-reason; gap_timeout: the gaps")
	cmd.Flags().IntVar(&limit, "limit", 100, "how many at most; 0: all")
	return cmd
}

var deadLetterColumns = []column[api.DeadLetter]{
	{"ROUTE", func(d api.DeadLetter) string { return d.Route }},
	{"ID", func(d api.DeadLetter) string { return d.ID }},
	{"AT", func(d api.DeadLetter) string { return instant(d.At) }},
	{"REASON", func(d api.DeadLetter) string { return d.Reason }},
	{"TRIES", func(d api.DeadLetter) string {
		if d.Bodiless {
			return ""
		}
		return fmt.Sprint(d.Attempts)
	}},
	{"KEY", func(d api.DeadLetter) string { return d.Raw() }},
	{"REVISION", func(d api.DeadLetter) string { return number(d.Revision) }},
	{"ERROR", func(d api.DeadLetter) string { return d.Error }},
}
