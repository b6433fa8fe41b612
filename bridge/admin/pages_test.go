package admin

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
)

// browser is somebody's browser, with its cookies and an address of its own.
type browser struct {
	t       *testing.T
	s       *Server
	h       http.Handler
	from    string
	host    string
	cookies map[string]*http.Cookie
}

func opens(t *testing.T, s *Server) *browser {
	t.Helper()
	lastAddress++
	return &browser{
		t: t, s: s, h: s.handler(), host: "127.0.0.1:8321", cookies: map[string]*http.Cookie{},
		from: fmt.Sprintf("10.%d.%d.%d:1", lastAddress>>16, lastAddress>>8&255, lastAddress&255),
	}
}

// asks sends a request as a browser does: with what it accepts, and its cookies.
func (b *browser) asks(method, path string, form url.Values, set ...func(*http.Request)) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequest(method, "http://"+b.host+path, strings.NewReader(form.Encode()))
	r.RemoteAddr = b.from
	r.Header.Set("Accept", "text/html,application/xhtml+xml")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, c := range b.cookies {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	for _, f := range set {
		f(r)
	}
	w := httptest.NewRecorder()
	b.h.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if b.cookies[c.Name] = c; c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	return w
}

func (b *browser) sees(path string) *httptest.ResponseRecorder {
	b.t.Helper()
	return b.asks(http.MethodGet, path, nil)
}

// signsIn posts a token.
func (b *browser) signsIn(token, to string) *httptest.ResponseRecorder {
	b.t.Helper()
	return b.asks(http.MethodPost, "/login", url.Values{"token": {token}, "to": {to}})
}

// signedIn is the browser of somebody who has such a role.
func signedIn(t *testing.T, s *Server, role Role) *browser {
	t.Helper()
	b := opens(t, s)
	if w := b.signsIn("token-of-the-"+role.String(), "/"); w.Code != http.StatusSeeOther || len(b.cookies) != 1 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return b
}

// Strangers get to the page where they say who they are, and to what it is drawn
// with; and no page was added without saying who may see it.
func TestEveryPageSaysWhoMaySeeIt(t *testing.T) {
	s, _ := locked(t)
	all := s.pages()
	if len(all) < 8 {
		t.Fatalf("%d pages", len(all))
	}
	open := map[string]bool{"/login": true, "/logout": true, "/assets/": true}
	for _, e := range all {
		name := e.method + " " + e.path
		path := filledIn(strings.TrimSuffix(e.path, "{$}"))
		if e.role != RoleViewer && (e.role != RoleAnyone || !open[e.path]) || e.summary == "" {
			t.Errorf("%s is for %s: %q", name, e.role, e.summary)
		}
		if e.role == RoleAnyone {
			continue
		}
		method := e.method
		if e.streams() {
			method = http.MethodHead // it does not end
		}
		w := opens(t, s).asks(method, path, url.Values{})
		to := "/login?" + url.Values{"to": {path}}.Encode()
		if e.method == "GET" && (w.Code != 303 || w.Header().Get("Location") != to) {
			t.Errorf("%s for a stranger: %d to %q, want %q", name, w.Code, w.Header().Get("Location"), to)
		}
		if e.method != "GET" && w.Code != 403 {
			t.Errorf("%s for a stranger: %d", name, w.Code)
		}
		if w := signedIn(t, s, RoleViewer).asks(method, path, url.Values{}); w.Code == 303 || w.Code == 401 || w.Code >= 500 {
			t.Errorf("%s for a viewer: %d %s", name, w.Code, w.Body)
		}
	}
}

func TestRightsAreAllThereIs(t *testing.T) {
	s, _ := locked(t)
	rights := map[string]Role{}
	for _, r := range Rights() {
		rights[r.Method+" "+r.Path] = r.Role
	}
	for _, e := range append(s.pages(), s.endpoints()...) {
		if rights[e.method+" "+e.path] != e.role || e.role < RoleAnyone {
			t.Errorf("%s %s: %s, served to %s", e.method, e.path, rights[e.method+" "+e.path], e.role)
		}
	}
}

// A page that was added without a role is nobody's.
func TestAPageWithoutARoleIsNobodys(t *testing.T) {
	s, _ := locked(t)
	b := signedIn(t, s, RoleAdmin)
	b.h = s.seen(endpoint{"GET", "/", 0, func(http.ResponseWriter, *http.Request) { t.Error("it was served") }, "", nil, nil, ""})
	if w := b.sees("/"); w.Code != 403 {
		t.Error(w.Code)
	}
}

func TestPagesRefuseOtherMethods(t *testing.T) {
	s, _ := locked(t)
	b := signedIn(t, s, RoleViewer)
	for _, c := range []struct{ method, path, allow string }{
		{"POST", "/", "GET, HEAD"},
		{"DELETE", "/routes/orders/", "GET, HEAD"},
		{"PUT", "/routes/orders/act", "GET, HEAD, POST"},
		{"GET", "/logout", "POST"},
		{"PATCH", "/login", "GET, HEAD, POST"},
		{"POST", "/assets/console.css", "GET, HEAD"},
	} {
		if w := b.asks(c.method, c.path, url.Values{}); w.Code != 405 || w.Header().Get("Allow") != c.allow || !strings.Contains(w.Body.String(), api.MethodNotAllowed) {
			t.Errorf("%s %s: %d %q %s", c.method, c.path, w.Code, w.Header().Get("Allow"), w.Body)
		}
	}
	if w := b.asks("HEAD", "/", nil); w.Code != 200 {
		t.Errorf("HEAD /: %d", w.Code)
	}
	if w := opens(t, s).asks("DELETE", "/routes/orders/", url.Values{}); w.Code != 403 {
		t.Errorf("a stranger: %d", w.Code)
	}
}

// The console may be left out; the API is then as it was.
func TestNoConsole(t *testing.T) {
	s, _ := locked(t, func(c *Config) { c.NoConsole = true })
	for _, e := range (&Server{console: s.console}).pages() {
		if w := opens(t, s).asks(e.method, filledIn(strings.TrimSuffix(e.path, "{$}")), url.Values{}); w.Code != 401 || w.Header().Get("Location") != "" {
			t.Errorf("%s %s: %d", e.method, e.path, w.Code)
		}
	}
	if w := asks(s, "GET", "/api/v1/routes", "token-of-the-viewer"); w.Code != 200 {
		t.Errorf("the API: %d", w.Code)
	}
	if w := asks(s, "GET", "/", "token-of-the-viewer", func(r *http.Request) { r.Header.Set("Accept", "text/html") }); w.Code != 404 {
		t.Errorf("nothing: %d", w.Code)
	}
}

// What a page shows is what the API tells who looks, in the role that they have.
func TestPagesActInTheNameOfWhoLooks(t *testing.T) {
	s, op := locked(t)
	act := "/routes/orders/act?do=pause"
	form := url.Values{"reason": {"because"}}
	if w := signedIn(t, s, RoleViewer).asks("POST", act, form); w.Code != 403 || !strings.Contains(w.Body.String(), "needs the role operator") || len(op.calls) != 0 {
		t.Errorf("a viewer: %d %s %q", w.Code, w.Body, op.calls)
	}
	b := signedIn(t, s, RoleOperator)
	w := b.asks("POST", act, form)
	if w.Code != 303 || len(op.calls) != 1 || op.last.By != "the-operator" || op.last.DryRun {
		t.Fatalf("an operator: %d %q %+v", w.Code, op.calls, op.last)
	}
	if w = b.sees(w.Header().Get("Location")); w.Code != 200 || !strings.Contains(w.Body.String(), `role="status">done`) {
		t.Errorf("what was done is not told: %d", w.Code)
	}
	if w := b.sees(act); w.Code != 200 || !op.last.DryRun {
		t.Errorf("a look at the plan: %d, changed something: %t", w.Code, !op.last.DryRun)
	}
}

// What tells open pages of changes is there however busy the rest is, and for who
// may see the pages only.
func TestPagesHearOfChanges(t *testing.T) {
	s, _ := locked(t)
	b := signedIn(t, s, RoleViewer)
	for range maxRequests {
		s.busy <- struct{}{}
	}
	if w := b.sees("/"); w.Code != 429 {
		t.Fatalf("it is not busy: %d", w.Code)
	}
	if w := b.asks("HEAD", "/live", nil); w.Code != 200 || w.Header().Get("Content-Type") != "text/event-stream" {
		t.Errorf("%d %q", w.Code, w.Header())
	}
	if w := opens(t, s).asks("GET", "/live", nil, func(r *http.Request) { r.Header.Set("Accept", "text/event-stream") }); w.Code != 401 {
		t.Errorf("a stranger: %d", w.Code)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := b.asks("GET", "/live", nil, func(r *http.Request) { *r = *r.WithContext(ctx) })
	if !strings.Contains(w.Body.String(), "event: status\ndata: {") || !w.Flushed {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// A request is not done for its caller by a page of another host.
func TestPostsOfOthersAreRefused(t *testing.T) {
	s, op := locked(t)
	b := signedIn(t, s, RoleOperator)
	for name, set := range map[string]func(*http.Request){
		"fetch metadata, other site": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"fetch metadata, same site":  func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
		"origin of another":          func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
		"origin with another port":   func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:1") },
		"no origin to be told":       func(r *http.Request) { r.Header.Set("Origin", "null") },
	} {
		for _, path := range []string{"/routes/orders/act?do=pause", "/login", "/logout"} {
			w := b.asks("POST", path, url.Values{"reason": {"because"}, "token": {"token-of-the-admin"}}, set)
			if w.Code != 403 || len(w.Result().Cookies()) != 0 {
				t.Errorf("%s to %s: %d", name, path, w.Code)
			}
		}
	}
	if len(op.calls) != 0 {
		t.Errorf("done: %q", op.calls)
	}
	w := b.asks("POST", "/routes/orders/act?do=pause", url.Values{"reason": {"because"}}, func(r *http.Request) {
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Origin", "http://127.0.0.1:8321")
	})
	if w.Code != 303 || len(op.calls) != 1 {
		t.Errorf("our own page: %d", w.Code)
	}
}

// attribute is one that would run something.
var attribute = regexp.MustCompile(`(?i)(href|action|src)=["']?\s*javascript:| on[a-z]+=["']`)

// hostile are texts that would be more than text somewhere.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `'-alert(1)-'`, `javascript:alert(1)`, `</title><script>1</script>`,
	`</textarea><svg/onload=alert(1)>`, `{{.}}`, "\u202egpj.exe", "\x1b[2J", "\xff\xfe", "<!--", "]]>", `&lt;b&gt;`,
}

// Whatever is in the names and words of a bridge stays text in its pages.
func TestF11_PagesShowTextAsText(t *testing.T) {
	for _, text := range hostile {
		end := status.End{Broker: text, Name: text, Reason: text, Lag: 3}
		bad := status.Route{
			Name: text, State: status.Waiting, Reason: text, Owner: text, Sources: []status.End{end}, Target: end, Breaker: "open",
			Trip: &status.Trip{Why: text}, Mirror: &status.Mirror{End: end}, Alarms: []status.Alarm{{Reason: text, Says: text}},
			Counts: status.Counts{Unaccounted: 1, Keys: map[string]int64{text: 1, "gap_blocked": 2}, DeadBy: map[string]int64{text: 1}},
		}
		s, _ := locked(t, func(c *Config) {
			c.Routes = func(context.Context) []status.Route { return []status.Route{bad} }
			c.Teller = spiteful(text)
		})
		b := signedIn(t, s, RoleViewer)
		for _, path := range []string{"/", "/routes/" + url.PathEscape(text) + "/", "/routes/" + url.PathEscape(text) + "/act?do=pause", "/login?to=" + url.QueryEscape(text)} {
			w := b.sees(path)
			page := w.Body.String()
			if w.Code >= 500 || strings.Contains(text, "<") && text != "<!--" && strings.Contains(page, text) || attribute.MatchString(page) {
				t.Errorf("%q at %s: %d\n%s", text, path, w.Code, page)
			}
			if p := w.Header().Get("Content-Security-Policy"); w.Code == 200 && (!strings.Contains(p, "default-src 'none'") || strings.Contains(p, "unsafe")) {
				t.Errorf("%s: the policy is %q", path, p)
			}
		}
	}
}

type spiteful string

func (s spiteful) Policies(string) []api.Policy {
	return []api.Policy{{Name: string(s), Says: string(s)}}
}

func (s spiteful) BreakerHistory(string) []api.Breaker {
	return []api.Breaker{{At: noon, State: string(s), Why: string(s)}}
}
func (spiteful) Latency(string) (status.Latency, bool) { return status.Latency{}, false }
