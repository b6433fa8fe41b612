package admin

import (
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// oddKeys are keys that a path, a form or a screen could change.
var oddKeys = []string{
	"/", "//", ".", "..", "a/../b", "./x", "%2F", "%", "?", "#", "&a=b", "a b", " lead", "trail ", "+", "a\nb", "a\r\nb", "\t", "\x00", "\x1b[2J", "\\", `"'<>`,
	"<script>alert(1)</script>", "--reason", "-", "\xff\xfe", "é\xff", "🙂", "\u202egnp.exe", "\ufeff", "\ufffd", "keys", "4711", strings.Repeat("k", 4096), strings.Repeat("\xff", 4096),
}

// oddBridge is a bridge on which each odd key stands at a gap, and has skipped.
func oddBridge(t *testing.T) (*Server, *asked) {
	t.Helper()
	s := memory.New()
	t.Cleanup(func() { _ = s.Close() })
	if _, err := s.Open(t.Context(), store.Identity{Route: "orders"}); err != nil {
		t.Fatal(err)
	}
	for _, key := range oddKeys {
		rec := store.Record{Since: noon, State: lane.State{Base: 1, Next: 4, Highest: 6, Lowest: 6, Parked: 1, Skips: 1, Mode: lane.GapBlocked}}
		for _, err := range s.Commit(t.Context(), store.Change{
			Key: store.Key{Route: "orders", Name: key}, Record: &rec,
			Park:  []store.Message{{Rev: 6, ID: "m6", Payload: []byte("six"), ParkedAt: noon}},
			Skip:  []store.Skip{{From: 2, To: 3, At: noon, By: "gap"}},
			Audit: []store.Audit{{At: noon, By: "ann", Action: "skip", Key: key, Target: "2-3", Reason: "lost"}},
		}) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	op := &asked{}
	srv, err := New(Config{Listen: "127.0.0.1:0", Routes: routes(status.Running), Store: s, Operator: op, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return srv, op
}

var (
	hrefs   = regexp.MustCompile(`(?:href|action)="([^"]*)"`)
	dotPart = regexp.MustCompile(`(?i)/(\.|%2e)(\.|%2e)?(/|$)`)
)

// leads are the addresses on a page that begin with a path, as a browser takes them.
func leads(t *testing.T, page, path, with string) (all []string) {
	t.Helper()
	for _, m := range hrefs.FindAllStringSubmatch(page, -1) {
		at := html.UnescapeString(m[1])
		if !strings.HasPrefix(at, path) || !strings.Contains(at, with) {
			continue
		}
		if before, _, _ := strings.Cut(at, "?"); dotPart.MatchString(before) {
			t.Errorf("a browser takes %s for another place", at)
		}
		all = append(all, at)
	}
	return all
}

func (a *asked) lastCall() string {
	if len(a.calls) == 0 {
		return ""
	}
	return a.calls[len(a.calls)-1]
}

// Each page is followed as somebody with a browser would: from the list to the key,
// to the plan, and from its form to the change.
func TestI9_KeysOfAnyBytesSurviveFromTheListToTheChange(t *testing.T) {
	s, op := oddBridge(t)
	see := func(path string) string {
		w := ask(s, http.MethodGet, path, "")
		if w.Code != http.StatusOK {
			t.Fatalf("%.200s: %d %.300s", path, w.Code, w.Body)
		}
		return w.Body.String()
	}
	var skipped, closed []string
	for _, at := range leads(t, see("/keys?route=orders"), "/routes/orders/key", "") {
		page := see(at)
		ways := leads(t, page, "/routes/orders/act", "do=skip")
		if len(ways) != 1 || strings.Count(page, `name="key64"`) != 1 {
			t.Fatalf("%.200s: %q", at, ways)
		}
		plan := see(ways[0])
		form := leads(t, plan, "/routes/orders/act", "do=skip")
		r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:8321"+form[0], strings.NewReader("reason=because"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		s.handler().ServeHTTP(w, r)
		if w.Code != http.StatusSeeOther || op.last.DryRun || op.last.Reason != "because" {
			t.Fatalf("%.200s: %d %+v", form[0], w.Code, op.last)
		}
		skipped = append(skipped, op.lastCall())
		back := w.Header().Get("Location")
		if u, err := url.Parse(back); err != nil || !strings.HasPrefix(at, u.EscapedPath()) {
			t.Errorf("from %.200s to %.200s", at, back)
		}
		see(back)
		see(leads(t, page, "/routes/orders/act", "do=close")[0])
		closed = append(closed, op.lastCall())
		if log := leads(t, page, "/audit", "key=")[0]; !strings.Contains(see(log), ">lost<") {
			t.Errorf("%.200s: its audit is empty", log)
		}
	}
	for _, key := range oddKeys {
		if want := fmt.Sprintf("skip orders %q epoch 0 to 6", key); !slices.Contains(skipped, want) {
			t.Errorf("%.100q was not skipped", key)
		}
		if want := fmt.Sprintf("close orders %q 2", key); !slices.Contains(closed, want) {
			t.Errorf("the skip of %.100q was not closed", key)
		}
	}
	if len(skipped) != len(oddKeys) {
		t.Errorf("%d of %d", len(skipped), len(oddKeys))
	}
	if all := leads(t, see("/skips?route=orders"), "/routes/orders/act", "do=close"); len(all) != len(oddKeys) {
		t.Errorf("%d open skips are shown", len(all))
	}
}

// What cannot be made of a form's text goes by its bytes.
func TestI9_AFormSendsAKeyOfAnyBytes(t *testing.T) {
	s, op := oddBridge(t)
	hidden := regexp.MustCompile(`name="key64" value="([^"]*)"`)
	for _, key := range oddKeys {
		if w := ask(s, http.MethodGet, "/api/v1/routes/orders/keys/"+escaped(key)+"/explain", ""); w.Code != http.StatusOK {
			t.Errorf("the API: %.100q: %d", key, w.Code)
		}
		w := ask(s, http.MethodGet, "/routes/orders/key?"+url.Values{"key": {key}}.Encode(), "")
		m := hidden.FindStringSubmatch(w.Body.String())
		if w.Code != http.StatusOK || m == nil {
			t.Fatalf("%.100q: %d", key, w.Code)
		}
		q := url.Values{"do": {"skip"}, "key64": {html.UnescapeString(m[1])}, "to": {"5"}}
		if w := ask(s, http.MethodGet, "/routes/orders/act?"+q.Encode(), ""); w.Code != http.StatusOK || op.lastCall() != fmt.Sprintf("skip orders %q epoch 0 to 5", key) {
			t.Errorf("%.100q: %d %.200s", key, w.Code, op.lastCall())
		}
	}
}

func TestTheKeyPagesOfARealBridge(t *testing.T) {
	op := &asked{}
	s, err := New(Config{Listen: "127.0.0.1:0", Routes: routes(status.Running), Store: stuck(t), Operator: op, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path string
		code int
		want string
	}{
		{"/keys", 200, `id="group-quarantined"`},
		{"/keys?state=locked", 200, "Its new messages are parked"},
		{"/keys?route=fresh", 200, "Every key flows"},
		{"/keys?key=flowing", 200, `href="/routes/orders/keys/flowing"`},
		{"/keys?route=elsewhere", 404, "there is no route"},
		{"/routes/orders/keys/quarantined", 200, "revision 4 is a dead letter"},
		{"/routes/orders/keys/quarantined", 200, `class="run dead"`},
		{"/routes/orders/keys/gap", 200, "go on without revisions 4 to 5"},
		{"/routes/orders/keys/two?epoch=1", 200, "epoch=1&amp;key=two&amp;to=6"},
		{"/routes/orders/keys/locked", 200, "new_epoch=true"},
		{"/routes/orders/keys/beside", 200, "stand outside its order"},
		{"/routes/orders/keys/adopting", 200, "waits a moment for its lowest revision"},
		{"/routes/orders/keys/nobody", 404, "That is normal"},
		{"/routes/elsewhere/keys/a", 404, "there is no route"},
		{"/skips", 200, "There are no open skips"},
		{"/audit", 200, "three"},
		{"/audit?key=%FF", 200, `\x1b[2Jlost`},
		{"/audit?before=x", 400, "before must be the number of an entry"},
		{"/audit/verify", 200, "The audit is as it was written"},
		{"/audit/verify?expect=9:00", 200, "9:00 is not in the audit"},
		{"/search", 200, "What can be searched for"},
		{"/routes/orders/act?do=purge&key=gap", 200, "This cannot be undone"},
		{"/routes/orders/act?do=close&key=gap&from=2&epoch=0", 200, "bridge keys close gap --route orders --from 2 --epoch 0"},
		{"/routes/orders/act?do=skip&key=gap&to=x", 200, "to must be a revision"},
		{"/routes/orders/act?do=release", 200, "no key is named"},
	} {
		if w := ask(s, http.MethodGet, c.path, ""); w.Code != c.code || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s: %d, want %d with %q\n%s", c.path, w.Code, c.code, c.want, w.Body)
		}
	}
}
