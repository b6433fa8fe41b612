package admin

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	sessionTime = 12 * time.Hour // from when somebody signed in, however busy
	maxSessions = 1000

	maxOwnSessions = 100 // of one token: so many browsers, or a program that signs in each time
)

// sessions are who has signed in with a browser. They are in memory: a bridge that
// starts again asks once more.
type sessions struct {
	secure bool // there is TLS, ours or a proxy's
	mu     sync.Mutex
	all    map[string]session
}

type session struct {
	who   caller
	until time.Time
	over  chan struct{} // closed when it is
}

func newSessions(secure bool) *sessions {
	return &sessions{secure: secure, all: map[string]session{}}
}

// cookie is the name of the cookie for the address that was asked. Browsers send
// cookies to all ports of a host: with its port in the name, bridges side by side do
// not sign each other's people out. With TLS nobody but this host can set it.
func (s *sessions) cookie(r *http.Request) string {
	name := "bridge-session"
	if u, err := url.Parse("//" + r.Host); err == nil && u.Port() != "" {
		name += "-" + u.Port()
	}
	if s.secure {
		return "__Host-" + name
	}
	return name
}

// begin lets somebody in and names the session. Where there are too many, the oldest
// gives way: of the same token, so that nobody can sign others out.
func (s *sessions) begin(who caller, now time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all, own := oldest{}, oldest{}
	for name, old := range s.all {
		if now.After(old.until) {
			s.drop(name)
			continue
		}
		all.see(name, old.until)
		if old.who.name == who.name {
			own.see(name, old.until)
		}
	}
	switch {
	case own.of >= maxOwnSessions:
		s.drop(own.name)
	case all.of >= maxSessions:
		s.drop(all.name)
	}
	name := rand.Text()
	s.all[name] = session{who, now.Add(sessionTime), make(chan struct{})}
	return name
}

// oldest is the session that is over first, of some.
type oldest struct {
	name  string
	until time.Time
	of    int // how many
}

func (o *oldest) see(name string, until time.Time) {
	if o.of++; o.name == "" || until.Before(o.until) {
		o.name, o.until = name, until
	}
}

// find says whose session a request has.
func (s *sessions) find(r *http.Request, now time.Time) (caller, bool) {
	cookie, err := r.Cookie(s.cookie(r))
	if err != nil {
		return caller{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.all[cookie.Value]
	if !ok || now.After(found.until) {
		return caller{}, false
	}
	return found.who, true
}

// end ends the session of a request.
func (s *sessions) end(r *http.Request) {
	if cookie, err := r.Cookie(s.cookie(r)); err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.drop(cookie.Value)
	}
}

// drop forgets a session, if there is one of that name.
func (s *sessions) drop(name string) {
	if old, ok := s.all[name]; ok {
		close(old.over)
		delete(s.all, name)
	}
}

// bind is a context that ends with the session of a request; at once, where that has
// ended meanwhile.
func (s *sessions) bind(r *http.Request) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(r.Context())
	name := ""
	if cookie, err := r.Cookie(s.cookie(r)); err == nil {
		name = cookie.Value
	}
	s.mu.Lock()
	found, ok := s.all[name]
	s.mu.Unlock()
	if !ok {
		cancel()
		return ctx, cancel
	}
	go func() {
		defer cancel()
		select {
		case <-found.over:
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// set keeps the name of a session in the browser: from scripts, from other sites, and
// from the wire where there is TLS. An age below 0 has it forgotten.
func (s *sessions) set(w http.ResponseWriter, r *http.Request, name string, age int) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure wherever there is TLS; without, only this machine gets here
		Name: s.cookie(r), Value: name, Path: "/", MaxAge: age, HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteStrictMode,
	})
}
