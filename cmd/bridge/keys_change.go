package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
)

func newKeysSkip() *cobra.Command {
	var to int64
	cmd := aboutKey(&cobra.Command{
		Use: "skip KEY --to REV", Short: "Let a key go on without revisions that did not come",
		Long: "Lets a key whose gap blocks it go on at REV. What is missing below is recorded as\n" +
			"skipped, never silently; should it come later, it is a dead letter \"late\".\n" +
			"What is there is never skipped: then it goes on at the lowest that is.",
		Example: "  bridge keys skip 4711 --to 9 --reason 'lost with the old queue'",
	}, func(cmd *cobra.Command, c *client.Client, route, key string, ch api.Change) (api.Outcome, error) {
		ch.To = &to
		return c.Skip(cmd.Context(), route, key, ch)
	})
	cmd.Flags().Int64Var(&to, "to", 0, "the revision to go on at; required")
	_ = cmd.MarkFlagRequired("to") // it fails only for flags that do not exist
	return cmd
}

func newKeysRelease() *cobra.Command {
	var newEpoch bool
	cmd := aboutKey(&cobra.Command{
		Use: "release KEY [--new-epoch]", Short: "Give a gap its time once more, or open a new epoch",
		Long: "Gives the gap that blocks a key its time once more. With --new-epoch: of a record\n" +
			"that was created anew, delivers what was parked of its new numbering, from its\n" +
			"first revision.",
		Example: "  bridge keys release 4711 --reason 'the producer sends it again'\n" +
			"  bridge keys release 4711 --new-epoch --reason 'the cart was created anew on purpose'",
	}, func(cmd *cobra.Command, c *client.Client, route, key string, ch api.Change) (api.Outcome, error) {
		ch.NewEpoch = newEpoch
		return c.Release(cmd.Context(), route, key, ch)
	})
	cmd.Flags().BoolVar(&newEpoch, "new-epoch", false, "open the epoch of a record that was created anew")
	return cmd
}

// deedOnKey changes a key of a route.
type deedOnKey = func(cmd *cobra.Command, c *client.Client, route, key string, ch api.Change) (api.Outcome, error)

// aboutKey makes a command that changes one epoch of a key.
func aboutKey(cmd *cobra.Command, do deedOnKey) *cobra.Command {
	var epoch uint32
	aboutWholeKey(cmd, func(cmd *cobra.Command, c *client.Client, route, key string, ch api.Change) (api.Outcome, error) {
		if cmd.Flags().Changed("epoch") {
			ch.Epoch = &epoch
		}
		return do(cmd, c, route, key, ch)
	})
	cmd.Flags().Uint32Var(&epoch, "epoch", 0, "of this epoch of the key (default: the one that waits)")
	return cmd
}

// aboutWholeKey makes a command that changes one key.
func aboutWholeKey(cmd *cobra.Command, do deedOnKey) *cobra.Command {
	var f changing
	cmd.Args = one("KEY")
	cmd.RunE = does(func(cmd *cobra.Command, args []string) error {
		c, ch, err := f.begin(cmd)
		if err != nil {
			return err
		}
		route, err := f.routeOfKey(cmd.Context(), c, args[0])
		if err != nil {
			return err
		}
		o, err := do(cmd, c, route, args[0], ch)
		if err != nil {
			return err
		}
		return show(cmd, f.output.value, []api.Outcome{o}, outcomeText)
	})
	f.addRoute(cmd)
	return cmd
}

// routeOfKey is the one route that knows a key.
func (f *changing) routeOfKey(ctx context.Context, c *client.Client, key string) (string, error) {
	return f.theRoute(ctx, c, func(route string) error {
		_, err := c.Explain(ctx, route, key)
		return err
	})
}
