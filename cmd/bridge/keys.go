package main

import (
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
)

func newKeys() *cobra.Command {
	return newGroup("keys", "See which keys of a running bridge wait, and let them go on",
		newKeysList(), newKeysShow(), newKeysSkip(), newKeysRelease(), newKeysSkips(), newKeysClose(), newKeysPurge())
}

func newKeysList() *cobra.Command {
	var a ask
	var all bool
	var limit int
	cmd := &cobra.Command{
		Use: "ls", Short: "List the keys that do not flow", Args: cobra.NoArgs,
		Example: "  bridge keys ls\n  bridge keys ls --all --limit 0 -o jsonl",
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			c, routes, err := a.reach(cmd)
			if err != nil {
				return err
			}
			l := listing[api.Lane]{columns: keyColumns, none: "every key flows", limit: limit}
			return l.print(cmd, a.output.value, ofRoutes(routes, limit, func(route string, limit int) iter.Seq2[api.Lane, error] {
				return c.Keys(cmd.Context(), route, client.List{Blocked: !all, Limit: limit})
			}))
		}),
	}
	a.addRoute(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "also those that flow")
	cmd.Flags().IntVar(&limit, "limit", 100, "how many at most; 0: all")
	return cmd
}

var keyColumns = []column[api.Lane]{
	{"ROUTE", func(l api.Lane) string { return l.Route }},
	{"KEY", func(l api.Lane) string { return l.Raw() }},
	{"EPOCH", func(l api.Lane) string { return fmt.Sprint(l.Epoch) }},
	{"STATE", func(l api.Lane) string { return l.State }},
	{"NEXT", func(l api.Lane) string { return number(l.Next) }},
	{"PARKED", func(l api.Lane) string { return fmt.Sprint(l.Parked) }},
	{"SINCE", func(l api.Lane) string { return instant(l.Since) }},
	{"WAITS FOR", waitsFor},
}

// waitsFor says what a key waits for, as short as a table wants it.
func waitsFor(l api.Lane) string {
	next := "revision " + number(l.Next)
	switch l.State {
	case "gap", "gap_blocked":
		if l.Next != nil && l.Lowest != nil && *l.Lowest > *l.Next+1 {
			return fmt.Sprintf("revisions %d to %d", *l.Next, *l.Lowest-1)
		}
		return next
	case "waiting":
		return "the next try of " + next + until(l.Due)
	case "quarantined":
		return "you: " + next + " is a dead letter"
	case "locked":
		return "you: its record was created anew"
	case "adopting":
		return "its lowest revision"
	}
	if l.Parked > 0 {
		return "its turn: it is being delivered"
	}
	return ""
}

func until(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return ", " + instant(t)
}

func newKeysShow() *cobra.Command {
	var a ask
	cmd := &cobra.Command{
		Use: "show KEY", Short: "Show a key in all its epochs, and what it waits for", Args: one("KEY"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			return look(cmd, &a, args[0], (*client.Client).Key, keyText)
		}),
	}
	a.addRoute(cmd)
	return cmd
}

func keyText(cmd *cobra.Command, k api.Key) {
	for _, l := range k.Epochs {
		fact(cmd, "key", k.Raw())
		fact(cmd, "route", k.Route)
		if len(k.Epochs) > 1 || l.Epoch > 0 {
			fact(cmd, "epoch", fmt.Sprint(l.Epoch))
		}
		fact(cmd, "state", l.State+": "+meaning(l.Lane))
		fact(cmd, "since", instant(l.Since))
		fact(cmd, "next", number(l.Next))
		fact(cmd, "highest", number(l.Highest))
		fact(cmd, "parked", parked(l.Lane))
		fact(cmd, "held", number(l.Held))
		for _, s := range l.Skips {
			fact(cmd, "skipped", skipped(s))
		}
		if l.SkipsOmitted > 0 {
			fact(cmd, "skipped", fmt.Sprintf("and %d older ranges", l.SkipsOmitted))
		}
		fmt.Fprintln(cmd.OutOrStdout())
	}
}

// meaning says what a state is about, in a sentence.
func meaning(l api.Lane) string {
	text := map[string]string{
		"flowing":     "the next message, revision N, is delivered as soon as it comes",
		"adopting":    "new, it waits a moment for its lowest revision",
		"gap":         "revision N has not come, what follows waits for it",
		"waiting":     "revision N failed and is tried again",
		"quarantined": "revision N is a dead letter, what follows is parked until that is settled",
		"gap_blocked": "revision N did not come in time, what follows is parked until it comes or is skipped",
		"locked":      "the record was created anew, its messages are parked until they are released",
	}[l.State]
	text = strings.Replace(text, "N", number(l.Next), 1)
	if l.State == "waiting" && !l.Due.IsZero() {
		text += " at " + instant(l.Due)
	}
	return text
}

func parked(l api.Lane) string {
	if l.Lowest == nil {
		return fmt.Sprint(l.Parked)
	}
	return fmt.Sprintf("%d, from revision %d", l.Parked, *l.Lowest)
}

func skipped(s api.Skip) string {
	text := fmt.Sprintf("revisions %d to %d by %s", s.From, s.To, s.By)
	if s.From == s.To {
		text = fmt.Sprintf("revision %d by %s", s.From, s.By)
	}
	text += " at " + instant(s.At)
	if s.Reason != "" {
		text += ": " + s.Reason
	}
	return text
}
