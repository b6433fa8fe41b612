// Package history remembers what routes moved within the last day: in steps of 10
// seconds for an hour, and of a minute for 24 hours. It costs 30 KiB a route,
// whatever they move, and begins anew with each start of the process.
package history

import (
	"context"
	"sync"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
)

const (
	// Every is how often the routes are asked.
	Every = 10 * time.Second
	// Longest is how far it goes back.
	Longest = 24 * time.Hour

	fineStep   = 10 * time.Second
	fineSpan   = time.Hour
	coarseStep = time.Minute
)

// Config says where the numbers come from.
type Config struct {
	// Routes is how each route is doing. Required.
	Routes func(context.Context) []status.Route
	// Latency is how long the messages of a route took. Nil: nothing is known of it.
	Latency func(route string) (status.Latency, bool)
}

// Recorder remembers what routes moved. Make one with [New]; its methods are safe
// for concurrent use.
type Recorder struct {
	cfg Config

	mu     sync.Mutex
	routes map[string]*track
}

// New returns a Recorder that knows nothing yet.
func New(c Config) *Recorder { return &Recorder{cfg: c, routes: map[string]*track{}} }

// Run asks the routes again and again until ctx ends.
func (r *Recorder) Run(ctx context.Context) {
	tick := time.NewTicker(Every)
	defer tick.Stop()
	for {
		r.look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// look asks the routes once. They have until the next time.
func (r *Recorder) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, Every)
	defer cancel()
	routes := r.cfg.Routes(ctx)
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range routes {
		if route := &routes[i]; known(route) {
			r.of(route.Name).add(r.read(now, route))
		}
	}
}

// known reports whether the counts of a route are. Before its first run they are
// all zero, and then those of all the time since it exists.
func known(route *status.Route) bool { return route.Counts.Keys != nil }

func (r *Recorder) of(name string) *track {
	if r.routes[name] == nil {
		r.routes[name] = newTrack()
	}
	return r.routes[name]
}

// read is a reading of a route.
func (r *Recorder) read(at time.Time, route *status.Route) reading {
	c := &route.Counts
	out := reading{at: at, sums: sums{float64(c.Received), float64(c.Delivered), float64(c.ParkedEver), float64(c.DeadEver)}}
	if r.cfg.Latency != nil {
		out.latency, _ = r.cfg.Latency(route.Name)
	}
	return out
}

// Minute is what a route moved within the last minute, and how long that took; nil
// where nothing was delivered. Now is how the route is doing just now.
func (r *Recorder) Minute(now status.Route) (api.Rates, *api.Latency) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.routes[now.Name]
	if t == nil || !known(&now) {
		return api.Rates{}, nil
	}
	return t.minute(r.read(time.Now(), &now))
}

// Since is what a route, or with no name all routes together, moved within a span:
// up to an hour in steps of 10 seconds, else in steps of a minute, at most 24
// hours. The last step is the last that is over.
func (r *Recorder) Since(route string, span time.Duration) api.History {
	r.mu.Lock()
	defer r.mu.Unlock()
	var tracks []*track
	for name, t := range r.routes {
		if route == "" || route == name {
			tracks = append(tracks, t)
		}
	}
	span = min(span, Longest)
	pick, step := func(t *track) *ring { return t.coarse }, coarseStep
	if span <= fineSpan {
		pick, step = func(t *track) *ring { return t.fine }, fineStep
	}
	end := time.Now().Truncate(step)
	out := api.History{From: end.UTC(), Step: int(step.Seconds()), Steps: []api.Rates{}}
	from := end
	for _, t := range tracks {
		if begun := ceil(t.began, step); begun.Before(from) {
			from = begun
		}
	}
	if first := end.Add(-span.Truncate(step)); from.Before(first) {
		from = first
	}
	for at := from; at.Before(end); at = at.Add(step) {
		out.Steps = append(out.Steps, sumAt(tracks, pick, at).over(step))
	}
	out.From = from.UTC()
	return out
}

// sumAt is what tracks moved together in the step that begins at a time.
func sumAt(tracks []*track, pick func(*track) *ring, at time.Time) (all sums) {
	for _, t := range tracks {
		for i, n := range pick(t).at(at) {
			all[i] += float64(n)
		}
	}
	return all
}

// ceil is the first begin of a step that is not before a time.
func ceil(at time.Time, step time.Duration) time.Time {
	if begin := at.Truncate(step); begin.Before(at) {
		return begin.Add(step)
	}
	return at
}
