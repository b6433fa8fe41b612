package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/demo"
)

const demoLong = `Runs a bridge between a queue and a Kafka that are both inside this process; the
bridge, its store and its Kafka edge are the real ones. The queue shuffles,
repeats, loses and sends again, the connection breaks, Kafka refuses writes for a
while, and some messages are simply wrong. Afterwards a consumer reads the topic
and looks for every message.

It needs nothing but this program, and takes about 15 seconds.`

func newDemo() *cobra.Command {
	var opts demo.Options
	var printConfig bool
	var tamper choice
	cmd := &cobra.Command{
		Use: "demo", Short: "See ten thousand messages come out in order", Long: demoLong, Args: cobra.NoArgs,
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			if printConfig {
				fmt.Fprint(cmd.OutOrStdout(), demo.Topology("127.0.0.1:9092", "./bridge-data", 0))
				return nil
			}
			opts.Out, opts.Live = cmd.OutOrStdout(), isTerminal(cmd.OutOrStdout())
			if tamper.value != "no" {
				opts.Tamper = demo.Tamper(tamper.value)
			}
			return runDemo(cmd, opts)
		}),
	}
	f := cmd.Flags()
	f.IntVar(&opts.Messages, "messages", 10_000, "how many events are made, at least 20 per key")
	f.IntVar(&opts.Keys, "keys", 100, "of how many keys, at least 10")
	f.Uint64Var(&opts.Seed, "seed", 0, "what goes wrong where: the same seed, the same messages")
	f.IntVar(&opts.Rate, "rate", 0, "messages sent in a second; 0: so that it takes 12 seconds; -1: as fast as it goes")
	f.StringVar(&opts.Dir, "dir", "", "keep topology, log and store in this `directory`, which is empty or missing")
	f.BoolVar(&opts.Keep, "keep", false, "keep topology, log and store in a temporary directory")
	f.BoolVar(&printConfig, "print-config", false, "print the topology file that is run, and nothing else")
	tamper.flag(cmd, "tamper", "", "falsify the topic before it is checked, to see the check fail",
		"no", string(demo.Loss), string(demo.Order))
	_ = f.MarkHidden("tamper") // it fails only for flags that do not exist
	cmd.MarkFlagsMutuallyExclusive("dir", "keep")
	cmd.AddCommand(newDemoRoulette(), newDemoConsole())
	return cmd
}

func runDemo(cmd *cobra.Command, opts demo.Options) error {
	_, err := demo.Run(cmd.Context(), opts)
	switch {
	case errors.Is(err, demo.ErrFailed):
		return &exitError{Code: failed} // the report has said why
	case errors.Is(err, demo.ErrOptions):
		return &exitError{Code: invalid, Err: err}
	}
	return err
}

// isTerminal reports whether lines that were written can be drawn anew.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
