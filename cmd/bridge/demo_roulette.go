package main

import (
	"errors"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/demo/roulette"
)

const rouletteLong = `Has three services work off the same ten thousand messages, of which ten cannot
be processed, from a queue each on a RabbitMQ of yours: one nacks them with
requeue, as stock Watermill does, one the same with a prefetch of 100, and one
has the bridge's subscriber, middlewares and store. After some seconds what the
ten lack is there, and the bridge's dead letters are redriven.

It declares three queues of its own (bridge-roulette-...), and deletes them. Two
of the services load RabbitMQ as much as they can meanwhile: that is what it
shows. Take no RabbitMQ that others need.`

func newDemoRoulette() *cobra.Command {
	var opts roulette.Options
	cmd := &cobra.Command{
		Use: "roulette", Short: "See ten messages requeued for ever on your RabbitMQ, and the bridge beside it",
		Long: rouletteLong, Args: cobra.NoArgs,
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			opts.Out = cmd.OutOrStdout()
			if url := os.Getenv("AMQP_URL"); opts.URL == "" && url != "" {
				opts.URL = url
			}
			if opts.URL == "" {
				opts.URL = "amqp://guest:guest@127.0.0.1:5672/"
			}
			_, err := roulette.Run(cmd.Context(), opts)
			if errors.Is(err, roulette.ErrUnreachable) {
				return &exitError{Code: environment, Err: err, Hint: "name one with --amqp URL, or start one: make brokers"}
			}
			return err
		}),
	}
	f := cmd.Flags()
	f.StringVar(&opts.URL, "amqp", "", "the `URL` of RabbitMQ; default $AMQP_URL, or guest on 127.0.0.1")
	f.DurationVar(&opts.Lasts, "lasts", 10*time.Second, "how long it goes on until what the ten lack is there")
	return cmd
}
