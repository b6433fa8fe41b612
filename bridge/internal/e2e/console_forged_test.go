package e2e_test

import (
	_ "embed"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// evilPage is a page of somebody else, which does what a page can do to another.
//
//go:embed testdata/evil.html
var evilPage string

const (
	aToken      = "a-token-of-an-admin"
	adminTokens = "tokens: [{ name: ann, role: admin, payloads: full, token: a-token-of-an-admin }]"
)

// TestF11_OtherPagesChangeNothing: a page of another origin sends forms of each kind
// and asks with scripts, in frames and as a whole, in the same window in which
// somebody has a session, or where none is needed. Nothing changes, nothing is told,
// and nobody is signed in or out. The same form of our own page is obeyed.
func TestF11_OtherPagesChangeNothing(t *testing.T) {
	t.Parallel()
	for name, tokens := range map[string]string{"with a session": adminTokens, "without tokens": "", "without a session": adminTokens} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			route := e2e.Route{From: e2e.Queues(rig.Queue(t)), To: e2e.Topic(rig.Topic(t, 1))}
			b := e2e.Start(t, e2e.Options{Routes: route.String(), Admin: tokens, Token: aToken})
			b.AwaitReady(settleTimeout)
			w := look(t, b)
			signedIn := name == "with a session"
			if signedIn {
				w.signsIn(aToken)
			}
			for _, host := range []string{"127.0.0.1", "localhost"} { // the same site, and another
				w.isAttacked(b, evil(t, b, host))
			}
			if all := b.Audits(); len(all) != 0 {
				t.Errorf("another page has changed something: %+v", all)
			}
			if code, why := b.Ready(); code != http.StatusOK {
				t.Errorf("the route does not run: %s", why)
			}
			w.opens("/")
			if at := answer[string](w, `location.pathname`); (at == "/login") != (name == "without a session") {
				t.Errorf("a page has signed somebody in or out: %s is shown", at)
			}
			if name == "without a session" {
				return
			}
			w.opens("/routes/orders/act?do=pause")
			w.fills("input[name=reason]", "our own page")
			w.follows("form.act .buttons button")
			if all := b.Audits(); len(all) != 1 || all[0].Action != "pause" {
				t.Errorf("our own page was not obeyed: %+v", all)
			}
		})
	}
}

// evil serves a page of another origin.
func evil(t *testing.T, b *e2e.Bridge, host string) string {
	t.Helper()
	page := strings.ReplaceAll(evilPage, "BRIDGE", b.URL())
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(page))
	}))
	t.Cleanup(srv.Close)
	return strings.Replace(srv.URL, "127.0.0.1", host, 1)
}

// isAttacked opens the other page in the same window.
func (w *window) isAttacked(b *e2e.Bridge, at string) {
	w.t.Helper()
	w.must(w.Do(chromedp.Navigate(at)))
	w.comes("the other page to be done", `document.title === "done"`)
	if told := answer[[]string](w, `window.told`); len(told) != 0 {
		w.t.Errorf("another page was told %q", told)
	}
	if sent := answer[int](w, `window.sent`); sent < 30 {
		w.t.Errorf("the other page has tried %d ways only", sent)
	}
	for _, form := range []string{"urlencoded", "text", "multipart"} {
		w.must(w.Do(chromedp.Navigate(at + "/" + form + "#whole")))
		w.comes("the other page to be ready", `document.title === "done"`)
		answer[bool](w, `(whole("`+form+`"), true)`)
		w.comes("the whole window to be led to the bridge", `location.origin === "`+b.URL()+`"`)
	}
	w.Faults() // what the other page does is its own
}

// signsIn signs in by the page, and comes back to where one was led from.
func (w *window) signsIn(token string) {
	w.t.Helper()
	w.opens("/login")
	w.fills("input[name=token]", token)
	w.follows("main form button")
}
