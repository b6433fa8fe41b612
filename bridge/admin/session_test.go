package admin

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/brokerbridge/bridge/bridge/status"
)

func TestSignInAndOut(t *testing.T) {
	s, _ := locked(t, func(c *Config) { c.Version = "v9.8.7" })
	b := opens(t, s)
	if w := b.sees("/login?to=/routes/orders/"); w.Code != 200 || !strings.Contains(w.Body.String(), `name="to" value="/routes/orders/"`) || strings.Contains(w.Body.String(), "<nav") || strings.Contains(w.Body.String(), "v9.8.7") {
		t.Fatalf("a stranger is asked for a token, and sees nothing else: %d %s", w.Code, w.Body)
	}
	if w := b.signsIn("token-of-the-viewer", "/routes/orders/"); w.Code != 303 || w.Header().Get("Location") != "/routes/orders/" {
		t.Fatalf("%d %q", w.Code, w.Header().Get("Location"))
	}
	if w := b.sees("/"); w.Code != 200 || !strings.Contains(w.Body.String(), "the-viewer <small>viewer</small>") || !strings.Contains(w.Body.String(), "bridge v9.8.7") {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
	if w := b.sees("/login?to=/audit"); w.Code != 303 || w.Header().Get("Location") != "/audit" {
		t.Errorf("who has a session is asked again: %d", w.Code)
	}
	old := maps.Clone(b.cookies)
	if w := b.asks("POST", "/logout", url.Values{}); w.Code != 303 || len(b.cookies) != 0 {
		t.Errorf("signed out: %d %v", w.Code, b.cookies)
	}
	b.cookies = old // a thief kept it
	if w := b.sees("/"); w.Code != 303 {
		t.Errorf("the session lives on: %d", w.Code)
	}
}

// The name of a session is new with each sign-in: one that was planted in a browser
// is nobody's, and one that somebody had is over.
func TestSessionsAreNotFixed(t *testing.T) {
	s, _ := locked(t)
	b := opens(t, s)
	name := s.sessions.cookie(httptest.NewRequest("GET", "http://127.0.0.1:8321/", nil))
	b.cookies[name] = &http.Cookie{Name: name, Value: "planted"}
	b.signsIn("token-of-the-viewer", "/")
	first := b.cookies[name].Value
	if first == "planted" || len(first) < 20 {
		t.Fatalf("the session is called %q", first)
	}
	thief := opens(t, s)
	thief.cookies[name] = &http.Cookie{Name: name, Value: "planted"}
	if w := thief.sees("/"); w.Code != 303 {
		t.Errorf("the planted name is a session: %d", w.Code)
	}
	b.signsIn("token-of-the-admin", "/")
	if b.cookies[name].Value == first {
		t.Error("another role has the same session")
	}
	thief.cookies[name] = &http.Cookie{Name: name, Value: first}
	if w := thief.sees("/"); w.Code != 303 {
		t.Errorf("the session before is not over: %d", w.Code)
	}
}

func TestSessionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := newSessions(false)
		r := httptest.NewRequest("GET", "http://127.0.0.1:8321/", nil)
		r.AddCookie(&http.Cookie{Name: all.cookie(r), Value: all.begin(caller{name: "ann", role: RoleViewer}, time.Now())})
		for range 12 { // however often they look
			time.Sleep(sessionTime / 12)
			if who, ok := all.find(r, time.Now()); !ok || who.name != "ann" {
				t.Fatal("it is over too early")
			}
		}
		time.Sleep(time.Second)
		if _, ok := all.find(r, time.Now()); ok {
			t.Error("it is not over")
		}
		all.begin(caller{}, time.Now())
		if len(all.all) != 1 {
			t.Errorf("%d sessions are kept, and one is not over", len(all.all))
		}
	})
}

// Who signs in again and again costs no memory, and the oldest give way.
func TestSessionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := newSessions(false)
		first := all.begin(caller{}, time.Now())
		for i := range maxSessions - 1 {
			time.Sleep(time.Millisecond)
			all.begin(caller{name: fmt.Sprint(i)}, time.Now())
		}
		if _, ok := all.all[first]; !ok || len(all.all) != maxSessions {
			t.Fatalf("%d sessions", len(all.all))
		}
		last := all.begin(caller{}, time.Now())
		if _, ok := all.all[first]; ok || len(all.all) != maxSessions {
			t.Errorf("%d sessions, and the first is among them: %t", len(all.all), ok)
		}
		if _, ok := all.all[last]; !ok {
			t.Error("the last is not")
		}
	})
}

// Who signs in again and again with one token signs nobody else out.
func TestSessionsOfATokenAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := newSessions(false)
		ann := all.begin(caller{name: "ann"}, time.Now())
		var bob []string
		for range maxSessions + maxOwnSessions {
			time.Sleep(time.Millisecond)
			bob = append(bob, all.begin(caller{name: "bob"}, time.Now()))
		}
		if _, ok := all.all[ann]; !ok || len(all.all) != maxOwnSessions+1 {
			t.Errorf("%d sessions, and ann is signed in: %t", len(all.all), ok)
		}
		for i, name := range bob {
			if _, ok := all.all[name]; ok != (i >= maxSessions) {
				t.Fatalf("session %d of bob: %t", i, ok)
			}
		}
	})
}

// Who signs out hears nothing more, also on pages that are open still.
func TestSigningOutEndsItsStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Config{
			Listen: "127.0.0.1:0", Routes: routes(status.Running), Store: stubborn{}, Tokens: tokens(), Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		b, other := signedIn(t, s, RoleViewer), signedIn(t, s, RoleViewer)
		ctx, leave := context.WithCancel(t.Context())
		hears := func(b *browser) chan struct{} {
			r := httptest.NewRequestWithContext(ctx, "GET", "http://127.0.0.1:8321/live", nil)
			for _, c := range b.cookies {
				r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
			}
			ended := make(chan struct{})
			go func() { defer close(ended); s.handler().ServeHTTP(httptest.NewRecorder(), r) }()
			return ended
		}
		one, two := hears(b), hears(other)
		synctest.Wait()
		b.asks("POST", "/logout", url.Values{})
		synctest.Wait()
		select {
		case <-one:
		default:
			t.Error("it goes on")
		}
		select {
		case <-two:
			t.Error("that of another session ends, too")
		default:
		}
		leave()
		<-one
		<-two
	})
}

// Guessing at the door of the pages and at that of the API is one thing.
func TestPagesAndAPIShareTheLockout(t *testing.T) {
	s, _ := locked(t)
	b := opens(t, s)
	for i := range maxFailures {
		if i%2 == 0 {
			if w := b.signsIn("a-token-that-is-wrong", "/"); w.Code != 401 || !strings.Contains(w.Body.String(), "not known here") {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
		} else if w := b.asks("GET", "/api/v1/routes", nil, func(r *http.Request) { r.Header.Set("Authorization", "Bearer a-token-that-is-wrong") }); w.Code != 401 {
			t.Fatal(w.Code)
		}
	}
	if w := b.signsIn("token-of-the-admin", "/"); w.Code != 429 || len(b.cookies) != 0 || !strings.Contains(w.Body.String(), "Try again in a minute") {
		t.Errorf("a right token after that: %d %v", w.Code, b.cookies)
	}
	if w := b.asks("GET", "/api/v1/routes", nil, func(r *http.Request) { r.Header.Set("Authorization", "Bearer token-of-the-admin") }); w.Code != 429 {
		t.Errorf("at the API: %d", w.Code)
	}
	if w := opens(t, s).signsIn("token-of-the-admin", "/"); w.Code != 303 {
		t.Errorf("another address: %d", w.Code)
	}
}

// Looking at pages without a session is no guess.
func TestStrangersAreNotLockedOutForLooking(t *testing.T) {
	s, _ := locked(t)
	b := opens(t, s)
	for range 3 * maxFailures {
		b.sees("/")
		b.sees("/login")
	}
	if w := b.signsIn("token-of-the-viewer", "/"); w.Code != 303 {
		t.Error(w.Code)
	}
}

func TestTheCookieOfASession(t *testing.T) {
	for name, c := range map[string]struct {
		set    func(*Config)
		host   string
		want   string
		secure bool
	}{
		"in the clear":        {func(*Config) {}, "127.0.0.1:8321", "bridge-session-8321", false},
		"another port":        {func(*Config) {}, "localhost:9000", "bridge-session-9000", false},
		"IPv6":                {func(*Config) {}, "[::1]:8321", "bridge-session-8321", false},
		"with TLS":            {func(c *Config) { c.TLS = &TLS{} }, "127.0.0.1:8321", "__Host-bridge-session-8321", true},
		"behind a proxy":      {func(c *Config) { c.BehindProxy = true }, "127.0.0.1", "__Host-bridge-session", true},
		"behind, with a port": {func(c *Config) { c.BehindProxy = true }, "localhost:8443", "__Host-bridge-session-8443", true},
	} {
		s, _ := locked(t, c.set)
		b := opens(t, s)
		b.host = c.host
		for _, w := range []*httptest.ResponseRecorder{b.signsIn("token-of-the-viewer", "/"), b.asks("POST", "/logout", url.Values{})} {
			all := w.Result().Cookies()
			if len(all) != 1 {
				t.Fatalf("%s: %d %v", name, w.Code, all)
			}
			if got := all[0]; got.Name != c.want || got.Secure != c.secure || !got.HttpOnly || got.SameSite != http.SameSiteStrictMode || got.Path != "/" || got.Domain != "" {
				t.Errorf("%s: %s", name, got)
			}
		}
	}
}

// Bridges side by side on a machine have one browser, and sessions of their own.
func TestBridgesSideBySide(t *testing.T) {
	one, _ := locked(t)
	other, _ := locked(t)
	b := signedIn(t, one, RoleViewer)
	b.h, b.host = other.handler(), "127.0.0.1:8322"
	if w := b.sees("/"); w.Code != 303 {
		t.Errorf("a session of the one is one of the other: %d", w.Code)
	}
	b.signsIn("token-of-the-viewer", "/")
	b.h, b.host = one.handler(), "127.0.0.1:8321"
	if w := b.sees("/"); w.Code != 200 {
		t.Errorf("the other has signed out the one: %d", w.Code)
	}
}

// Signing in leads to a page of ours, whatever a link asked for.
func TestSigningInLeadsNowhereElse(t *testing.T) {
	for _, to := range []string{
		"", "https://evil.example/", "http:evil.example", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example",
		"/%09/evil.example", "/\t/evil.example", "\t//evil.example", " //evil.example", "/\r\nLocation: https://evil.example", "javascript:alert(1)",
		"data:text/html,x", "evil.example", "?x", "/.//evil.example", "/..//evil.example", "/%2f/evil.example", "/%5cevil.example",
		"http://127.0.0.1:8321@evil.example/", "https:///evil.example", "%2f%2fevil.example", "/x?to=//evil.example", "//\x00evil.example",
	} {
		base, _ := url.Parse("http://127.0.0.1:8321/login")
		got := ownPath(to)
		at, err := base.Parse(got)
		if err != nil || at.Host != base.Host || at.Scheme != "http" || strings.HasPrefix(got, "//") || strings.HasPrefix(got, "/\\") || strings.ContainsAny(got, "\t\r\n ") {
			t.Errorf("%q leads to %q (%v)", to, got, err)
		}
	}
	for _, to := range []string{"/", "/routes/orders/?hours=1", "/routes/a%2Fb/", "/dead-letters?key=%FF"} {
		if got := ownPath(to); got != to {
			t.Errorf("%q leads to %q", to, got)
		}
	}
}

// Who follows a link of another site has a session, though the browser does not say
// so at first.
func TestLinksOfOthersLeadIn(t *testing.T) {
	s, _ := locked(t)
	b := opens(t, s)
	from := func(site string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", site) }
	}
	if w := b.asks("GET", "/routes/orders/", nil, from("cross-site")); w.Code != 200 || w.Header().Get("Refresh") != "0" || w.Body.Len() != 0 {
		t.Errorf("%d %q %s", w.Code, w.Header(), w.Body)
	}
	if w := b.asks("GET", "/routes/orders/", nil, from("same-origin")); w.Code != 303 {
		t.Errorf("without a session: %d", w.Code)
	}
}

// No token comes back in a page, an address or the log.
func TestI11_TokensAreNotTold(t *testing.T) {
	var log bytes.Buffer
	s, _ := locked(t, func(c *Config) {
		c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	b := opens(t, s)
	var seen strings.Builder
	note := func(w *httptest.ResponseRecorder) { fmt.Fprintln(&seen, w.Code, w.Header(), w.Body) }
	note(b.signsIn("a-token-that-is-wrong", "/"))
	note(b.signsIn("token-of-the-admin", "/"))
	for _, path := range []string{"/", "/routes/orders/", "/routes/orders/act?do=pause", "/nowhere"} {
		note(b.sees(path))
	}
	note(b.asks("POST", "/routes/orders/act?do=pause", url.Values{"reason": {"because"}}))
	note(b.asks("POST", "/logout", url.Values{}))
	for _, token := range append(slices.Collect(maps.Keys(bearers)), "a-token-that-is-wrong") {
		if strings.Contains(seen.String(), token) || strings.Contains(log.String(), token) {
			t.Errorf("%s is told", token)
		}
	}
	if !strings.Contains(log.String(), "not known") {
		t.Error("a wrong token is not in the log")
	}
}

// Where there are no tokens, nobody signs in: whoever is on this machine is in.
func TestWithoutTokensNobodySignsIn(t *testing.T) {
	s := server(t, status.Running)
	b := opens(t, s)
	if w := b.sees("/"); w.Code != 200 || strings.Contains(w.Body.String(), "Sign out") {
		t.Errorf("%d", w.Code)
	}
	for _, w := range []*httptest.ResponseRecorder{b.sees("/login"), b.signsIn("whatever", "/")} {
		if w.Code != 303 || w.Header().Get("Location") != "/" || len(b.cookies) != 0 {
			t.Errorf("%d to %q, %v", w.Code, w.Header().Get("Location"), b.cookies)
		}
	}
}

// A session has the role of its token, and no other by asking nicely.
func TestARoleIsThatOfTheToken(t *testing.T) {
	s, op := locked(t)
	b := signedIn(t, s, RoleViewer)
	act := func() int {
		return b.asks("POST", "/routes/orders/act?do=pause", url.Values{"reason": {"because"}, "role": {"admin"}}, func(r *http.Request) {
			r.Header.Set("Authorization", "Bearer token-of-the-admin") // a page takes no tokens
		}).Code
	}
	if code := act(); code != 403 || len(op.calls) != 0 {
		t.Fatalf("a viewer: %d %q", code, op.calls)
	}
	b.signsIn("token-of-the-operator", "/")
	if code := act(); code != 303 || len(op.calls) != 1 {
		t.Errorf("after signing in as an operator: %d %q", code, op.calls)
	}
}
