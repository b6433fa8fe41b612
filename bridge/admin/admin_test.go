package admin

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func routes(state status.State) func(context.Context) []status.Route {
	return func(context.Context) []status.Route {
		return []status.Route{
			{Name: "orders", State: state, Reason: "target: away", Breaker: "closed", Counts: status.Counts{Delivered: 3}},
			{Name: "fresh", State: status.Running, Breaker: "closed"}, // not in the store yet
		}
	}
}

// filled is a store with a blocked key, one that flows, and three dead letters.
func filled(t testing.TB) store.Store {
	t.Helper()
	s := memory.New()
	t.Cleanup(func() { _ = s.Close() })
	if _, err := s.Open(t.Context(), store.Identity{Route: "orders"}); err != nil {
		t.Fatal(err)
	}
	blocked := store.Record{Since: noon, State: lane.State{
		Base: 1, Next: 4, Highest: 6, Lowest: 5, Parked: 1, Skips: 1, Mode: lane.Quarantined,
	}}
	flowing := store.Record{Since: noon, State: lane.State{Base: 1, Next: 9, Highest: 8}}
	later := store.Record{Since: noon, State: lane.State{Base: -1, Next: -1, Highest: -1, Mode: lane.Adopting}}
	for _, err := range s.Commit(t.Context(),
		store.Change{
			Key: store.Key{Route: "orders", Name: "a/b"}, Record: &blocked,
			Park: []store.Message{{Rev: 5, ID: "m5", Payload: []byte("five")}},
			Skip: []store.Skip{{From: 2, To: 3, At: noon, By: "gap"}},
			Dead: []store.DeadLetter{dead("d1", "a/b", "too_large", true, []byte(`{"n":1}`))},
		},
		store.Change{Key: store.Key{Route: "orders", Name: "a/b", Epoch: 1}, Record: &later},
		store.Change{Key: store.Key{Route: "orders", Name: "flows"}, Record: &flowing},
		store.Change{Key: store.Key{Route: "orders"}, Archive: []store.Archived{{
			DeadLetter: dead("d1", "a/b", "too_large", true, []byte("old")), ArchivedAt: noon, By: "ann", Why: "for later",
		}}},
		store.Change{Key: store.Key{Route: "orders"}, Dead: []store.DeadLetter{
			dead("d2", "", "key_missing", false, []byte{0xff, 0x00}),
			dead("d3", "", "undecodable", false, nil),
		}},
	) {
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func dead(id, key, reason string, inLane bool, payload []byte) store.DeadLetter {
	d := store.DeadLetter{Route: "orders", ID: id, Key: key, Lane: inLane, Reason: reason, Target: "orders", At: noon}
	d.Message = store.Message{
		ID: "msg-" + id, Payload: payload, Metadata: map[string]string{"type": "created", "odd": "\xfe"},
		Tries: store.Tries{Attempts: 10, Class: "transient", Error: "no", FirstFailed: noon, LastFailed: noon},
	}
	if inLane {
		d.Rev = 4
	}
	return d
}

func server(t testing.TB, state status.State) *Server {
	t.Helper()
	s, err := New(Config{
		Listen: "127.0.0.1:0", Routes: routes(state), Store: filled(t), Logger: slog.New(slog.DiscardHandler),
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1\n") }),
		Lane: func(_ context.Context, _, key string, epoch uint32) (Live, bool) {
			return Live{Held: 2}, key == "a/b" && epoch == 0
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func ask(s *Server, method, url, host string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://127.0.0.1:8321"+url, nil)
	if host != "" {
		r.Host = host
	}
	w := httptest.NewRecorder()
	s.handler().ServeHTTP(w, r)
	return w
}

func TestEndpoints(t *testing.T) {
	s := server(t, status.Waiting)
	const root = "/api/v1/routes"
	for _, c := range []struct {
		method, url string
		code        int
		want        string // in the answer
		not         string // not in it
	}{
		{"GET", "/livez", 200, `"alive":true`, ""},
		{"GET", "/readyz", 503, `"ready":false,"routes":[{"name":"orders"`, `"fresh"`},
		{"GET", "/readyz?verbose", 503, `"name":"fresh","ready":true`, ""},
		{"GET", "/metrics", 200, "up 1", ""},
		{"HEAD", "/livez", 200, "", ""},
		{"GET", root, 200, `"delivered":3`, ""},

		{"GET", root + "/orders/dead-letters", 200, `"id":"d1"`, `"next"`},
		{"GET", root + "/orders/dead-letters?limit=2", 200, `"next":"/api/v1/routes/orders/dead-letters?after=9899a19767c38000.d2\u0026limit=2"`, `"d3"`},
		{"GET", root + "/orders/dead-letters?after=9899a19767c38000.d2", 200, `"id":"d3"`, `"id":"d1"`},
		{"GET", root + "/orders/dead-letters?key=a/b", 200, `"id":"d1"`, `"d2"`},
		{"GET", root + "/fresh/dead-letters", 200, `{"items":[]}`, ""},
		{"GET", root + "/orders/dead-letters/d1", 200, `"body":{"size":7,"text":"{\"n\":1}"}`, ""},
		{"GET", root + "/orders/dead-letters/d1", 200, `"revision":4`, ""},
		{"GET", root + "/orders/dead-letters/d1", 200, `{"name":"odd","value":{"size":1,"base64":"/g=="}}`, ""},
		{"GET", root + "/orders/dead-letters/d2", 200, `"body":{"size":2,"base64":"/wA="}`, `"revision"`},
		{"GET", root + "/orders/dead-letters/d3", 200, `"body":{"size":0,"null":true}`, ""},
		{"GET", root + "/orders/dead-letters/d9", 404, `"code":"unknown_dead_letter"`, ""},
		{"GET", root + "/fresh/dead-letters/d1", 404, `"code":"unknown_dead_letter"`, ""},

		{"GET", root + "/orders/keys", 200, `"key":"flows"`, ""},
		{"GET", root + "/orders/keys?blocked=true", 200, `"state":"quarantined"`, `"flows"`},
		{"GET", root + "/orders/keys?limit=1", 200, `"next":"/api/v1/routes/orders/keys?after=a%2Fb\u0026limit=1"`, `"flows"`},
		{"GET", root + "/orders/keys?after=a%2Fb", 200, `"key":"flows"`, `"a/b"`},
		{"GET", root + "/fresh/keys", 200, `{"items":[]}`, ""},
		{"GET", root + "/orders/keys/a%2Fb", 200, `"next":4,"highest":6,"parked":1,"lowest":5,"held":2`, ""},
		{"GET", root + "/orders/keys/a%2Fb", 200, `"skips":[{"from":2,"to":3,"at":"2026-03-04T12:00:00Z","by":"gap"}]`, ""},
		{"GET", root + "/orders/keys/a%2Fb", 200, `"epoch":1,"state":"adopting","since":"2026-03-04T12:00:00Z","parked":0`, ""},
		{"GET", root + "/orders/keys/nobody", 404, `"code":"unknown_key"`, ""},

		{"GET", root + "/elsewhere/keys", 404, `"code":"unknown_route"`, ""},
		{"GET", root + "/elsewhere/dead-letters/d1", 404, `"code":"unknown_route"`, ""},
		{"GET", root + "/orders/keys?limit=0", 400, "from 1 to 1000", ""},
		{"GET", root + "/orders/keys?limit=1001", 400, "from 1 to 1000", ""},
		{"GET", root + "/orders/keys?limit=1e9", 400, "from 1 to 1000", ""},
		{"GET", root + "/orders/keys?blocked=maybe", 400, "true or false", ""},
		{"GET", root + "/orders/keys?after=%zz", 400, "cannot be read", ""},
		{"GET", "/debug/pprof/", 404, `"code":"not_found"`, ""},
		{"POST", root, 405, `"code":"method_not_allowed"`, ""},
		{"DELETE", root + "/orders/dead-letters/d1", 405, `"code":"method_not_allowed"`, ""},
		{"OPTIONS", "/livez", 405, `"code":"method_not_allowed"`, ""},
	} {
		t.Run(c.method+" "+c.url, func(t *testing.T) {
			w := ask(s, c.method, c.url, "")
			if body := w.Body.String(); w.Code != c.code || !strings.Contains(body, c.want) || c.not != "" && strings.Contains(body, c.not) {
				t.Errorf("%d %s\nwant %d with %s, without %q", w.Code, body, c.code, c.want, c.not)
			}
			if c.url != "/metrics" && (w.Header().Get("Content-Type") != "application/json" || !json.Valid(w.Body.Bytes())) {
				t.Errorf("not JSON: %s %s", w.Header().Get("Content-Type"), w.Body)
			}
		})
	}
}

func TestF7ForeignHostsAreRefused(t *testing.T) {
	s := server(t, status.Running)
	for host, code := range map[string]int{
		"127.0.0.1:8321": 200, "localhost": 200, "LOCALHOST:80": 200, "[::1]:8321": 200, "[::1]": 200, "127.1.2.3": 200,
		"evil.example": 403, "evil.example:8321": 403, "127.0.0.1.evil.example": 403, "localhost.evil.example:8321": 403,
		"192.168.0.1:8321": 403, "0.0.0.0:8321": 403, "[::]:8321": 403, "localhost.": 403, "": 200, // httptest fills it in
	} {
		for _, e := range []string{"/livez", "/metrics", "/api/v1/routes", "/nowhere"} {
			if w := ask(s, "GET", e, host); (w.Code == 403) != (code == 403) {
				t.Errorf("host %q at %s: %d, want %d", host, e, w.Code, code)
			}
		}
	}
	r := httptest.NewRequest("GET", "/livez", nil)
	r.Host = ""
	w := httptest.NewRecorder()
	if s.handler().ServeHTTP(w, r); w.Code != 403 {
		t.Errorf("no host: %d", w.Code)
	}
}

func TestF11PayloadsAreNeitherFramedNorCachedNorGuessed(t *testing.T) {
	s := server(t, status.Running)
	for _, url := range []string{"/livez", "/api/v1/routes/orders/dead-letters/d1", "/nowhere"} {
		h := ask(s, "GET", url, "").Header()
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cache-Control": "no-store",
			"Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if h.Get(name) != want {
				t.Errorf("%s: %s is %q", url, name, h.Get(name))
			}
		}
		if !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'; frame-ancestors 'none'") {
			t.Errorf("%s: %q", url, h.Get("Content-Security-Policy"))
		}
	}
}

func TestReadyOnlyIfEveryRouteIs(t *testing.T) {
	for state, code := range map[status.State]int{
		status.Running: 200, status.Starting: 503, status.Waiting: 503, status.Paused: 503, status.Stopped: 503,
	} {
		if w := ask(server(t, state), "GET", "/readyz", ""); w.Code != code {
			t.Errorf("%s: %d, want %d", state, w.Code, code)
		}
	}
}

func TestOnlyLoopbackIsListenedOn(t *testing.T) {
	for _, listen := range []string{":8321", "0.0.0.0:8321", "192.168.0.1:1", "bridge.example:1", "[::]:1", "127.0.0.1", ""} {
		if _, err := New(Config{Listen: listen, Routes: routes(status.Running)}); err == nil {
			t.Errorf("%q is listened on", listen)
		}
	}
}

func TestAPortInUseIsSaid(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	s := server(t, status.Running)
	s.cfg.Listen = l.Addr().String()
	err = s.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "listen on "+s.cfg.Listen) || !strings.Contains(err.Error(), "in use") {
		t.Error(err)
	}
}
