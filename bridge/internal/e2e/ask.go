package e2e

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
)

const askTimeout = 10 * time.Second

// get asks the bridge's own interface. An error means that it does not answer.
func (b *Bridge) get(path string) (code int, body []byte, err error) {
	client := http.Client{Timeout: askTimeout}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, b.URL()+path, nil)
	if err != nil {
		return 0, nil, err
	}
	if b.pass != "" {
		req.Header.Set("Authorization", "Bearer "+b.pass)
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err = io.ReadAll(res.Body)
	return res.StatusCode, body, err
}

// DeadLetters are the dead letters of a route as the API shows them, with their
// content, in the order of their ids.
func (b *Bridge) DeadLetters(route string) []api.DeadLetterDetail {
	b.t.Helper()
	c := b.client()
	var all []api.DeadLetterDetail
	for d, err := range c.DeadLetters(b.t.Context(), route, client.List{}) {
		if err != nil {
			b.t.Fatalf("list the dead letters: %v", err)
		}
		detail, err := c.DeadLetter(b.t.Context(), route, d.ID)
		if e, ok := errors.AsType[*api.Error](err); ok && e.Code == api.UnknownDeadLetter {
			continue // settled since it was listed
		}
		if err != nil {
			b.t.Fatalf("show dead letter %s: %v", d.ID, err)
		}
		all = append(all, detail)
	}
	return all
}

// Letters are the dead letters of a route whole, as they are exported.
func (b *Bridge) Letters(route string) (all []api.Letter) {
	b.t.Helper()
	for l, err := range b.client().Export(b.t.Context(), route, client.List{}) {
		if err != nil {
			b.t.Fatalf("export the dead letters: %v", err)
		}
		all = append(all, l)
	}
	return all
}

// Keys are the lanes of a route that do not flow or have something parked.
func (b *Bridge) Keys(route string) map[string]api.Lane {
	b.t.Helper()
	all := map[string]api.Lane{}
	for l, err := range b.client().Keys(b.t.Context(), route, client.List{Blocked: true}) {
		if err != nil {
			b.t.Fatalf("list the keys: %v", err)
		}
		all[l.Raw()] = l
	}
	return all
}

// Key is a lane in its first epoch.
func (b *Bridge) Key(route, key string) api.LaneDetail {
	b.t.Helper()
	k, err := b.client().Key(b.t.Context(), route, key)
	if err != nil {
		b.t.Fatalf("show key %q: %v", key, err)
	}
	return k.Epochs[0]
}

// URL is where its pages are.
func (b *Bridge) URL() string { return "http://" + b.addr }

// Audits are what operators did, the oldest first.
func (b *Bridge) Audits() (all []api.Audit) {
	b.t.Helper()
	for a, err := range b.client().Audits(b.t.Context(), client.AuditList{}) {
		if err != nil {
			b.t.Fatalf("read the audit: %v", err)
		}
		all = append(all, a)
	}
	return all
}

func (b *Bridge) client() *client.Client {
	b.t.Helper()
	c, err := client.New(b.URL(), client.Options{Token: b.pass})
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// Ready is what /readyz says; 0 where nobody answers.
func (b *Bridge) Ready() (code int, reason string) {
	code, body, err := b.get("/readyz")
	if err != nil {
		return 0, err.Error()
	}
	return code, string(body)
}
