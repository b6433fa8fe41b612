// Package metrics shows Prometheus how the routes of a bridge are doing.
//
// Nothing is counted here: at each scrape the collector asks for the status of
// the routes and writes it down, so a number on a dashboard and the same number
// in the admin API cannot differ. What the store's ledger counts, it counts since
// the route exists, across restarts; the others, as their help says, count since the
// process or the route started. rate() copes with all of them.
//
// # Conservation
//
// Every message that was taken, imported, restored, or parked or dead at the start is by
// now delivered, filtered, dropped as a duplicate, discarded, archived, purged or
// expired, or it is parked, dead or in memory. The difference is
// bridge_unaccounted_messages. It is 0 when messages rest; alert when it is not
// for minutes.
//
// # Labels
//
// route, source, target, reason, class, state and outcome, whose values come
// from the topology file or from short lists. A key is never a label: there are
// millions.
package metrics

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/brokerbridge/bridge/bridge/status"
)

// timeout is how long a scrape waits for the routes; Prometheus gives up after
// ten seconds by default.
const timeout = 5 * time.Second

// Config says where the numbers come from.
type Config struct {
	// Routes is how each route is doing. Required.
	Routes func(context.Context) []status.Route
	// Operations is how many operations of a route are in each state. Nil: not exported.
	Operations func(ctx context.Context, route string) (map[string]int64, error)
	// Latency is how long the messages of a route took, Commits how long its commits
	// to the store did; false: unknown. Nil: not exported.
	Latency, Commits func(route string) (status.Latency, bool)
	// StoreBytes is the size of the store. Nil: not exported.
	StoreBytes func(context.Context) (int64, error)
	// StoreFree is what is left on the store's disk; 0 is unknown. Nil: not exported.
	StoreFree func(context.Context) (int64, error)
	// MinFree is the limit of StoreFree, below which intake pauses. 0: none.
	MinFree int64
	// ParkMax are the limits of parked bytes, by route. A route without one has none.
	ParkMax map[string]int64
	// Version is that of this program, for bridge_build_info.
	Version string
}

// New returns a registry with all metrics of a bridge, the Go runtime and the
// process.
func New(c Config) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(
		&collector{Config: c},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return r
}

// Handler serves a registry. One metric that cannot be had does not hide the
// others; it is logged. Nil: slog.Default.
func Handler(r *prometheus.Registry, log *slog.Logger) http.Handler {
	if log == nil {
		log = slog.Default()
	}
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: 4,
	})
}
