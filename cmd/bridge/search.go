package main

import (
	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

func newSearch() *cobra.Command {
	var a ask
	var limit int
	cmd := &cobra.Command{
		Use: "search QUERY", Short: "Find keys, dead letters and operations of a running bridge", Args: one("QUERY"),
		Long: "Finds what fits all words of the query. A word is a key or an id (of a dead letter, a\n" +
			"message or an operation), or how it begins; or one of these:\n\n" +
			"  key:K  id:ID  reason:too_large  group:FINGERPRINT  route:NAME\n" +
			"  error:TEXT           the error has this in it\n" +
			"  header:NAME=VALUE    the message has this header\n" +
			"  since:2h  until:2026-01-31T12:00:00Z    when it was given up\n\n" +
			"What has blanks stands between quotes: error:\"not found\". What no index has is looked\n" +
			"for among all dead letters, the newest first, which may take a while.",
		Example: "  bridge search order-42\n  bridge search 'reason:too_large since:24h'\n  bridge search 'error:\"no such customer\"' --route orders -o json",
		RunE: does(func(cmd *cobra.Command, args []string) error {
			c, err := a.client(cmd)
			if err != nil {
				return err
			}
			l := listing[api.Hit]{columns: hitColumns, none: "nothing fits", limit: limit}
			most := limit
			if most > 0 {
				most++ // to see whether there are more
			}
			return l.print(cmd, a.output.value, c.Search(cmd.Context(), args[0], a.route, most))
		}),
	}
	a.addRoute(cmd)
	cmd.Flags().IntVar(&limit, "limit", 100, "how many at most; 0: all")
	return cmd
}

var hitColumns = []column[api.Hit]{
	{"KIND", func(h api.Hit) string { return h.Kind }},
	{"ROUTE", func(h api.Hit) string { return h.Route }},
	{"KEY", func(h api.Hit) string { return h.Raw() }},
	{"ID", func(h api.Hit) string { return h.ID }},
	{"AT", func(h api.Hit) string { return instant(h.At) }},
	{"WHAT", func(h api.Hit) string { return h.Says }},
}
