package admin

import (
	"context"
	"net"
	"net/http"
	"strings"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// endpoint is a path, how it is asked and who answers it.
type endpoint struct {
	method string
	path   string
	handle http.HandlerFunc
}

// The path of a route.
const aRoute = "/api/v1/routes/{route}"

// endpoints are all that is served. Health is apart: an orchestrator must get
// its answer however busy the rest is.
func (s *Server) endpoints() (health, rest []endpoint) {
	health = []endpoint{
		{"GET", "/livez", s.livez},
		{"GET", "/readyz", s.readyz},
	}
	rest = []endpoint{
		{"GET", "/api/v1/routes", s.routes},
		{"GET", "/api/v1/audit", s.audits},
		{"GET", aRoute + "/dead-letters", s.deadLetters},
		{"GET", aRoute + "/dead-letters/{id}", s.deadLetter},
		{"GET", aRoute + "/keys", s.keys},
		{"GET", aRoute + "/keys/{key}", s.key},
		{"GET", aRoute + "/keys/{key}/explain", s.explain},
	}
	if s.cfg.Metrics != nil {
		rest = append(rest, endpoint{"GET", "/metrics", s.cfg.Metrics.ServeHTTP})
	}
	if s.cfg.Operator != nil {
		rest = append(rest, s.changes()...)
	}
	return health, rest
}

// changes are the endpoints that change something.
func (s *Server) changes() []endpoint {
	return []endpoint{
		{"POST", aRoute + "/pause", s.change(s.pauseRoute)},
		{"POST", aRoute + "/resume", s.change(s.resumeRoute)},
		{"POST", aRoute + "/dead-letters/{id}/redrive", s.change(s.redrive)},
		{"POST", aRoute + "/dead-letters/{id}/discard", s.change(s.discard)},
		{"POST", aRoute + "/keys/{key}/skip", s.change(s.skip)},
		{"POST", aRoute + "/keys/{key}/release", s.change(s.release)},
	}
}

// handler is the whole interface, guarded.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	health, rest := s.endpoints()
	for _, e := range health {
		register(mux, e)
	}
	for _, e := range rest {
		e.handle = s.bounded(e.handle)
		register(mux, e)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusNotFound, api.NotFound, "there is nothing at this path", "GET /api/v1/routes lists the routes")
	})
	return guarded(mux)
}

// register takes the endpoint's method, HEAD with GET, and refuses the rest.
func register(mux *http.ServeMux, e endpoint) {
	mux.HandleFunc(e.method+" "+e.path, e.handle)
	allow, hint := "GET, HEAD", "this path only reads: use GET"
	if e.method == http.MethodPost {
		allow, hint = http.MethodPost, "this path changes something: use POST"
	}
	mux.HandleFunc(e.path, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allow)
		fail(w, http.StatusMethodNotAllowed, api.MethodNotAllowed, r.Method+" is not served here", hint)
	})
}

// guarded sets the headers that keep a browser from showing, keeping or sharing
// what is a payload, and refuses requests that were meant for another host, or
// that a page of another host makes to change something.
func guarded(next http.Handler) http.Handler {
	foreign := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, h := range [...][2]string{
			{"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"},
			{"X-Content-Type-Options", "nosniff"},
			{"X-Frame-Options", "DENY"},
			{"Cache-Control", "no-store"},
			{"Referrer-Policy", "no-referrer"},
			{"Cross-Origin-Resource-Policy", "same-origin"},
			{"Cross-Origin-Opener-Policy", "same-origin"},
		} {
			w.Header().Set(h[0], h[1])
		}
		if !local(r.Host) {
			fail(w, http.StatusForbidden, api.BadHost, "the Host of this request is not a loopback name or address",
				"ask for http://127.0.0.1 or http://localhost, with the port")
			return
		}
		if foreign.Check(r) != nil {
			fail(w, http.StatusForbidden, api.CrossOrigin, "this request comes from a page of another host", "ask without a browser")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// local reports whether a Host header names this machine to itself. The port is
// left open: a tunnel has one of its own.
func local(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	} else {
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	return isLoopback(strings.ToLower(host))
}

// bounded gives a request a deadline, and refuses it while too many are under
// way.
func (s *Server) bounded(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case s.busy <- struct{}{}:
			defer func() { <-s.busy }()
		default:
			w.Header().Set("Retry-After", "1")
			fail(w, http.StatusTooManyRequests, api.Busy, "too many requests are under way", "try again in a second")
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		next(w, r.WithContext(ctx))
	}
}
