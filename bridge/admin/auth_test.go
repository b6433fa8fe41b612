package admin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
)

// The bearers of the tests, and their tokens.
var bearers = map[string]Role{
	"token-of-the-viewer": RoleViewer, "token-of-the-operator": RoleOperator, "token-of-the-admin": RoleAdmin,
}

func tokens() (all []Token) {
	for token, role := range bearers {
		all = append(all, Token{Name: "the-" + role.String(), Role: role, Sum: sha256.Sum256([]byte(token))})
	}
	return all
}

// locked is a server that wants tokens, with all its endpoints.
func locked(t *testing.T, set ...func(*Config)) (*Server, *asked) {
	t.Helper()
	op := &asked{}
	c := Config{
		Listen: "127.0.0.1:0", Routes: routes(status.Running), Store: stuck(t), Operator: op, Tokens: tokens(),
		Logger: slog.New(slog.DiscardHandler),
		Backup: func(_ context.Context, dir string) (api.StoreBackup, error) {
			op.calls = append(op.calls, "backup "+dir)
			return api.StoreBackup{Dir: dir, At: noon}, nil
		},
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1\n") }),
	}
	for _, f := range set {
		f(&c)
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	s.feed.end() // a stream is over when it has told once
	return s, op
}

var lastAddress int

// asks sends a request, each from an address of its own: wrong tokens of one
// address would close it to the others.
func asks(s *Server, method, path, token string, set ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://127.0.0.1:8321"+path, strings.NewReader(`{"reason":"because","by":"bob"}`))
	r.Header.Set("Content-Type", "application/json")
	lastAddress++
	r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:1", lastAddress>>16, lastAddress>>8&255, lastAddress&255)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for _, f := range set {
		f(r)
	}
	w := httptest.NewRecorder()
	s.handler().ServeHTTP(w, r)
	return w
}

// queries are those that paths cannot do without.
var queries = map[string]string{"/api/v1/search": "?q=gap"}

// bodies are what is posted to paths that want more than a reason.
var bodies = map[string]string{
	aRoute + "/keys/{key}/skip":        `{"reason":"because","to":6}`,
	aRoute + "/keys/{key}/close":       `{"reason":"because","to":6}`,
	"/api/v1/store/backup":             `{"reason":"because","dir":"/backups/monday"}`,
	aRoute + "/operations":             `{"reason":"because","action":"redrive","selection":{}}`,
	aRoute + "/dead-letters/{id}/edit": `{"reason":"because","headers":[],"body":{"size":0}}`,
	aRoute + "/import":                 `{"reason":"because","letters":[]}`,
}

// asksFor asks an endpoint for something that there is.
func asksFor(s *Server, e endpoint, token string) *httptest.ResponseRecorder {
	return asks(s, e.method, filledIn(e.path)+queries[e.path], token, func(r *http.Request) {
		if body := bodies[e.path]; body != "" {
			r.Body = io.NopCloser(strings.NewReader(body))
		}
	})
}

// filledIn fills the parameters of a path with what the store has.
func filledIn(path string) string {
	return strings.NewReplacer("{route}", "orders", "{id}", "d1", "{key}", "gap").Replace(path)
}

func TestEveryEndpointSaysWhoMayAsk(t *testing.T) {
	s, _ := locked(t)
	all := s.endpoints()
	if len(all) != len(s.everything()) || len(all) < 15 {
		t.Fatalf("%d endpoints of %d", len(all), len(s.everything()))
	}
	for _, e := range all {
		name := e.method + " " + e.path
		if e.role < RoleAnyone || e.role > RoleAdmin {
			t.Errorf("%s has no role", name)
		}
		if e.role == RoleAnyone && e.path != "/livez" && e.path != "/readyz" {
			t.Errorf("%s is open to anyone", name)
		}
		if e.method != "GET" && e.role < RoleOperator {
			t.Errorf("%s changes something for a %s", name, e.role)
		}
		for token, want := range map[string]int{"": 401, "a-token-that-is-wrong": 401, "token-of-the-viewer": 0, "token-of-the-operator": 0, "token-of-the-admin": 0} {
			switch {
			case e.role == RoleAnyone:
				want = 0
			case want == 0 && bearers[token] < e.role:
				want = 403
			}
			w := asksFor(s, e, token)
			body := w.Body.String()
			switch {
			case want == 0 && (w.Code == 401 || w.Code == 403):
				t.Errorf("%s with %q: %d %s", name, token, w.Code, body)
			case want != 0 && w.Code != want:
				t.Errorf("%s with %q: %d, want %d", name, token, w.Code, want)
			case want == 401 && (!strings.Contains(w.Header().Get("WWW-Authenticate"), `Bearer realm="bridge"`) || !strings.Contains(body, `"unauthorized"`)):
				t.Errorf("%s with %q: %q %s", name, token, w.Header(), body)
			case want == 403 && !strings.Contains(body, fmt.Sprintf(`"forbidden","message":"this needs the role %s, and the token the-%s has the role %[2]s"`, e.role, bearers[token])):
				t.Errorf("%s with %q: %s", name, token, body)
			}
			if token != "" && strings.Contains(body, token) {
				t.Errorf("%s tells the token: %s", name, body)
			}
		}
	}
}

// What is no endpoint tells strangers nothing either.
func TestStrangersLearnNothing(t *testing.T) {
	s, _ := locked(t)
	for _, path := range []string{"/", "/nowhere", "/api/v1/routes/orders/pause", "/api/v1/routes/nowhere/keys"} {
		if w := asks(s, "GET", path, ""); w.Code != 401 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := asks(s, "DELETE", "/livez", ""); w.Code != 405 {
		t.Errorf("/livez: %d", w.Code)
	}
	for _, header := range []string{"Basic dG9rZW4=", "Bearer", "Bearer ", "token-of-the-admin", "Bearer token-of-the-admin x"} {
		w := asks(s, "GET", "/api/v1/routes", "", func(r *http.Request) { r.Header.Set("Authorization", header) })
		if w.Code != 401 {
			t.Errorf("%q: %d", header, w.Code)
		}
	}
	if w := asks(s, "GET", "/api/v1/routes", "", func(r *http.Request) { r.Header.Set("Authorization", "bearer  token-of-the-viewer") }); w.Code != 200 {
		t.Errorf("another spelling: %d", w.Code)
	}
}

// An endpoint that was added without a role is nobody's, also not an admin's.
func TestAnEndpointWithoutARoleIsNobodys(t *testing.T) {
	s, _ := locked(t)
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer token-of-the-admin")
	s.allowed(0, func(http.ResponseWriter, *http.Request) { t.Error("it was served") })(w, r)
	if w.Code != 403 {
		t.Error(w.Code)
	}
}

func TestI12_TheAuditHasTheNameOfTheToken(t *testing.T) {
	s, op := locked(t)
	for says, want := range map[string]string{
		"":                                   "the-operator",
		"the-operator":                       "the-operator",
		"bob":                                "the-operator (says bob)",
		"the-admin":                          "the-operator (says the-admin)",
		"\x1b[2J":                            "the-operator (says [2J)",
		strings.Repeat("x", 3*maxBy) + "end": "the-operator (says " + strings.Repeat("x", maxBy) + ")",
	} {
		body, err := json.Marshal(api.Change{Reason: "because", By: says})
		if err != nil {
			t.Fatal(err)
		}
		w := asks(s, "POST", "/api/v1/routes/orders/pause", "token-of-the-operator", func(r *http.Request) {
			r.Body = io.NopCloser(bytes.NewReader(body))
		})
		if w.Code != 200 || op.last.By != want {
			t.Errorf("%q: %d, by %q, want %q", says, w.Code, op.last.By, want)
		}
	}
	open, op := operated(t)
	if post(open, "/orders/pause", `{"reason":"because","by":"bob"}`); op.last.By != "bob" {
		t.Errorf("without tokens: %q", op.last.By)
	}
}

func TestReadOnlyTakesNoChanges(t *testing.T) {
	s, op := locked(t, func(c *Config) { c.ReadOnly = true })
	for _, e := range s.endpoints() {
		w := asksFor(s, e, "token-of-the-admin")
		if refused := w.Code == 403 && strings.Contains(w.Body.String(), api.ReadOnly); refused != (e.method != "GET") {
			t.Errorf("%s %s: %d %s", e.method, e.path, w.Code, w.Body)
		}
	}
	if w := asks(s, "POST", "/api/v1/routes/orders/pause", ""); w.Code != 401 {
		t.Errorf("a stranger learns that it only reads: %d", w.Code)
	}
	for _, call := range op.calls {
		if !strings.HasPrefix(call, "operation") { // those read
			t.Errorf("%s was asked for", call)
		}
	}
}

func TestRolesAreSpelledOneWay(t *testing.T) {
	for _, r := range []Role{RoleViewer, RoleOperator, RoleAdmin} {
		if got, ok := ParseRole(r.String()); got != r || !ok {
			t.Errorf("%s is %s", r, got)
		}
	}
	for _, name := range []string{"", "none", "anyone", "root", "Admin"} {
		if r, ok := ParseRole(name); ok {
			t.Errorf("%q is %s", name, r)
		}
	}
	if Role(-1).String() != "none" || Role(99).String() != "none" {
		t.Error("a role that is none")
	}
}

// Methods of one path are refused together, and say what it takes.
func TestOtherMethodsAreRefused(t *testing.T) {
	for _, c := range []struct{ methods, allow, hint string }{
		{"GET", "GET, HEAD", "only reads"},
		{"POST", "POST", "use POST"},
		{"GET POST DELETE", "DELETE, GET, HEAD, POST", "use GET or POST or DELETE"},
	} {
		w := httptest.NewRecorder()
		(&otherwise{methods: strings.Fields(c.methods)}).refuse(w, httptest.NewRequest("PUT", "/", nil))
		if w.Code != 405 || w.Header().Get("Allow") != c.allow || !strings.Contains(w.Body.String(), c.hint) {
			t.Errorf("%s: %d %q %s", c.methods, w.Code, w.Header().Get("Allow"), w.Body)
		}
	}
}
