package metrics

import (
	"context"
	"maps"
	"runtime"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/brokerbridge/bridge/bridge/status"
)

// collector writes status down as metrics.
type collector struct{ Config }

// Describe names all metrics, also those that are absent now.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, m := range counts {
		out <- m.desc()
	}
	for _, m := range others() {
		out <- m.desc()
	}
}

// Collect asks for the status of the routes.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	s := scrape{out}
	s.put(buildInfo, 1, c.Version, runtime.Version())
	for _, r := range c.Routes(ctx) {
		s.route(r)
	}
	if c.StoreBytes == nil {
		return
	}
	if n, err := c.StoreBytes(ctx); err != nil {
		out <- prometheus.NewInvalidMetric(storeSize.desc(), err)
	} else {
		s.put(storeSize, n)
	}
}

// scrape is where the metrics of one scrape go.
type scrape struct{ out chan<- prometheus.Metric }

func (s scrape) put(m metric, value int64, labels ...string) {
	for i := range labels {
		labels[i] = strings.ToValidUTF8(labels[i], "�")
	}
	made, err := prometheus.NewConstMetric(m.desc(), m.kind, float64(value), labels...)
	if err != nil {
		made = prometheus.NewInvalidMetric(m.desc(), err)
	}
	s.out <- made
}

func (s scrape) route(r status.Route) {
	s.put(received, r.Counts.Received, r.Name)
	s.oneOf(routeState, states, string(r.State), r.Name)
	s.oneOf(breakerState, breakers, r.Breaker, r.Name, side(r.Target))
	s.ends(r)
	if r.Counts.Keys == nil {
		// The ledger is out of reach. A counter that fell to 0 and came back would
		// count everything again; one that is absent for a while does no harm.
		return
	}
	for _, m := range counts {
		s.put(m.metric, m.of(r.Counts), r.Name)
	}
	s.tally(r.Counts.DeadBy, reasons, func(n int64, reason string) { s.put(deadLettered, n, r.Name, reason) })
	s.tally(r.Counts.Failures, classes, func(n int64, class string) { s.put(attempts, n, r.Name, "failed", class) })
}

// ends are the connections of a route. A route may read queues of the same name
// from two brokers, so the broker is part of an end's name.
func (s scrape) ends(r status.Route) {
	for _, e := range r.Sources {
		s.put(connectionUp, bit(e.Up), r.Name, side(e), "")
		if e.Lag >= 0 {
			s.put(sourceLag, e.Lag, r.Name, side(e))
		}
	}
	s.put(connectionUp, bit(r.Target.Up), r.Name, "", side(r.Target))
}

func side(e status.End) string { return e.Broker + ": " + e.Name }

// oneOf is 1 for the state that is, and 0 for the others that could be.
func (s scrape) oneOf(m metric, all []string, is string, labels ...string) {
	for _, state := range all {
		s.put(m, bit(state == is), append(slices.Clone(labels), state)...)
	}
}

// tally emits what was counted by name, and 0 for what is known and was not.
func (s scrape) tally(counted map[string]int64, known []string, emit func(int64, string)) {
	all := maps.Clone(counted)
	if all == nil {
		all = map[string]int64{}
	}
	for _, name := range known {
		all[name] += 0
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		emit(all[name], name)
	}
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
