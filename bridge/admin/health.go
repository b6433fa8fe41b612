package admin

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
)

const (
	pulseEvery = 5 * time.Second
	pulseStuck = time.Minute
)

// pulse asks the routes for their status again and again. Every route answers
// within the deadline it is given, whatever its brokers do; if one does not,
// something in the process is stuck for good, and a restart is the cure.
type pulse struct {
	routes func(context.Context) []status.Route
	began  time.Time
	last   atomic.Int64 // nanoseconds from began to the last answer
}

func newPulse(routes func(context.Context) []status.Route) *pulse {
	return &pulse{routes: routes, began: time.Now()}
}

func (p *pulse) run(ctx context.Context) {
	p.beat(ctx)
	tick := time.NewTicker(pulseEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			p.beat(ctx)
		}
	}
}

func (p *pulse) beat(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, pulseEvery)
	defer cancel()
	p.routes(ctx)
	p.last.Store(int64(time.Since(p.began)))
}

// silent is how long ago the routes answered last.
func (p *pulse) silent() time.Duration {
	return time.Since(p.began) - time.Duration(p.last.Load())
}

// livez says whether to restart the process.
func (s *Server) livez(w http.ResponseWriter, _ *http.Request) {
	if d := s.pulse.silent(); d > pulseStuck {
		answer(w, http.StatusServiceUnavailable, api.Live{
			Reason: fmt.Sprintf("the routes have not said how they are for %s", d.Round(time.Second)),
		})
		return
	}
	answer(w, http.StatusOK, api.Live{Alive: true})
}

// readyz says whether every route moves messages, and what keeps the others. A route
// that is excluded is looked at, and does not count.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout/2)
	defer cancel()
	ask := r.URL.Query()
	out := api.Ready{Ready: true, Routes: []api.Health{}}
	for _, route := range s.cfg.Routes(ctx) {
		if slices.Contains(ask["exclude"], route.Name) {
			out.Excluded = append(out.Excluded, route.Name)
		} else {
			out.Ready = out.Ready && route.Ready()
		}
		if ask.Has("verbose") || !route.Ready() {
			out.Routes = append(out.Routes, health(route))
		}
	}
	code := http.StatusOK
	if !out.Ready {
		code = http.StatusServiceUnavailable
	}
	answer(w, code, out)
}

func health(r status.Route) api.Health {
	return api.Health{
		Name: r.Name, Ready: r.Ready(), State: r.State, Reason: r.Reason, Since: r.Since,
		Sources: r.Sources, Target: r.Target, Breaker: r.Breaker, Alarms: r.Alarms,
	}
}

// routes lists the routes with their counts.
func (s *Server) routes(w http.ResponseWriter, r *http.Request) {
	answer(w, http.StatusOK, api.Page[status.Route]{Items: append([]status.Route{}, s.cfg.Routes(r.Context())...)})
}
