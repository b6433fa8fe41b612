package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/demo/shop"
)

const demoConsoleLong = `Runs a small shop until you stop it, with the console to look at: four routes, of
which one is refused by its target now and then, one waits for a carrier that
sleeps, and one misses a revision from time to time. It needs nothing but this
program, and leaves nothing behind.`

const demoConsoleGuide = `The console is at %s

Something is wrong with the payments. Find out what, and when you know,
press Enter here: the ledger is mended. Then redrive what it had refused,
in the console, and watch the keys drain. Ctrl-C ends it.
`

func newDemoConsole() *cobra.Command {
	var opts shop.Options
	cmd := &cobra.Command{
		Use: "console", Short: "See the console, with something to find and to mend", Long: demoConsoleLong, Args: cobra.NoArgs,
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			return runDemoConsole(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout(), opts)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&opts.Listen, "listen", "127.0.0.1:8321", "where the console listens; port 0 takes a free one")
	f.IntVar(&opts.Rate, "rate", 60, "messages sent in a second")
	f.Uint64Var(&opts.Seed, "seed", 0, "who buys what: the same seed, the same messages")
	return cmd
}

func runDemoConsole(ctx context.Context, in io.Reader, out io.Writer, opts shop.Options) error {
	world, err := shop.Open(opts)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	announce := func(address string) {
		fmt.Fprintf(out, demoConsoleGuide, address)
		go world.Trade(ctx)
		go func() { // ends with the process: a read of a terminal cannot be interrupted
			if bufio.NewScanner(in).Scan() {
				world.Mend()
				fmt.Fprintln(out, "The ledger is mended: it takes what it had refused. What it refused before waits for you: redrive it.")
			}
		}()
	}
	return errors.Join(serve(ctx, world.Bridge, world.File.Admin, slog.New(slog.DiscardHandler), announce), world.Close())
}
