package main

import (
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
)

func newKeysSkips() *cobra.Command {
	var a ask
	var limit int
	cmd := &cobra.Command{
		Use: "skips", Short: "List the revisions that keys went on without and nobody has seen to", Args: cobra.NoArgs,
		Long: "Lists the open skips: ranges of revisions that a key went on without, because their time\n" +
			"was over or somebody skipped them. One is closed by bridge keys close, once whoever\n" +
			"needs them has them, or by itself if they come after all and are settled.",
		Example: "  bridge keys skips\n  bridge keys skips --route orders -o jsonl",
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			c, routes, err := a.reach(cmd)
			if err != nil {
				return err
			}
			l := listing[api.OpenSkip]{columns: skipColumns, none: "there are no open skips", limit: limit}
			return l.print(cmd, a.output.value, ofRoutes(routes, limit, func(route string, limit int) iter.Seq2[api.OpenSkip, error] {
				return c.OpenSkips(cmd.Context(), route, client.List{Limit: limit})
			}))
		}),
	}
	a.addRoute(cmd)
	cmd.Flags().IntVar(&limit, "limit", 100, "how many at most; 0: all")
	return cmd
}

var skipColumns = []column[api.OpenSkip]{
	{"ROUTE", func(s api.OpenSkip) string { return s.Route }},
	{"KEY", func(s api.OpenSkip) string { return s.Raw() }},
	{"EPOCH", func(s api.OpenSkip) string { return fmt.Sprint(s.Epoch) }},
	{"FROM", func(s api.OpenSkip) string { return fmt.Sprint(s.From) }},
	{"TO", func(s api.OpenSkip) string { return fmt.Sprint(s.To) }},
	{"SINCE", func(s api.OpenSkip) string { return instant(s.At) }},
	{"AGE", func(s api.OpenSkip) string { return age(s.At) }},
	{"BY", func(s api.OpenSkip) string { return s.By }},
	{"REASON", func(s api.OpenSkip) string { return s.Reason }},
}

// age is how long ago something was.
func age(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return lasts(max(time.Since(t), 0))
}

func newKeysClose() *cobra.Command {
	var from int64
	cmd := aboutKey(&cobra.Command{
		Use: "close KEY --from REV", Short: "Say that somebody has seen to revisions that a key went on without",
		Long: "Closes an open skip, the one that begins at REV: whoever needs what it lacks has it, or\n" +
			"nobody does. Nothing is sent; the skip itself stays in the books.",
		Example: "  bridge keys close 4711 --from 2 --reason 'applied by hand, ticket 812'",
	}, func(cmd *cobra.Command, c *client.Client, route, key string, ch api.Change) (api.Outcome, error) {
		ch.To = &from
		return c.CloseSkip(cmd.Context(), route, key, ch)
	})
	cmd.Flags().Int64Var(&from, "from", 0, "the first revision of the skip; required")
	_ = cmd.MarkFlagRequired("from") // it fails only for flags that do not exist
	cmd.Flags().Lookup("epoch").Usage = "of this epoch of the key (default: the latest)"
	return cmd
}

func newKeysPurge() *cobra.Command {
	var yes bool
	cmd := aboutWholeKey(&cobra.Command{
		Use: "purge KEY", Short: "Forget the content of all stored messages of a key",
		Long: "Removes the messages of a key from the store, bodies and headers with them: its dead\n" +
			"letters, the archived ones and what is parked. It cannot be undone: what waited is\n" +
			"settled at its place without being delivered, and the key goes on behind it. Where the\n" +
			"key stands stays, and its name there and in the audit.\n\n" +
			"On a terminal you type the key to confirm it; elsewhere it takes --yes.",
		Example: "  bridge keys purge 4711 --reason 'erasure request 2026-117' --dry-run",
	}, func(cmd *cobra.Command, c *client.Client, route, key string, ch api.Change) (api.Outcome, error) {
		if err := surePurge(cmd, c, route, key, ch, yes); err != nil {
			return api.Outcome{}, err
		}
		return c.Purge(cmd.Context(), route, key, ch)
	})
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask for the key again")
	return cmd
}

// surePurge has the key typed once more, where nobody has said yes.
func surePurge(cmd *cobra.Command, c *client.Client, route, key string, ch api.Change, yes bool) error {
	if ch.DryRun || yes {
		return nil
	}
	if !canAsk(cmd) {
		return &exitError{invalid, errors.New("this cannot be undone: say --yes where nobody can be asked"), "--dry-run says what would be removed"}
	}
	ch.DryRun = true
	o, err := c.Purge(cmd.Context(), route, key, ch)
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "route %s: %s\nthis cannot be undone; type the key to go on: ", printable(route), printable(o.Says))
	typed, err := typedLine(cmd.Context(), cmd.InOrStdin())
	if err != nil {
		return err
	}
	if typed != key && typed != printable(key) { // as it is, or as it was shown
		return &exitError{failed, errors.New("that is not the key: nothing was changed"), ""}
	}
	return nil
}
