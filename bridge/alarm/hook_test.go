package alarm

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/brokerbridge/bridge/bridge/config"
)

// doc is what a webhook gets.
type doc struct {
	SpecVersion string `json:"specversion"`
	ID          string `json:"id"`
	Source      string `json:"source"`
	Type        string `json:"type"`
	Data        struct {
		Route, Alarm, State, Says, Owner string
		Suppressed, Waiting              int
	} `json:"data"`
}

// answerer is the other side of a hook, in place of the network.
type answerer struct {
	answer func(call int) int // a status; 0: away

	mu   sync.Mutex
	docs []doc
	at   []time.Time
}

func (a *answerer) RoundTrip(r *http.Request) (*http.Response, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var d doc
	if err := json.NewDecoder(r.Body).Decode(&d); err != nil {
		return nil, err
	}
	a.docs, a.at = append(a.docs, d), append(a.at, time.Now())
	code := http.StatusNoContent
	if a.answer != nil {
		code = a.answer(len(a.docs))
	}
	if code == 0 {
		return nil, errors.New("away")
	}
	return &http.Response{StatusCode: code, Body: io.NopCloser(strings.NewReader(""))}, nil
}

// calls are what was sent so far.
func (a *answerer) calls() []doc {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.docs)
}

// hooked runs a hook.
func hooked(t *testing.T, w config.Webhook, net http.RoundTripper) (*Hook, *said) {
	t.Helper()
	var log said
	h := NewHook(w, slog.New(slog.NewTextHandler(&log, nil)))
	if net != nil {
		h.client.Transport = net
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); h.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return h, &log
}

func notice(route, reason, state string) Notice {
	return Notice{
		Route: route, Source: "/brokerbridge/s/routes/" + route, Owner: "team", Reason: reason, State: state,
		Says: "much", Since: time.UnixMilli(5), At: time.Now(),
	}
}

const secretURL = "https://user:hunter2@hooks.example/T/hunter2?token=hunter2"

// TestHookIsPaced: so many at once, then so many a minute; what has changed
// meanwhile is told as it is, and how much was left out.
func TestHookIsPaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answerer{}
		h, _ := hooked(t, config.Webhook{URL: config.NewSecret(secretURL), PerMinute: 2}, a)
		for _, route := range []string{"a", "b", "c", "d"} {
			h.Tell(notice(route, "parked", begun))
		}
		time.Sleep(time.Second)
		if len(a.calls()) != 2 {
			t.Fatalf("%d calls at once, want 2", len(a.calls()))
		}
		h.Tell(notice("c", "parked", resolved))
		h.Tell(notice("c", "parked", begun))
		time.Sleep(5 * time.Minute)
		if len(a.calls()) != 4 {
			t.Fatalf("%d calls, want 4: %+v", len(a.calls()), a.calls())
		}
		third, fourth := a.calls()[2].Data, a.calls()[3].Data
		if third.Route != "d" || third.Suppressed != 2 || third.Waiting != 1 || fourth.Route != "c" || fourth.State != begun || fourth.Suppressed != 0 {
			t.Errorf("%+v\n%+v", third, fourth)
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		if gap := a.at[3].Sub(a.at[2]); gap < 29*time.Second {
			t.Errorf("%v apart", gap)
		}
	})
}

// TestHookTriesAgain: with growing pauses and the same id, and not for ever.
func TestHookTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answerer{answer: func(call int) int { return []int{0, 503, 429, 200, 404}[min(call-1, 4)] }}
		h, log := hooked(t, config.Webhook{URL: config.NewSecret(secretURL), PerMinute: 1000}, a)
		h.Tell(notice("a", "parked", begun))
		time.Sleep(patience)
		if len(a.calls()) != 4 || a.calls()[0].ID != "a/alarm/parked/5/begun" || a.calls()[3].ID != a.calls()[0].ID || log.String() != "" {
			t.Errorf("%+v\n%s", a.calls(), log)
		}
		h.Tell(notice("a", "parked", resolved))
		time.Sleep(patience)
		if len(a.calls()) != 5 || !strings.Contains(log.String(), "it answered 404") { // refused for good
			t.Errorf("%d calls\n%s", len(a.calls()), log)
		}
		a.mu.Lock()
		a.answer = func(int) int { return 0 }
		a.mu.Unlock()
		h.Tell(notice("a", "parked", begun))
		time.Sleep(2 * patience)
		if n := len(a.calls()); n < 8 || n > 30 || !strings.Contains(log.String(), "away") {
			t.Errorf("%d calls\n%s", n, log)
		}
		if strings.Contains(log.String(), "hunter2") {
			t.Error("a secret is in the log:\n" + log.String())
		}
	})
}

// TestHookOverHTTP: what is sent, and that nothing follows a redirect.
func TestHookOverHTTP(t *testing.T) {
	got := make(chan *http.Request, 10)
	bodies := make(chan string, 10)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer elsewhere.Close()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- r
		bodies <- string(body)
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	}))
	defer srv.Close()
	h, log := hooked(t, config.Webhook{URL: config.NewSecret(srv.URL + "/x?token=hunter2"), Bearer: config.NewSecret("hunter3"), PerMinute: 10}, nil)
	h.Tell(notice("orders", "open_skips", begun))
	r, body := <-got, <-bodies
	if r.Method != http.MethodPost || r.URL.RequestURI() != "/x?token=hunter2" || r.Header.Get("Content-Type") != "application/cloudevents+json" ||
		r.Header.Get("Authorization") != "Bearer hunter3" {
		t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
	}
	for _, want := range []string{
		`"specversion":"1.0"`, `"type":"com.github.brokerbridge.alarm"`, `"source":"/brokerbridge/s/routes/orders"`, `"subject":"open_skips"`,
		`"route":"orders"`, `"state":"begun"`, `"says":"much"`, `"owner":"team"`, `"since":"1970-01-01T00:00:00.005Z"`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("%s is not in\n%s", want, body)
		}
	}
	for range 100 { // the outcome is noted behind the answer
		if strings.Contains(log.String(), "it answered 307") {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("the log does not say it:\n%s", log)
}
