package admin

import (
	"context"
	"net"
	"net/http"
	"strings"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// endpoint is a path and who answers it.
type endpoint struct {
	path   string
	handle http.HandlerFunc
}

// endpoints are all that is served. Health is apart: an orchestrator must get
// its answer however busy the rest is.
func (s *Server) endpoints() (health, rest []endpoint) {
	health = []endpoint{
		{"/livez", s.livez},
		{"/readyz", s.readyz},
	}
	rest = []endpoint{
		{"/api/v1/routes", s.routes},
		{"/api/v1/routes/{route}/dead-letters", s.deadLetters},
		{"/api/v1/routes/{route}/dead-letters/{id}", s.deadLetter},
		{"/api/v1/routes/{route}/keys", s.keys},
		{"/api/v1/routes/{route}/keys/{key}", s.key},
	}
	if s.cfg.Metrics != nil {
		rest = append(rest, endpoint{"/metrics", s.cfg.Metrics.ServeHTTP})
	}
	return health, rest
}

// handler is the whole interface, guarded.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	health, rest := s.endpoints()
	for _, e := range health {
		register(mux, e.path, e.handle)
	}
	for _, e := range rest {
		register(mux, e.path, s.bounded(e.handle))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusNotFound, api.NotFound, "there is nothing at this path", "GET /api/v1/routes lists the routes")
	})
	return guarded(mux)
}

// register takes GET, and HEAD with it, and refuses the rest.
func register(mux *http.ServeMux, path string, h http.HandlerFunc) {
	mux.HandleFunc("GET "+path, h)
	mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", "GET, HEAD")
		fail(w, http.StatusMethodNotAllowed, api.MethodNotAllowed, r.Method+" is not served here", "this release only reads: use GET")
	})
}

// guarded sets the headers that keep a browser from showing, keeping or sharing
// what is a payload, and refuses requests that were meant for another host.
func guarded(next http.Handler) http.Handler {
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
