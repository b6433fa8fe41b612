package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"go.uber.org/goleak"

	"github.com/brokerbridge/bridge/bridge/admin"
	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hostile are keys that a path, a query or JSON would break on.
var hostile = []string{"plain", "a/b", "..", ".", "a b+c&d=e?#%", "\xff\x00\xfe", "日本", "\x1b[2J", `"q"`}

// many audit entries are more than a page has.
const many = 1100

// bridge is a running admin API with the hostile keys, a dead letter each.
func bridge(t *testing.T) *client.Client {
	t.Helper()
	s := memory.New()
	if _, err := s.Open(t.Context(), store.Identity{Route: "orders"}); err != nil {
		t.Fatal(err)
	}
	for i, key := range hostile {
		rec := store.Record{State: lane.State{Base: 1, Next: 4, Highest: 3, Mode: lane.Quarantined}}
		d := store.DeadLetter{Route: "orders", ID: fmt.Sprintf("d%d/..", i), Key: key, Lane: true, Reason: "permanent", Message: store.Message{Rev: 4, Payload: []byte(key)}}
		change := store.Change{Key: store.Key{Route: "orders", Name: key}, Record: &rec, Dead: []store.DeadLetter{d}}
		if err := s.Commit(t.Context(), change)[0]; err != nil {
			t.Fatal(err)
		}
	}
	audits := store.Change{Key: store.Key{Route: "orders"}}
	for range many {
		audits.Audit = append(audits.Audit, store.Audit{Action: "skip", Key: hostile[5]}, store.Audit{Action: "pause"})
	}
	if err := s.Commit(t.Context(), audits)[0]; err != nil {
		t.Fatal(err)
	}
	srv, err := admin.New(admin.Config{Listen: "127.0.0.1:0", Store: s, Operator: echo{}, Routes: func(context.Context) []status.Route {
		return []status.Route{{Name: "orders", State: status.Waiting}}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return open(t, "http://"+srv.Addr()+"/")
}

func open(t *testing.T, url string) *client.Client {
	t.Helper()
	c, err := client.New(url, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestKeysOfAnyBytesAreListedAndFound(t *testing.T) {
	c := bridge(t)
	seen := map[string]bool{}
	after := ""
	for range hostile { // pages of one, the hardest case for the cursor
		for l, err := range c.Keys(t.Context(), "orders", client.List{Limit: 1, After: after, Blocked: true}) {
			if err != nil {
				t.Fatal(err)
			}
			after = l.Raw()
			seen[after] = true
		}
	}
	for _, key := range hostile {
		if !seen[key] {
			t.Errorf("%q is not listed", key)
		}
		k, err := c.Key(t.Context(), "orders", key)
		if err != nil || k.Raw() != key || len(k.Epochs) != 1 || *k.Epochs[0].Next != 4 {
			t.Errorf("%q: %+v %v", key, k, err)
		}
	}
}

func TestDeadLettersOfAKey(t *testing.T) {
	c := bridge(t)
	for i, key := range hostile {
		n := 0
		for d, err := range c.DeadLetters(t.Context(), "orders", client.List{Key: key}) {
			if err != nil || d.Raw() != key {
				t.Fatalf("%q: %+v %v", key, d, err)
			}
			n++
		}
		d, err := c.DeadLetter(t.Context(), "orders", fmt.Sprintf("d%d/..", i))
		if n != 1 || err != nil || string(d.Body.Raw()) != key {
			t.Errorf("%q: %d, %+v %v", key, n, d, err)
		}
	}
}

// Pages are followed until there are no more, and no further than asked.
func TestListsFollowPages(t *testing.T) {
	pages := map[string]string{
		"":  `{"items":[{"id":"1"},{"id":"2"}],"next":"/api/v1/routes/r/dead-letters?after=2"}`,
		"2": `{"items":[{"id":"3"}],"next":"/api/v1/routes/r/dead-letters?after=3"}`,
		"3": `{"items":[]}`,
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, pages[r.URL.Query().Get("after")])
	}))
	defer srv.Close()
	for limit, want := range map[int]int{0: 3, 1: 1, 3: 3, 9: 3} {
		n := 0
		for _, err := range open(t, srv.URL).DeadLetters(t.Context(), "r", client.List{Limit: limit}) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n != want {
			t.Errorf("limit %d: %d, want %d", limit, n, want)
		}
	}
}

func TestReadyIsReadThroughIts503(t *testing.T) {
	r, err := bridge(t).Ready(t.Context())
	if err != nil || r.Ready || len(r.Routes) != 1 {
		t.Errorf("%+v %v", r, err)
	}
}

func TestErrorsOfTheBridgeAreItsOwn(t *testing.T) {
	_, err := bridge(t).Key(t.Context(), "nowhere", "k")
	if e, ok := errors.AsType[*api.Error](err); !ok || e.Code != api.UnknownRoute {
		t.Error(err)
	}
}

func TestNobodyThereIsUnreachable(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	url := srv.URL
	srv.Close()
	if _, err := open(t, url).Routes(t.Context()); !errors.Is(err, client.ErrUnreachable) {
		t.Error(err)
	}
}

func TestSomethingElseIsNoBridge(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"a page":     func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "<html>") },
		"a redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"a 404":      http.NotFound,
		"a next away": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprint(w, `{"items":[],"next":"@evil.example/"}`)
		},
	} {
		srv := httptest.NewServer(h)
		var err error
		for _, err = range open(t, srv.URL).Keys(t.Context(), "r", client.List{}) {
		}
		if err == nil || errors.Is(err, client.ErrUnreachable) {
			t.Errorf("%s: %v", name, err)
		}
		srv.Close()
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	for _, url := range []string{"", "127.0.0.1:8321", "ftp://x", "http://", "http://u:p@127.0.0.1", "http://127.0.0.1/?q", "http://%zz"} {
		if _, err := client.New(url, client.Options{}); err == nil {
			t.Errorf("%q is taken", url)
		}
	}
}
