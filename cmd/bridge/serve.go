package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"syscall"

	"github.com/brokerbridge/bridge/bridge"
	"github.com/brokerbridge/bridge/bridge/admin"
	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/metrics"
)

// serve runs a bridge and its admin interface until ctx ends. The address is
// taken before any message moves, and announced as a URL; Off is none.
// Health is answered until the last message is settled.
func serve(ctx context.Context, b *bridge.Bridge, who config.Admin, log *slog.Logger, announce func(address string)) error {
	if who.Off {
		announce("")
		return runBridge(ctx, b, log)
	}
	srv, err := newAdmin(b, who, log)
	if err != nil {
		return &exitError{invalid, err, ""}
	}
	if err := srv.Listen(ctx); err != nil {
		return cannotListen(err)
	}
	announce(urlOf(who, srv.Addr()))

	adminCtx, stopAdmin := context.WithCancel(context.WithoutCancel(ctx))
	defer stopAdmin()
	runCtx, stopRun := context.WithCancel(ctx)
	defer stopRun()
	ended := make(chan error, 1)
	go func() {
		// A bridge that nobody can watch is stopped rather than left alone.
		defer stopRun()
		ended <- srv.Run(adminCtx)
	}()
	err = runBridge(runCtx, b, log)
	stopAdmin()
	return errors.Join(err, <-ended)
}

func runBridge(ctx context.Context, b *bridge.Bridge, log *slog.Logger) error {
	said := make(chan struct{})
	quiet := context.AfterFunc(ctx, func() {
		defer close(said)
		log.Info("stopping: what is under way is settled; once more ends it at once")
	})
	err := b.Run(ctx)
	if !quiet() {
		<-said // before it has
	}
	if err == nil {
		log.Info("stopped")
	}
	return err
}

// newAdmin is the admin interface of a bridge.
func newAdmin(b *bridge.Bridge, who config.Admin, log *slog.Logger) (*admin.Server, error) {
	registry := metrics.New(metrics.Config{
		Routes: b.Status, Operations: b.OperationStates, Latency: b.Latency, Commits: b.Commits,
		StoreBytes: func(ctx context.Context) (int64, error) {
			s, err := b.Store().Stats(ctx)
			return s.Bytes, err
		},
		StoreFree: func(ctx context.Context) (int64, error) {
			s, err := b.Store().Stats(ctx)
			return s.Free, err
		},
		MinFree: b.MinFree(), ParkMax: b.ParkMax(),
		Version: readVersion().Version,
	})
	return admin.New(allow(who, admin.Config{
		Routes: b.Status, Store: b.Store(),
		Teller: b, Operator: b, Backup: backupOf(b), Metrics: metrics.Handler(registry, log), Logger: log, Version: readVersion().Version,
		Lane: func(ctx context.Context, route, key string, epoch uint32) (admin.Live, bool) {
			v, ok := b.Look(ctx, route, key, epoch)
			return admin.Live{
				Held: v.Held, Runs: v.Runs, State: v.State, Since: v.Since, Lowest: v.Lowest,
				Expires: v.Expires, Then: v.OnGap, Tries: v.Tries, Due: v.Due,
			}, ok
		},
	}))
}

// backupOf copies the store of a bridge, for its admin interface.
func backupOf(b *bridge.Bridge) func(context.Context, string) (api.StoreBackup, error) {
	return func(ctx context.Context, dir string) (api.StoreBackup, error) {
		done, err := b.BackupStore(ctx, dir)
		if err != nil {
			return api.StoreBackup{}, &api.Error{Code: api.NoBackup, Message: err.Error()}
		}
		return backupMade(done), nil
	}
}

func cannotListen(err error) error {
	hint := "admin of the topology file says where it listens, and which files it encrypts with"
	if errors.Is(err, syscall.EADDRINUSE) {
		hint = "another bridge may be running; set admin: { listen: 127.0.0.1:PORT } in the topology file, or listen: off"
	}
	return &exitError{environment, fmt.Errorf("start: %w", err), hint}
}
