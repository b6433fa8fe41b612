package console

import (
	"encoding/json"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
	"github.com/brokerbridge/bridge/bridge/status"
)

// bridge is an API that answers what a test wants.
type bridge struct {
	me      api.Me
	routes  []status.Route
	groups  map[string][]api.Group
	detail  api.RouteDetail // of every route, with its status filled in
	history api.History
	reading func(n int, routes []status.Route) // changes the n-th answer; nil: all are the same
	read    int
}

func (b *bridge) handler() http.Handler {
	mux := http.NewServeMux()
	say := func(path string, of func(*http.Request) any) {
		mux.HandleFunc("GET /api/v1"+path, func(w http.ResponseWriter, r *http.Request) {
			out := of(r)
			if e, ok := out.(*api.Error); ok {
				w.WriteHeader(http.StatusNotFound)
				out = map[string]any{"error": e}
			}
			_ = json.NewEncoder(w).Encode(out)
		})
	}
	say("/me", func(*http.Request) any { return b.me })
	say("/routes", func(*http.Request) any {
		if b.reading != nil {
			b.reading(b.read, b.routes)
			b.read++
		}
		return api.Page[status.Route]{Items: b.routes}
	})
	say("/history", func(*http.Request) any { return b.history })
	say("/routes/{route}/groups", func(r *http.Request) any { return api.Page[api.Group]{Items: b.groups[r.PathValue("route")]} })
	say("/routes/{route}", func(r *http.Request) any {
		for _, route := range b.routes {
			if route.Name == r.PathValue("route") {
				d := b.detail
				d.Route = route
				return d
			}
		}
		return &api.Error{Code: api.UnknownRoute, Message: "there is no such route"}
	})
	return mux
}

// console is the console of such a bridge.
func (b *bridge) console(t testing.TB) http.Handler {
	t.Helper()
	srv := httptest.NewServer(b.handler())
	t.Cleanup(srv.Close)
	c, err := client.New(srv.URL, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	made := New(Config{API: c, Version: "v0", Login: true, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	mux := http.NewServeMux()
	for _, p := range made.Pages() {
		mux.HandleFunc(p.Method+" "+p.Path, p.Handle)
	}
	return mux
}

// see is a page of it.
func (b *bridge) see(t testing.TB, path string) string {
	t.Helper()
	w := httptest.NewRecorder()
	b.console(t).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	return w.Body.String()
}

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// well is a bridge where all is well.
func well() *bridge {
	end := func(broker, name string) status.End { return status.End{Broker: broker, Name: name, Up: true} }
	route := func(name, from, to string) status.Route {
		return status.Route{
			Name: name, State: status.Running, Since: noon, Breaker: "closed", Owner: "the shop team",
			Sources: []status.End{end(from, "queue "+name)}, Target: end(to, "topic "+name),
			Counts: status.Counts{Received: 90_000, Delivered: 1_234_567, Duplicates: 12, Keys: map[string]int64{}},
		}
	}
	return &bridge{
		me:     api.Me{Name: "ann", Role: "admin"},
		routes: []status.Route{route("orders", "shop", "lake"), route("payments", "shop", "lake"), route("stock", "lake", "shop"), route("mails", "shop", "post")},
		groups: map[string][]api.Group{},
		detail: api.RouteDetail{
			Rates: api.Rates{In: 231.4, Out: 230.2}, Latency: &api.Latency{P50: 0.004, P95: 0.021, P99: 1.3},
			Policies: []api.Policy{{Name: "order", Says: "by revision, per key; the key is header.key, the revision header.revision"}, {Name: "retry", Says: "up to 10 tries, 200 ms to 30 s apart"}},
		},
		history: day(),
	}
}

// day is a day of traffic.
func day() api.History {
	h := api.History{From: noon.Add(-20 * time.Hour), Step: 60}
	for i := range 20 * 60 {
		in := 900 + 700*math.Sin(float64(i)/180) + float64(i%7)*20
		s := api.Rates{In: in, Out: in * 0.97}
		if i > 700 && i < 760 {
			s.Out, s.Parked, s.Dead = 10, in-10, 0.4
		}
		h.Steps = append(h.Steps, s)
	}
	return h
}

// troubled is one where much is wrong.
func troubled() *bridge {
	b := well()
	orders, payments, mails := &b.routes[0], &b.routes[1], &b.routes[3]
	orders.Counts.Dead, orders.Counts.Parked, orders.Counts.OpenSkips = 41, 312, 2
	orders.Counts.Keys = map[string]int64{"quarantined": 7, "gap_blocked": 2}
	orders.Counts.DeadBy = map[string]int64{"max_attempts": 30, "too_large": 11}
	orders.Alarms = []status.Alarm{{Reason: "open_skips", Since: noon, Says: "2 open skips, the limit is 1"}}
	b.groups["orders"] = []api.Group{
		{Route: "orders", Fingerprint: "f00d", Reason: "max_attempts", Error: "billing: 500 <b>no</b>", Dead: 30, BlockedKeys: 5, ParkedBehind: 300},
		{Route: "orders", Fingerprint: "beef", Reason: "too_large", Error: "MESSAGE_TOO_LARGE", Dead: 11, BlockedKeys: 2, ParkedBehind: 12},
	}
	payments.State, payments.Reason, payments.Breaker = status.Waiting, "target: breaker open", "open"
	payments.Trip = &status.Trip{At: noon, Why: "kafka: no leader for partition 3", Probe: noon.Add(15 * time.Second)}
	payments.Target.Up, payments.Target.Reason = false, "dial tcp: connection refused"
	payments.Sources[0].Lag = 5210
	mails.State, mails.Reason = status.Paused, "operator: the mail server is being moved"
	return b
}

func has(t *testing.T, page string, wanted ...string) {
	t.Helper()
	for _, w := range wanted {
		if !strings.Contains(page, w) {
			t.Errorf("no %q on the page", w)
		}
	}
}

// TestHeapedMarksAreSpeltOut: what covers other lines, and is too wide for a phone,
// is told in letters; the marks of real languages stay.
func TestHeapedMarksAreSpeltOut(t *testing.T) {
	heap := "a" + strings.Repeat("\u0336", mostMarks+2) + "b\u0301"
	if got, want := printable(heap), "a"+strings.Repeat("\u0336", mostMarks)+`\u0336\u0336b`+"\u0301"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for _, text := range []string{"e\u0301", "บั้น", "שָׁלוֹם", "हिन्दी", "❤\ufe0f"} {
		if got := printable(text); got != text {
			t.Errorf("%q is shown as %q", text, got)
		}
	}
}
