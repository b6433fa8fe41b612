package admin

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/history"
	"github.com/brokerbridge/bridge/bridge/status"
)

// Teller tells of a route what its status does not.
type Teller interface {
	// Policies are what it was told to do.
	Policies(route string) []api.Policy
	// BreakerHistory is the last changes of its breaker, newest first.
	BreakerHistory(route string) []api.Breaker
	// Latency is how long its messages took since the process started; false: it is
	// not known.
	Latency(route string) (status.Latency, bool)
}

func newHistory(c Config) *history.Recorder {
	from := history.Config{Routes: c.Routes}
	if c.Teller != nil {
		from.Latency = c.Teller.Latency
	}
	return history.New(from)
}

// me says who asks.
func (s *Server) me(w http.ResponseWriter, r *http.Request) {
	who := callerOf(r)
	answer(w, http.StatusOK, api.Me{Name: who.name, Role: who.role.String(), Payloads: string(who.payloads), ReadOnly: s.cfg.ReadOnly})
}

// route shows a route, what it was told to do, and how fast it is.
func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	name, ok := s.known(w, r)
	if !ok {
		return
	}
	all := s.cfg.Routes(r.Context())
	i := slices.IndexFunc(all, func(r status.Route) bool { return r.Name == name })
	if i < 0 { // they are always the same
		noRoute(w, name)
		return
	}
	out := api.RouteDetail{Route: all[i], Policies: []api.Policy{}, Shift: []api.Breaker{}}
	out.Rates, out.Latency = s.past.Minute(all[i])
	if s.cfg.Teller != nil {
		out.Policies = append(out.Policies, s.cfg.Teller.Policies(name)...)
		out.Shift = shifts(r.Context(), s.cfg.Teller.BreakerHistory(name))
	}
	answer(w, http.StatusOK, out)
}

// maxHours is how far history goes back.
const maxHours = int(history.Longest / time.Hour)

// history shows what a route moved, or all of them together.
func (s *Server) history(w http.ResponseWriter, r *http.Request) {
	route, hours := r.URL.Query().Get("route"), 1
	if text := r.URL.Query().Get("hours"); text != "" {
		var err error
		if hours, err = strconv.Atoi(text); err != nil || hours < 1 || hours > maxHours {
			fail(w, http.StatusBadRequest, api.BadRequest, fmt.Sprintf("hours must be a number from 1 to %d", maxHours), "")
			return
		}
	}
	if route != "" && !s.names[route] {
		noRoute(w, route)
		return
	}
	answer(w, http.StatusOK, s.past.Since(route, time.Duration(hours)*time.Hour))
}
