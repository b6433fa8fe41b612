package main

import (
	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
)

func newRoutesPause() *cobra.Command {
	return aboutRoute(&cobra.Command{
		Use: "pause NAME", Short: "Stop a route from taking messages",
		Long: "Stops taking messages from the route's sources until it is resumed. What is in\n" +
			"hand is delivered. A restart of the bridge ends the pause: it is not stored.",
		Example: "  bridge routes pause orders --reason 'the billing database is being moved'",
	}, func(cmd *cobra.Command, c *client.Client, route string, ch api.Change) (api.Outcome, error) {
		return c.Pause(cmd.Context(), route, ch)
	})
}

func newRoutesResume() *cobra.Command {
	var accept bool
	cmd := aboutRoute(&cobra.Command{
		Use: "resume NAME", Short: "Let a paused route go on",
		Long: "Ends the pause of a route, or starts one again that stopped and waits for\n" +
			"somebody; bridge routes ls names its reason.\n\n" +
			"With --accept-offset a route with a Kafka source takes the offsets of its group\n" +
			"as they are, once, though they do not fit what it has settled: after a reset\n" +
			"that was meant, or when the topic has lost or never had what is missing.",
		Example: "  bridge routes resume orders --reason 'the topic takes 2 MiB now'",
	}, func(cmd *cobra.Command, c *client.Client, route string, ch api.Change) (api.Outcome, error) {
		ch.AcceptOffset = accept
		return c.Resume(cmd.Context(), route, ch)
	})
	cmd.Flags().BoolVar(&accept, "accept-offset", false, "take the offsets of the source as they are, once")
	return cmd
}

// aboutRoute makes a command that changes one route.
func aboutRoute(cmd *cobra.Command,
	do func(cmd *cobra.Command, c *client.Client, route string, ch api.Change) (api.Outcome, error),
) *cobra.Command {
	var f changing
	cmd.Args = one("NAME")
	cmd.ValidArgsFunction = completeRoute
	cmd.RunE = does(func(cmd *cobra.Command, args []string) error {
		c, ch, err := f.begin(cmd)
		if err != nil {
			return err
		}
		o, err := do(cmd, c, args[0], ch)
		if err != nil {
			return err
		}
		return show(cmd, f.output.value, []api.Outcome{o}, outcomeText)
	})
	f.add(cmd)
	return cmd
}
