package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/brokerbridge/bridge/bridge/admin"
	"github.com/brokerbridge/bridge/bridge/admin/client"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble"
)

// openOffline opens the store of a bridge that does not run, to be looked at. It
// makes no store and changes nothing; a bridge that runs is named.
func openOffline(f *config.File) (*pebble.Store, error) {
	if f.Store.Pebble == nil {
		return nil, &exitError{invalid, fmt.Errorf("%s has its store in memory: it ended with the bridge", f.Name), ""}
	}
	s, err := pebble.OpenReadOnly(f.Store.Pebble.Dir, pebble.Options{Logger: slog.New(slog.DiscardHandler)})
	if errors.Is(err, store.ErrLocked) {
		return nil, &exitError{environment, err, "the bridge runs: ask it, without --offline"}
	}
	return s, ofStore(err)
}

// changesSomething tells the commands that do from those that look.
func changesSomething(cmd *cobra.Command) bool { return cmd.Flags().Lookup("dry-run") != nil }

// offline serves the store to a client of its own, until the command ends. What
// it shows is what a bridge would show that has not begun to run.
func offline(cmd *cobra.Command, file *fileFlag) (*client.Client, error) {
	if changesSomething(cmd) {
		return nil, &exitError{invalid, errors.New("the bridge must run to change something: --offline only looks"), ""}
	}
	f, err := file.load()
	if err != nil {
		return nil, err
	}
	s, err := openOffline(f)
	if err != nil {
		return nil, err
	}
	atEnd(cmd.Context(), func() error { return s.Close() })
	token := rand.Text()
	srv, err := admin.New(admin.Config{
		Listen: "127.0.0.1:0", Store: s, Mask: maskOf(f.Admin.Mask), TraceURL: f.Admin.TraceURL, Logger: slog.New(slog.DiscardHandler),
		Tokens: []admin.Token{{Name: "offline", Role: admin.RoleViewer, Sum: sha256.Sum256([]byte(token))}},
		Routes: func(ctx context.Context) []status.Route { return atRest(ctx, s, f) },
	})
	if err != nil {
		return nil, err
	}
	if err := srv.Listen(cmd.Context()); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(cmd.Context()))
	ended := make(chan error, 1)
	go func() { ended <- srv.Run(ctx) }()
	atEnd(cmd.Context(), func() error {
		stop()
		return <-ended
	})
	return client.New("http://"+srv.Addr(), client.Options{Token: token})
}

// atRest are the routes of a store that no bridge uses: those of the file, as
// far as the store knows them.
func atRest(ctx context.Context, s *pebble.Store, f *config.File) []status.Route {
	var all []status.Route
	for _, r := range f.Routes {
		l, err := s.Ledger(ctx, r.Name)
		if err != nil {
			continue // it has never run
		}
		one := status.Route{
			Name: r.Name, State: status.Stopped, Reason: "offline: the store is looked at without its bridge", Since: time.Now(),
			Owner: r.Owner.Name, Breaker: "closed",
			Target: status.End{Broker: r.To.Broker, Name: r.To.Name(), Lag: -1},
			Counts: status.Counts{
				Delivered: l.Delivered, Duplicates: l.Duplicates, Unverified: l.Unverified, Filtered: l.Filtered,
				Parked: l.Parked, ParkedEver: l.ParkedTotal, ParkedSize: l.ParkedBytes, Dead: l.Dead, DeadEver: l.DeadLettered,
				Redriven: l.Redriven, Discarded: l.Discarded, Archived: l.Archived, Imported: l.Imported,
				Purged: l.Purged, Expired: l.Expired, Skipped: l.Skipped,
			},
		}
		for _, from := range r.From {
			one.Sources = append(one.Sources, status.End{Broker: from.Broker, Name: from.Name(), Lag: -1})
		}
		all = append(all, one)
	}
	return all
}

// endings are what is to be done when a command is over.
type endings struct{ todo []func() error }

type endingsKey struct{}

func withEndings(ctx context.Context) (context.Context, *endings) {
	e := &endings{}
	return context.WithValue(ctx, endingsKey{}, e), e
}

// atEnd has something done when the command is over, the last thing first.
func atEnd(ctx context.Context, do func() error) {
	if e, ok := ctx.Value(endingsKey{}).(*endings); ok {
		e.todo = append(e.todo, do)
	}
}

func (e *endings) end() error {
	var errs []error
	for i := len(e.todo) - 1; i >= 0; i-- {
		errs = append(errs, e.todo[i]())
	}
	return errors.Join(errs...)
}
