package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"syscall"

	"github.com/brokerbridge/bridge/bridge"
	"github.com/brokerbridge/bridge/bridge/admin"
	"github.com/brokerbridge/bridge/bridge/metrics"
)

// serve runs a bridge and its admin interface until ctx ends. The address is
// taken before any message moves, and announced as a URL; listen "" is none.
// Health is answered until the last message is settled.
func serve(ctx context.Context, b *bridge.Bridge, listen string, log *slog.Logger, announce func(address string)) error {
	if listen == "" {
		announce("")
		return runBridge(ctx, b, log)
	}
	srv, err := newAdmin(b, listen, log)
	if err != nil {
		return &exitError{invalid, err, ""}
	}
	if err := srv.Listen(ctx); err != nil {
		return cannotListen(err)
	}
	announce("http://" + srv.Addr())

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
func newAdmin(b *bridge.Bridge, listen string, log *slog.Logger) (*admin.Server, error) {
	registry := metrics.New(metrics.Config{
		Routes: b.Status,
		StoreBytes: func(ctx context.Context) (int64, error) {
			s, err := b.Store().Stats(ctx)
			return s.Bytes, err
		},
		Version: readVersion().Version,
	})
	return admin.New(admin.Config{
		Listen: listen, Routes: b.Status, Store: b.Store(),
		Operator: b, Metrics: metrics.Handler(registry, log), Logger: log,
		Lane: func(ctx context.Context, route, key string, epoch uint32) (admin.Live, bool) {
			v, ok := b.Look(ctx, route, key, epoch)
			return admin.Live{
				Held: v.Held, State: v.State, Since: v.Since, Lowest: v.Lowest,
				Expires: v.Expires, Then: v.OnGap, Tries: v.Tries, Due: v.Due,
			}, ok
		},
	})
}

func cannotListen(err error) error {
	hint := "admin.listen of the topology file is a loopback address and a port, or off"
	if errors.Is(err, syscall.EADDRINUSE) {
		hint = "another bridge may be running; set admin: { listen: 127.0.0.1:PORT } in the topology file, or listen: off"
	}
	return &exitError{environment, fmt.Errorf("start: %w", err), hint}
}
