package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge"
	"github.com/brokerbridge/bridge/bridge/config"
)

const runLong = `Runs the routes of a topology file until it is told to stop (Ctrl-C, SIGTERM).
It then settles what is under way, parks what is held, and ends with 0; told a
second time, it ends at once with 1. Neither loses anything.

Brokers that are away are waited for, from the start as later. How the routes
are doing is on the admin address: bridge routes ls, /readyz, /metrics.`

// runFlags are those of run.
type runFlags struct {
	file  fileFlag
	log   logFlags
	adopt bool

	acceptOffset bool
	profile      string
}

func newRun() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use: "run", Short: "Run the routes of a topology file", Long: runLong, Args: none,
		RunE: does(func(cmd *cobra.Command, _ []string) error {
			file, err := f.file.load()
			if err != nil {
				return err
			}
			log, closed := f.log.open(cmd.ErrOrStderr())
			defer closed()
			return profiled(f.profile, func() error { return f.run(cmd.Context(), file, log) })
		}),
	}
	f.file.add(cmd)
	f.log.add(cmd)
	cmd.Flags().BoolVar(&f.adopt, "adopt-once", false,
		"start each key whose gap expires at what it has: after the store was lost or restored from a backup")
	cmd.Flags().BoolVar(&f.acceptOffset, "accept-offset", false,
		"take the offsets of Kafka sources as they are: after a deliberate reset, or after the store was lost")
	cmd.Flags().StringVar(&f.profile, "cpu-profile", "", "write where the CPU time went to this file, for go tool pprof")
	return cmd
}

func (f *runFlags) run(ctx context.Context, file *config.File, log *slog.Logger) error {
	useMemory(file)
	traces, err := startTraces(ctx, log)
	if err != nil {
		return err
	}
	defer traces.end(ctx)
	b, err := bridge.New(file, bridge.Options{
		Logger: log, AdoptOnce: f.adopt, AcceptOffset: f.acceptOffset, TracerProvider: traces.provider(),
	})
	if _, ok := errors.AsType[config.Faults](err); ok {
		return err
	}
	if err != nil {
		hint := ""
		if errors.Is(err, bridge.ErrStoreInUse) {
			hint = "stop that one, or give this one a folder of its own: store: { pebble: { dir: … } }"
		}
		return &exitError{environment, fmt.Errorf("start: %w", err), hint}
	}
	announce := func(address string) { say(log, file, address) }
	return errors.Join(serve(ctx, b, file.Admin, log, announce), b.Close())
}

// say logs what runs where, and what to do next.
func say(log *slog.Logger, file *config.File, address string) {
	version := readVersion()
	log.Info("bridge starts", "version", version.Version, "file", file.Name, "store", storeName(file.Store), "admin", address)
	for _, r := range file.Routes {
		var from []string
		for _, f := range r.From {
			from = append(from, f.Broker+": "+f.Name())
		}
		log.Info("route", "route", r.Name, "from", strings.Join(from, ", "), "to", r.To.Broker+": "+r.To.Name(), "order", string(r.Order.By))
	}
	if address == "" {
		return
	}
	sayWhoMayAsk(log, file.Admin)
	admin := ""
	if address != defaultAdmin {
		admin = " --admin " + address
	}
	log.Info("to see how it goes", "routes", "bridge routes ls"+admin, "blocked", "bridge keys ls"+admin,
		"failed", "bridge dlq ls"+admin, "health", address+"/readyz?verbose", "stop", "Ctrl-C")
}

func storeName(s config.Store) string {
	if s.Memory != nil {
		return "memory"
	}
	return "pebble " + s.Pebble.Dir
}
