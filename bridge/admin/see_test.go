package admin

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"reflect"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
)

// read is the answer of a request as a value.
func read[T any](t *testing.T, w *httptest.ResponseRecorder) (out T) {
	t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != 200 {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return out
}

func TestMeSaysWhoAsks(t *testing.T) {
	s, _ := locked(t)
	for token, want := range map[string]api.Me{
		"token-of-the-viewer": {Name: "the-viewer", Role: "viewer", Payloads: "full"},
		"token-of-the-admin":  {Name: "the-admin", Role: "admin", Payloads: "full"},
	} {
		if got := read[api.Me](t, asks(s, "GET", "/api/v1/me", token)); got != want {
			t.Errorf("%s: %+v, want %+v", token, got, want)
		}
	}
	open, err := New(Config{Listen: "127.0.0.1:0", Routes: routes(status.Running), Store: stubborn{}, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := read[api.Me](t, ask(open, "GET", "/api/v1/me", "")); got != (api.Me{Role: "admin", Payloads: "full", ReadOnly: true}) {
		t.Errorf("without tokens: %+v", got)
	}
}

// teller tells the same of each route.
type teller struct {
	latency atomic.Pointer[status.Latency]
}

func (*teller) Policies(route string) []api.Policy {
	return []api.Policy{{Name: "order", Says: "by revision, of " + route}}
}

func (*teller) BreakerHistory(string) []api.Breaker {
	return []api.Breaker{{At: noon, State: "open", Why: "away"}}
}

func (f *teller) Latency(string) (status.Latency, bool) {
	if l := f.latency.Load(); l != nil {
		return *l, true
	}
	return status.Latency{}, true
}

// moving is a server whose route moves 5 messages a second, and how to stop it.
func moving(t *testing.T, tell Teller) *Server {
	t.Helper()
	began := time.Now()
	s, err := New(Config{Listen: "127.0.0.1:0", Store: stubborn{}, Teller: tell, Routes: func(context.Context) []status.Route {
		n := int64(5 * time.Since(began).Seconds())
		return []status.Route{
			{Name: "orders", Breaker: "open", Trip: &status.Trip{At: noon, Why: "away", Probe: noon}, Counts: status.Counts{Delivered: n, Keys: map[string]int64{}}},
			{Name: "fresh"},
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); s.past.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return s
}

func TestARouteSaysWhatItIsToDoAndHowFastItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tell := &teller{}
		s := moving(t, tell)
		time.Sleep(65 * time.Second)
		tell.latency.Store(&status.Latency{Count: 10, Buckets: []status.Bucket{{UpTo: 1, Count: 10}}})
		got := read[api.RouteDetail](t, ask(s, "GET", "/api/v1/routes/orders", ""))
		if got.Name != "orders" || got.Rates.Out < 4.9 || got.Rates.Out > 5.1 || !reflect.DeepEqual(got.Latency, &api.Latency{P50: 0.5, P95: 0.95, P99: 0.99}) {
			t.Errorf("%+v, %+v", got.Rates, got.Latency)
		}
		if !reflect.DeepEqual(got.Policies, tell.Policies("orders")) || !reflect.DeepEqual(got.Shift, tell.BreakerHistory("")) || got.Trip.Why != "away" {
			t.Errorf("%+v", got)
		}
		if w := ask(s, "GET", "/api/v1/routes/none", ""); w.Code != 404 {
			t.Errorf("no such route: %d %s", w.Code, w.Body)
		}
	})
}

func TestHistoryIsAskedByHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := moving(t, &teller{})
		time.Sleep(2 * time.Hour)
		for query, want := range map[string]struct{ step, steps int }{
			"": {10, 360}, "?route=orders": {10, 360}, "?route=orders&hours=1": {10, 360}, "?hours=2": {60, 120}, "?hours=24": {60, 120}, "?route=fresh": {10, 0},
		} {
			got := read[api.History](t, ask(s, "GET", "/api/v1/history"+query, ""))
			if got.Step != want.step || len(got.Steps) != want.steps {
				t.Errorf("%q: %d steps of %d s, want %+v", query, len(got.Steps), got.Step, want)
			}
		}
		for query, code := range map[string]int{"?route=none": 404, "?hours=0": 400, "?hours=25": 400, "?hours=x": 400} {
			if w := ask(s, "GET", "/api/v1/history"+query, ""); w.Code != code {
				t.Errorf("%s: %d %s, want %d", query, w.Code, w.Body, code)
			}
		}
	})
}
