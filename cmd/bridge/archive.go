package main

import (
	"fmt"
	"iter"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
)

func newArchive() *cobra.Command {
	return newGroup("archive", "See the dead letters that were put away, and take them out again",
		newArchiveList(), newArchiveShow(), newArchiveRestore())
}

func newArchiveList() *cobra.Command {
	var a ask
	var which client.List
	cmd := &cobra.Command{
		Use: "ls", Short: "List what was put away, and what dead letters were before they were edited", Args: cobra.NoArgs,
		Example: "  bridge archive ls --key 4711",
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			c, routes, err := a.reach(cmd)
			if err != nil {
				return err
			}
			l := listing[api.Archived]{columns: archivedColumns, none: "the archive is empty", limit: which.Limit}
			return l.print(cmd, a.output.value, ofRoutes(routes, which.Limit, func(route string, limit int) iter.Seq2[api.Archived, error] {
				these := which
				these.Limit = limit
				return c.ArchivedLetters(cmd.Context(), route, these)
			}))
		}),
	}
	a.addRoute(cmd)
	cmd.Flags().StringVarP(&which.Key, "key", "k", "", "only those of this key")
	cmd.Flags().StringVarP(&which.Group, "group", "g", "", "only those with this cause, a `FINGERPRINT` of bridge dlq groups")
	cmd.Flags().IntVar(&which.Limit, "limit", 100, "how many at most; 0: all")
	return cmd
}

var archivedColumns = []column[api.Archived]{
	{"ROUTE", func(d api.Archived) string { return d.Route }},
	{"ID", func(d api.Archived) string { return d.ID }},
	{"ARCHIVED", func(d api.Archived) string { return instant(d.ArchivedAt) }},
	{"BY", func(d api.Archived) string { return d.By }},
	{"WHY", archivedWhy},
	{"KEY", func(d api.Archived) string { return d.Raw() }},
	{"REVISION", func(d api.Archived) string { return number(d.Revision) }},
	{"GIVEN UP FOR", func(d api.Archived) string { return d.Reason }},
}

func archivedWhy(d api.Archived) string {
	if d.Original != "" {
		return "edited: " + d.Why
	}
	return d.Why
}

func newArchiveShow() *cobra.Command {
	var a ask
	cmd := &cobra.Command{
		Use: "show ID", Short: "Show what was put away, with its headers and body", Args: one("ID"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			return look(cmd, &a, args[0], (*client.Client).ArchivedLetter, archivedText)
		}),
	}
	a.addRoute(cmd)
	return cmd
}

func archivedText(cmd *cobra.Command, d api.ArchivedDetail) {
	fact(cmd, "archived", fmt.Sprintf("%s by %s: %s", instant(d.ArchivedAt), d.By, d.Why))
	if d.Original != "" {
		fact(cmd, "original of", d.Original+", which was edited")
	}
	d.InOrder = false // not any more: its key has gone on
	deadLetterText(cmd, api.DeadLetterDetail{DeadLetter: d.DeadLetter, Headers: d.Headers, HeadersOmitted: d.HeadersOmitted, Body: d.Body})
}

func newArchiveRestore() *cobra.Command {
	var f changing
	cmd := &cobra.Command{
		Use: "restore ID...", Short: "Make what was put away dead letters again",
		Long: "Makes dead letters of what was put away. Their keys have gone on meanwhile: what stood\n" +
			"in the order is redriven with --out-of-order only. What a dead letter was before it\n" +
			"was edited takes its place again.",
		Example: "  bridge archive restore 7c0e0d1e-… --reason 'it is needed after all'",
		Args:    some("ID"),
		RunE: does(func(cmd *cobra.Command, ids []string) error {
			c, ch, err := f.begin(cmd)
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			return each(cmd, f.output.value, ids, func(id string) (api.Outcome, error) {
				route, err := f.theRoute(ctx, c, func(route string) error {
					_, err := c.ArchivedLetter(ctx, route, id)
					return err
				})
				if err != nil {
					return api.Outcome{}, err
				}
				return c.Restore(ctx, route, id, ch)
			})
		}),
	}
	f.addRoute(cmd)
	return cmd
}
