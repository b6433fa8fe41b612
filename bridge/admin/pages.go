package admin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
	"github.com/brokerbridge/bridge/bridge/admin/console"
)

// pageRoles are who gets a page of the console. What a page shows and does, it asks
// the API for in the name of who looks, and that decides.
var pageRoles = map[console.Access]Role{
	console.Public: RoleAnyone, console.Reading: RoleViewer, console.Acting: RoleViewer,
}

// newConsole makes the pages, which ask the API of this server.
func (s *Server) newConsole() *console.Console {
	return console.New(console.Config{
		API: client.Over(inside{s.api()}), Version: s.cfg.Version, Login: len(s.cfg.Tokens) > 0, Logger: s.cfg.Logger,
	})
}

// api is the API without what protects it from outside: for the pages, which are
// behind that themselves. Who asks is in the context of the request.
func (s *Server) api() http.Handler {
	mux := http.NewServeMux()
	for _, e := range s.endpoints() {
		if strings.HasPrefix(e.path, "/api/") {
			mux.HandleFunc(e.method+" "+e.path, wholeKeys(s.allowed(e.role, s.writable(e))))
		}
	}
	return wholly(mux)
}

// pages are the console and the way into it.
func (s *Server) pages() []endpoint {
	if s.cfg.NoConsole {
		return nil
	}
	all := []endpoint{
		{"GET", "/login", RoleAnyone, s.loginPage, "Sign in with a token", nil, nil, ""},
		{"POST", "/login", RoleAnyone, s.login, "Sign in with a token", nil, nil, ""},
		{"POST", "/logout", RoleAnyone, s.logout, "Sign out", nil, nil, ""},
		{"GET", "/live", RoleViewer, s.stream, "Tells a page that is open when something has changed", nil, events{api.Tick{}}, ""},
	}
	for _, p := range s.console.Pages() {
		all = append(all, endpoint{p.Method, p.Path, pageRoles[p.Access], p.Handle, p.Summary, nil, nil, ""})
	}
	return all
}

// seen serves a page to who has signed in, and leads others there.
func (s *Server) seen(e endpoint) http.HandlerFunc {
	next := s.withinBounds(e)
	return func(w http.ResponseWriter, r *http.Request) {
		console.Protect(w)
		who, ok := s.seated(r)
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		switch {
		case e.role == RoleAnyone:
		case !ok && !wantsPage(r):
			fail(w, http.StatusUnauthorized, api.Unauthorized, "this is a page for a browser, and it needs a token", "ask /api/v1, with Authorization: Bearer TOKEN")
			return
		case !ok && reads && r.Header.Get("Sec-Fetch-Site") == "cross-site":
			// The browser withholds the cookie from who follows a link of another site, a
			// colleague's message perhaps. Asked again, it is our own page that asks.
			w.Header().Set("Refresh", "0")
			return
		case !ok && reads:
			http.Redirect(w, r, "/login?"+url.Values{"to": {r.URL.RequestURI()}}.Encode(), http.StatusSeeOther)
			return
		case !ok || e.role < RoleAnyone || who.role < e.role:
			s.console.NotAllowed(w, r)
			return
		}
		next(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, who)))
	}
}

// withinBounds is a page that is one of so many at once; a stream has a bound of its
// own, and ends with the session of who listens.
func (s *Server) withinBounds(e endpoint) http.HandlerFunc {
	switch {
	case e.streams() && len(s.cfg.Tokens) > 0:
		return func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := s.sessions.bind(r)
			defer cancel()
			e.handle(w, r.WithContext(ctx))
		}
	case e.streams(), e.role == RoleAnyone:
		return e.handle
	}
	return s.bounded(e.handle)
}

// wantsPage tells a browser from a program.
func wantsPage(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }

// seated is who looks at a page.
func (s *Server) seated(r *http.Request) (caller, bool) {
	if len(s.cfg.Tokens) == 0 {
		return caller{role: RoleAdmin}, true // only this machine gets here, see reachable
	}
	return s.sessions.find(r, time.Now())
}

// loginPage asks for a token, unless who looks has a session.
func (s *Server) loginPage(w http.ResponseWriter, r *http.Request) {
	if _, ok := s.seated(r); ok {
		http.Redirect(w, r, ownPath(r.URL.Query().Get("to")), http.StatusSeeOther) //nolint:gosec // ownPath leads to no other host
		return
	}
	s.console.Login(w, r)
}

// login takes a token and gives a session for it.
func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	if len(s.cfg.Tokens) == 0 {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	token, to := strings.TrimSpace(r.PostFormValue("token")), r.PostFormValue("to")
	who, ok, wait := s.door.try(s.origin(r), sha256.Sum256([]byte(token)))
	switch {
	case wait > 0:
		s.console.LoginFailed(w, r, to, api.LockedOut)
		return
	case !ok:
		s.cfg.Logger.Warn("somebody tried to sign in with a token that is not known", "from", s.origin(r).Addr())
		s.console.LoginFailed(w, r, to, api.Unauthorized)
		return
	}
	s.sessions.end(r)
	s.sessions.set(w, r, s.sessions.begin(who, time.Now()), int(sessionTime.Seconds()))
	http.Redirect(w, r, ownPath(to), http.StatusSeeOther)
}

// ownPath is a path of ours, whatever was asked for.
func ownPath(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n") {
		return "/"
	}
	return u.RequestURI()
}

// logout ends a session.
func (s *Server) logout(w http.ResponseWriter, r *http.Request) {
	s.sessions.end(r)
	s.sessions.set(w, r, "", -1)
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// inside is the way from the pages to the API: a call, not a connection.
type inside struct{ api http.Handler }

// RoundTrip has the API answer a request.
func (i inside) RoundTrip(r *http.Request) (*http.Response, error) {
	a := &answered{header: http.Header{}, code: http.StatusOK}
	served := r.Clone(withAsker(r.Context(), r.Context()))
	if served.Body == nil {
		served.Body = http.NoBody
	}
	i.api.ServeHTTP(a, served)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: a.code, Header: a.header, Body: io.NopCloser(&a.body), ContentLength: int64(a.body.Len()),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
	}, nil
}

// answered is what the API answered.
type answered struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (a *answered) Header() http.Header         { return a.header }
func (a *answered) WriteHeader(code int)        { a.code = code }
func (a *answered) Write(b []byte) (int, error) { return a.body.Write(b) }
