package bridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"go.opentelemetry.io/otel/trace"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering/store"
)

// ErrStoreInUse says that another process has the store of a topology open.
var ErrStoreInUse = store.ErrLocked

// Options are what a topology file does not say. The zero value is useful.
type Options struct {
	// Logger gets life cycle and what an operator must see. Default slog.Default.
	Logger *slog.Logger
	// AdoptOnce starts every key whose gap expires at what it has: for a store that
	// was lost or is older than the source.
	AdoptOnce bool
	// AcceptOffset takes the offsets that the Kafka groups of the routes have at
	// their first start as they are, though they do not fit what the routes have
	// settled: after a deliberate reset, or with a store that was lost. The store
	// has an audit row of it for each route that reads Kafka.
	AcceptOffset bool
	// Brokers are connections that exist already, by the names of the file; the
	// bridge opens the others and closes only those.
	Brokers map[string]broker.Broker
	// Store, when set, is used in place of the one the file names, and not closed.
	Store store.Store
	// TracerProvider gets the spans of messages, by OpenTelemetry's conventions for
	// messaging. Nil: there are none. The bridge does not shut it down.
	TracerProvider trace.TracerProvider
}

// Bridge is a topology that can run. Build it with [New]; close it after Run.
type Bridge struct {
	file    *config.File
	log     *slog.Logger
	store   store.Store
	brokers map[string]broker.Broker
	routes  []*route
	hooks   hooks
	tracers trace.TracerProvider
	closers []func() error
}

// New opens the store and prepares the routes. It connects to no broker: one
// that is away is waited for.
func New(f *config.File, opts Options) (*Bridge, error) {
	if faults := config.Unavailable(f); len(faults) > 0 {
		return nil, faults
	}
	b := &Bridge{file: f, log: opts.Logger, brokers: map[string]broker.Broker{}, store: opts.Store, hooks: hooks{}, tracers: opts.TracerProvider}
	if b.log == nil {
		b.log = slog.Default()
	}
	if err := b.open(opts); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	for _, r := range f.Routes {
		made := newRoute(b, r, opts.AdoptOnce)
		made.accepted = opts.AcceptOffset && hasTopic(r)
		b.routes = append(b.routes, made)
	}
	return b, nil
}

// open opens what the routes share.
func (b *Bridge) open(opts Options) error {
	if b.store == nil {
		s, err := openStore(b.file.Store, b.log)
		if err != nil {
			return err
		}
		b.store = s
		b.closers = append(b.closers, s.Close)
	}
	for _, c := range b.file.Brokers {
		if given, ok := opts.Brokers[c.Name]; ok {
			b.brokers[c.Name] = given
			continue
		}
		opened, err := openBroker(c, b.log)
		if err != nil {
			return fmt.Errorf("open broker %q: %w", c.Name, err)
		}
		b.brokers[c.Name] = opened
		b.closers = append(b.closers, opened.Close)
	}
	return nil
}

// Run moves messages until ctx ends, then lets every route settle what is under
// way and park what is held. It returns nil after an orderly stop. When the
// store breaks it ends with an error: only opening the store again can help, so
// the process should be started again.
func (b *Bridge) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer b.hooks.start(ctx)()
	var wg sync.WaitGroup
	errs := make([]error, len(b.routes))
	for i, r := range b.routes {
		wg.Go(func() {
			if errs[i] = r.keepRunning(ctx); errs[i] != nil {
				cancel()
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Store is where the routes keep their lanes.
func (b *Bridge) Store() store.Store { return b.store }

// Status says how each route is doing, in the order of the file.
func (b *Bridge) Status(ctx context.Context) []status.Route {
	all := make([]status.Route, len(b.routes))
	for i, r := range b.routes {
		all[i] = r.status(ctx)
	}
	return all
}

// Close closes brokers and store. Call it after Run has returned.
func (b *Bridge) Close() error {
	var errs []error
	for i := len(b.closers) - 1; i >= 0; i-- {
		errs = append(errs, b.closers[i]())
	}
	b.closers = nil
	return errors.Join(errs...)
}
