package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
)

func newAudit() *cobra.Command {
	return newGroup("audit", "See what operators did, and check that the record of it is whole", newAuditList(), newAuditVerify())
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

func newAuditVerify() *cobra.Command {
	var a ask
	var expect string
	cmd := &cobra.Command{
		Use: "verify", Short: "Check that no entry of the audit was changed or removed", Args: cobra.NoArgs,
		Long: "Follows the chain of hashes that links each entry to the one before it. It ends with 1 if\n" +
			"an entry was changed, or is missing in between. Entries that were cut off at the end\n" +
			"show only against a head that was kept elsewhere: --expect has its number and hash.",
		Example: "  bridge audit verify\n  bridge audit verify --expect 812:9f86d081884c7d65…",
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			c, err := a.client(cmd)
			if err != nil {
				return err
			}
			check, err := c.VerifyAudit(cmd.Context(), expect)
			if err != nil {
				return err
			}
			if err := show(cmd, a.output.value, []api.AuditCheck{check}, auditCheckText); err != nil {
				return err
			}
			if !check.Good {
				return &exitError{failed, errors.New("the audit is not as it was written"), "keep a copy of the store before anything else"}
			}
			return nil
		}),
	}
	a.add(cmd)
	cmd.Flags().StringVar(&expect, "expect", "", "an entry that has to be in it, as `SEQ:HASH`")
	return cmd
}

func auditCheckText(cmd *cobra.Command, c api.AuditCheck) {
	state := "whole"
	if !c.Good {
		state = "broken: " + c.Says
	}
	fact(cmd, "audit", state)
	fact(cmd, "entries", fmt.Sprint(c.Rows))
	fact(cmd, "head", c.Head)
}
