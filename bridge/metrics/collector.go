package metrics

import (
	"context"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"

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
		s.histogram(endToEnd, c.Latency, r.Name)
		s.histogram(commitDuration, c.Commits, r.Name)
		s.operations(ctx, c.Operations, r.Name)
		if most := c.ParkMax[r.Name]; most > 0 {
			s.put(parkMax, most, r.Name)
		}
	}
	if c.MinFree > 0 {
		s.put(storeMinFree, c.MinFree)
	}
	s.ask(ctx, storeSize, c.StoreBytes, true)
	s.ask(ctx, storeFree, c.StoreFree, false)
}

// ask puts what has to be asked for, if there is somebody to ask.
func (s scrape) ask(ctx context.Context, m metric, of func(context.Context) (int64, error), zero bool) {
	if of == nil {
		return
	}
	n, err := of(ctx)
	switch {
	case err != nil:
		s.out <- prometheus.NewInvalidMetric(m.desc(), err)
	case n > 0 || zero:
		s.put(m, n)
	}
}

// histogram shows all that was counted, with its bounds: a message that was parked
// takes hours, a commit less than a millisecond.
func (s scrape) histogram(m metric, of func(string) (status.Latency, bool), route string) {
	if of == nil {
		return
	}
	counted, known := of(route)
	if !known {
		return
	}
	buckets := map[float64]uint64{}
	for _, b := range counted.Buckets {
		buckets[b.UpTo] = b.Count
	}
	made, err := prometheus.NewConstHistogram(m.desc(), counted.Count, counted.Sum, buckets, strings.ToValidUTF8(route, "�"))
	if err != nil {
		made = prometheus.NewInvalidMetric(m.desc(), err)
	}
	s.out <- made
}

// operations are counted by the store.
func (s scrape) operations(ctx context.Context, of func(context.Context, string) (map[string]int64, error), route string) {
	if of == nil {
		return
	}
	counted, err := of(ctx, route)
	if err != nil {
		s.out <- prometheus.NewInvalidMetric(operations.desc(), err)
		return
	}
	s.tally(counted, ongoing, func(n int64, state string) { s.put(operations, n, route, state) })
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
	s.tally(r.Turns, breakers, func(n int64, state string) { s.put(transitions, n, r.Name, side(r.Target), state) })
	s.ends(r)
	s.beside(r)
	s.alarms(r)
	if r.Counts.Keys == nil {
		// The ledger is out of reach. A counter that fell to 0 and came back would
		// count everything again; one that is absent for a while does no harm.
		return
	}
	for _, m := range counts {
		s.put(m.metric, m.of(r.Counts), r.Name)
	}
	s.tally(r.Counts.DeadBy, reasons, func(n int64, reason string) { s.put(deadLettered, n, r.Name, reason) })
	s.put(attempts, r.Counts.Confirmed, r.Name, "delivered", "")
	s.tally(r.Counts.Failures, classes, func(n int64, class string) { s.put(attempts, n, r.Name, "failed", class) })
}

// alarms are the limits that are reached, and how long things wait.
func (s scrape) alarms(r status.Route) {
	if r.Oldest == nil {
		return // nobody has looked yet
	}
	for _, reason := range status.AlarmReasons {
		is := slices.ContainsFunc(r.Alarms, func(a status.Alarm) bool { return a.Reason == reason })
		s.put(alarm, bit(is), r.Name, reason)
	}
	s.put(oldestDead, age(r.Oldest.DeadLetter), r.Name)
	s.put(oldestParked, age(r.Oldest.Parked), r.Name)
	s.put(oldestGap, age(r.Oldest.Gap), r.Name)
	s.put(oldestSkip, age(r.Oldest.Skip), r.Name)
}

func age(since time.Time) int64 {
	if since.IsZero() {
		return 0
	}
	return max(0, int64(time.Since(since).Seconds()))
}

// ends are the connections of a route. A route may read queues of the same name
// from two brokers, so the broker is part of an end's name.
func (s scrape) ends(r status.Route) {
	for _, e := range r.Sources {
		s.put(connectionUp, bit(e.Up), r.Name, side(e), "")
		s.put(reconnects, e.Reconnects, r.Name, side(e), "")
		if e.Lag >= 0 {
			s.put(sourceLag, e.Lag, r.Name, side(e))
		}
	}
	s.put(connectionUp, bit(r.Target.Up), r.Name, "", side(r.Target))
	s.put(reconnects, r.Target.Reconnects, r.Name, "", side(r.Target))
	s.put(connectionBlocked, bit(r.Target.Blocked), r.Name, side(r.Target))
}

// beside is what goes out beside the messages.
func (s scrape) beside(r status.Route) {
	if r.Mirror != nil {
		s.put(mirrorPending, r.Mirror.Pending, r.Name)
		s.put(mirrorRefused, r.Mirror.Refused, r.Name)
	}
	if r.Events != nil {
		s.put(eventsDropped, r.Events.Dropped, r.Name)
	}
	if r.Replies != nil {
		s.put(repliesDropped, r.Replies.Dropped, r.Name)
	}
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
