package admin

import (
	"crypto/rand"
	"net/http"
	"sync"
	"time"
)

const (
	sessionTime = 12 * time.Hour // from when somebody signed in, however busy
	maxSessions = 1000
	cookieName  = "bridge-session"
)

// sessions are who has signed in with a browser. They are in memory: a bridge that
// starts again asks once more.
type sessions struct {
	mu  sync.Mutex
	all map[string]session
}

type session struct {
	who   caller
	until time.Time
}

func newSessions() *sessions { return &sessions{all: map[string]session{}} }

// begin lets somebody in and names the session.
func (s *sessions) begin(who caller, now time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := ""
	for name, old := range s.all {
		switch {
		case now.After(old.until):
			delete(s.all, name)
		case first == "" || old.until.Before(s.all[first].until):
			first = name
		}
	}
	if len(s.all) >= maxSessions {
		delete(s.all, first)
	}
	name := rand.Text()
	s.all[name] = session{who, now.Add(sessionTime)}
	return name
}

// find says whose session a request has.
func (s *sessions) find(r *http.Request, now time.Time) (caller, bool) {
	cookie, err := r.Cookie(cookieName)
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
	if cookie, err := r.Cookie(cookieName); err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.all, cookie.Value)
	}
}

// sessionCookie keeps the name of a session: from scripts, from other sites, and
// from the wire where there is TLS, ours or a proxy's.
func (s *Server) sessionCookie(name string, age int) *http.Cookie {
	return &http.Cookie{
		Name: cookieName, Value: name, Path: "/", MaxAge: age, HttpOnly: true,
		Secure: s.cfg.TLS != nil || s.cfg.BehindProxy, SameSite: http.SameSiteStrictMode,
	}
}
