package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
)

func newAudit() *cobra.Command {
	return newGroup("audit", "See what operators did", newAuditList())
}

// mostLast is how many of the newest entries can be asked for at once.
const mostLast = 1000

func newAuditList() *cobra.Command {
	var a ask
	var key string
	var limit int
	cmd := &cobra.Command{
		Use: "ls", Short: "List what operators did, the newest last", Args: cobra.NoArgs,
		Example: "  bridge audit ls\n  bridge audit ls --route orders --key 4711 -o json",
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			c, err := a.client(cmd)
			if err != nil {
				return err
			}
			l := client.AuditList{Route: a.route, Key: key}
			if limit > 0 && limit < mostLast {
				l.Last = limit + 1 // one more shows whether there are more
			}
			var all []api.Audit
			for e, err := range c.Audits(cmd.Context(), l) {
				if err != nil {
					return err
				}
				all = append(all, e)
			}
			older := limit > 0 && len(all) > limit
			if older {
				all = all[len(all)-limit:]
			}
			if err := auditList.print(cmd, a.output.value, sequence(all)); err != nil {
				return err
			}
			if older {
				fmt.Fprintln(cmd.ErrOrStderr(), "there are older ones: --limit N shows more, --limit 0 all")
			}
			return nil
		}),
	}
	a.addRoute(cmd)
	cmd.Flags().StringVarP(&key, "key", "k", "", "only what was done to this key")
	cmd.Flags().IntVar(&limit, "limit", 100, "how many at most; 0: all")
	return cmd
}

var auditList = listing[api.Audit]{none: "no operator has changed anything", columns: []column[api.Audit]{
	{"AT", func(a api.Audit) string { return instant(a.At) }},
	{"BY", func(a api.Audit) string { return a.By }},
	{"ROUTE", func(a api.Audit) string { return a.Route }},
	{"DID", func(a api.Audit) string { return a.Action }},
	{"KEY", func(a api.Audit) string { return a.Raw() }},
	{"WHAT", func(a api.Audit) string { return a.Target }},
	{"REASON", func(a api.Audit) string { return a.Reason }},
}}
