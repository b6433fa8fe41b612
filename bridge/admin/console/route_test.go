package console

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
)

func sscan(p string, x, y *float64) (int, error) { return fmt.Sscanf(p, "%f,%f", x, y) }

func TestARouteIsShown(t *testing.T) {
	b := troubled()
	pay := &b.routes[1]
	end := status.End{Broker: "lake", Name: "topic dead", Up: true}
	pay.Mirror, pay.Events, pay.Replies = &status.Mirror{End: end, Pending: 4, Refused: 1}, &status.Outlet{End: end, Dropped: 2}, &status.Outlet{End: end, Dropped: 3}
	pay.Counts.Unsent = 17
	b.detail.Shift = []api.Breaker{{At: noon, State: "open", Why: "no leader"}, {At: noon, State: "half-open"}}
	page := b.see(t, "/routes/payments/")
	has(
		t, page, "<h1>payments</h1>", "goes on by itself", "target: breaker open", "the shop team", "kafka: no leader for partition 3", "about to look whether",
		"no leader", "dial tcp: connection refused", "5\u202f210", "231/s", "4 ms", "21 ms", "1.3 s", "4 not copied yet, 1 that cannot be", "17 not sent yet, 2 that cannot be",
		"3 that cannot be sent", "by revision, per key", "up to 10 tries", `/routes/payments/dead-letters"`, `/keys?route=payments"`, `/operations?route=payments"`, `/audit?route=payments"`,
	)
	has(t, b.see(t, "/routes/orders/"), `/routes/orders/dead-letters?reason=too_large"`, `/keys?route=orders&amp;state=gap_blocked"`, "open_skips")

	pay.Trip.Probe = time.Now().Add(time.Minute)
	has(t, b.see(t, "/routes/payments/"), "It looks whether the target is back", "in 59 s")

	w := httptest.NewRecorder()
	b.console(t).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/routes/nowhere/", nil))
	if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "there is no such route") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// What one can do about a route fits its state, and each way is a command, too.
func TestWaysOfARoute(t *testing.T) {
	for name, c := range map[string]struct {
		state  status.State
		reason string
		want   string
	}{
		"running":           {status.Running, "", "pause"},
		"target away":       {status.Waiting, "target: away", "pause"},
		"paused by itself":  {status.Paused, "dead_letter: a message failed", "resume"},
		"paused by someone": {status.Paused, "operator: moving house", "resume"},
		"waits, paused":     {status.Waiting, "operator: moving house", "resume"},
		"offsets":           {status.Waiting, "source: offset_rewound: …", "accept-offset pause"},
		"offsets, paused":   {status.Paused, "source: topic_recreated: …", "resume accept-offset"},
		"ending":            {status.Stopped, "", ""},
	} {
		var got []string
		for _, w := range waysOf(status.Route{Name: "or ders", State: c.state, Reason: c.reason}) {
			_, do, _ := strings.Cut(string(w.Link), "/routes/or%20ders/act?do=")
			got = append(got, do)
			if !strings.HasPrefix(w.Command, "bridge routes ") || !strings.Contains(w.Command, "'or ders'") || strings.Contains(w.Command, "--accept-offset") != (do == "accept-offset") {
				t.Errorf("%s: %s", name, w.Command)
			}
			if _, ok := verbs[do]; !ok {
				t.Errorf("%s: nobody does %q", name, do)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, want %s", name, got, c.want)
		}
	}
}

// I10: both sides of the balance are the same, and what is missing has a line.
func TestI10_TheBalanceIsOne(t *testing.T) {
	c := status.Counts{
		Delivered: 100, Duplicates: 20, Filtered: 3, Parked: 7, Dead: 5, InMemory: 2, Discarded: 1, Archived: 4, Purged: 6, Expired: 8,
		Imported: 9, Restored: 10, Unaccounted: -3,
	}
	b := balanceOf(c)
	var came, became int64
	for _, e := range b.Came {
		came += e.N
	}
	for _, e := range b.Became {
		became += e.N
	}
	if came != b.Sum || became+b.Off != b.Sum || b.Came[0].N != 100+20+3+7+5+2+1+4+6+8-9-10-3 {
		t.Errorf("%d came, %d became, %+v", came, became, b)
	}
	r := well()
	r.routes[0].Counts = c
	has(t, r.see(t, "/routes/orders/"), "their end is not known", "−3")
}

// What somebody may not do is said, with the role that it needs.
func TestWhatOneMayNotDoIsSaid(t *testing.T) {
	b := well()
	b.me = api.Me{Name: "eve", Role: "viewer"}
	page := b.see(t, "/routes/orders/")
	has(t, page, `aria-disabled="true">Pause…</span>`, "needs the role operator, yours is viewer")
	if strings.Contains(page, `href="/routes/orders/act`) {
		t.Error("a link leads to what they may not do")
	}
	b.me = api.Me{Name: "root", Role: "admin", ReadOnly: true}
	has(t, b.see(t, "/routes/orders/"), "this bridge is read only", `<span class="badge quiet" title="admin.read_only is set`)
	b.me = api.Me{Name: "op", Role: "operator"}
	has(t, b.see(t, "/routes/orders/"), `href="/routes/orders/act?do=pause"`)
}

// The menu says how much waits; who is not known has none.
func TestTheFrame(t *testing.T) {
	page := troubled().see(t, "/")
	has(t, page, `<a class="skip" href="#main">`, `<b class="pill">41</b>`, `9<span class="unseen"> blocked</span>`, "ann <small>admin</small>", "bridge v0", `role="search"`, `<dialog id="keys-help"`)
	for _, forbidden := range []string{"<style", " style=", "onclick", "<script>", "http://", "https://"} {
		if strings.Contains(page, forbidden) {
			t.Errorf("%s on a page", forbidden)
		}
	}
}
