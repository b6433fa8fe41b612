package console

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	goflag "flag" // flag is a word of ours
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
	"github.com/brokerbridge/bridge/bridge/admin/console/strip"
	"github.com/brokerbridge/bridge/bridge/status"
)

var rewriteLine = goflag.Bool("rewrite-line", false, "write the expected drawing anew")

// desk is an API that answers by path, and keeps what it was asked.
type desk struct {
	answers map[string]any
	asked   []string
	posted  []string
}

func (d *desk) RoundTrip(r *http.Request) (*http.Response, error) {
	path := strings.TrimPrefix(r.URL.EscapedPath(), "/api/v1")
	if r.Method == http.MethodPost {
		body, _ := io.ReadAll(r.Body)
		d.posted = append(d.posted, path+" "+string(body))
	} else {
		d.asked = append(d.asked, strings.TrimPrefix(r.URL.RequestURI(), "/api/v1"))
	}
	code, out := http.StatusOK, d.answers[path]
	if out == nil {
		out = &api.Error{Code: api.UnknownKey, Message: "nothing is known of it"}
	}
	if e, ok := out.(*api.Error); ok {
		code, out = http.StatusBadRequest, map[string]any{"error": e}
	}
	doc, _ := json.Marshal(out)
	return &http.Response{StatusCode: code, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(doc)), Request: r}, nil
}

// see is a page for somebody with a role.
func (d *desk) see(t testing.TB, path string, code int) string {
	t.Helper()
	return d.ask(t, httptest.NewRequest(http.MethodGet, path, nil), code).Body.String()
}

// ask is what comes of a request.
func (d *desk) ask(t testing.TB, r *http.Request, code int) *httptest.ResponseRecorder {
	t.Helper()
	c := New(Config{API: client.Over(d), Logger: slog.New(slog.DiscardHandler)})
	mux := http.NewServeMux()
	for _, p := range c.Pages() {
		mux.HandleFunc(p.Method+" "+p.Path, p.Handle)
	}
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	if w.Code != code {
		t.Fatalf("%s: %d, want %d: %s", r.URL, w.Code, code, w.Body)
	}
	return w
}

// aDesk is a route on which a key stands at a dead letter.
func aDesk(key, text string) *desk {
	next, low := int64(4), int64(9)
	l := api.Lane{Route: "orders", KeyName: api.NewKeyName(key), State: "quarantined", Since: noon, Due: noon, Next: &next, Highest: &low, Lowest: &low, Parked: 2, Skipped: 1}
	dead := api.DeadLetter{Route: "orders", ID: "d1", KeyName: l.KeyName, Reason: text, Error: text, Revision: &next, At: noon}
	skip := api.Skip{From: 2, To: 3, At: noon, By: text, Reason: text}
	wait := api.Wait{Lane: l, Blocked: true, Why: text, Error: text, Attempts: 3, DeadLetter: &dead, Ways: []api.Way{
		{Does: text, Command: "bridge dlq redrive d1 --route orders --reason '…'"}, {Does: "give it up", Command: "bridge dlq discard d1 --route orders --reason '…'"},
	}}
	at := "/routes/orders/keys/" + segment(key)
	return &desk{answers: map[string]any{
		"/me":                  api.Me{Name: "ann", Role: "admin"},
		"/routes":              api.Page[status.Route]{Items: []status.Route{{Name: "orders", State: status.Running, Counts: status.Counts{Keys: map[string]int64{"quarantined": 1}}}, {Name: "fresh"}}},
		"/routes/orders/keys":  api.Page[api.Lane]{Items: []api.Lane{l}},
		"/routes/fresh/keys":   api.Page[api.Lane]{},
		"/routes/orders/skips": api.Page[api.OpenSkip]{Items: []api.OpenSkip{{Route: "orders", KeyName: l.KeyName, Skip: skip}}},
		"/routes/fresh/skips":  api.Page[api.OpenSkip]{},
		at:                     api.Key{Route: "orders", KeyName: l.KeyName, Epochs: []api.LaneDetail{{Lane: l, Skips: []api.Skip{{From: 1, To: 1, By: "gap"}, skip}}}},
		at + "/explain": api.Explanation{
			Route: "orders", KeyName: l.KeyName, RouteState: status.Waiting, RouteReason: text, Epochs: []api.Wait{wait}, Beside: []api.DeadLetter{dead},
		},
		at + "/line":    api.Line{Runs: []api.Run{{State: "settled", From: 1, To: 3, Says: text}, {State: "dead", From: 4, To: 4, Letter: text, Says: text}}},
		"/audit":        api.Page[api.Audit]{Items: []api.Audit{{Seq: 1, At: noon, Route: "orders", By: text, Action: text, KeyName: l.KeyName, Target: text, Reason: text}}},
		"/audit/verify": api.AuditCheck{Rows: 7, Head: "7:ab", Says: text},
		"/search":       api.Hits{Looked: 12, Items: []api.Hit{{Kind: "key", Route: "orders", KeyName: l.KeyName, Says: text}, {Kind: "dead_letter", ID: text, Route: "orders", KeyName: l.KeyName, Says: text}}},
	}}
}

// typed is what a field of a form has been given: it has to come back as it was.
var typed = regexp.MustCompile(`name="q" value="[^"]*"`)

func TestI11_WhatStrangersWriteIsTextOnTheKeyPages(t *testing.T) {
	for _, evil := range []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `'-alert(1)-'`, `javascript:alert(1)`, `</title><svg onload=alert(1)>`,
		`{{.Data}}`, "\u202etxt.exe", "a\x1b[2Jb\x00", `]]></svg><script>alert(1)</script>`, "\xff<u>",
	} {
		d := aDesk(evil, evil)
		for _, path := range []string{
			"/keys", keyPath("orders", evil), "/skips", "/audit?key64=" + inBase64(evil), "/audit/verify?expect=" + segment(evil), "/search?q=" + segment(evil),
		} {
			page := typed.ReplaceAllString(d.see(t, path, http.StatusOK), "")
			for _, raw := range []string{"<script>alert", "<img src=x", "<svg onload", `href="javascript:`, "\u202e", "\x1b", "\x00", "<u>", "onerror=alert(1)>"} {
				if strings.Contains(page, raw) {
					t.Errorf("%q on %s: %q", evil, path, raw)
				}
			}
		}
	}
}

func TestThePageOfAKeySaysWhatItWaitsForAndLeadsOut(t *testing.T) {
	d := aDesk("a/b", "revision 4 is a dead letter")
	has(
		t, d.see(t, "/routes/orders/keys/a%2Fb", http.StatusOK), "revision 4 is a dead letter", "Quarantined",
		`href="/routes/orders/act?do=redrive&amp;id=d1"`, `href="/routes/orders/act?do=discard&amp;id=d1"`, "bridge dlq redrive d1 --route orders",
		`data-live="why"`, `data-live="line"`, `data-live="line-list"`, "<svg", "The same as a list", `href="/routes/orders/dead-letters/d1"`,
		`do=close&amp;from=2&amp;key=a%2Fb`, ">closed</span>", `do=purge&amp;key=a%2Fb`, `href="/audit?key=a%2Fb&amp;route=orders"`,
	)
	if limit := slices.IndexFunc(d.asked, func(s string) bool { return strings.Contains(s, "limit=") && !strings.Contains(s, "limit=100") }); limit >= 0 {
		t.Error(d.asked[limit])
	}
}

func TestTheWaysOfAGapLeadToItsPlans(t *testing.T) {
	d := aDesk("k", "text")
	next, low := int64(4), int64(9)
	at := "/routes/orders/keys/k"
	gap := func(epoch uint32, state string, ways ...string) api.Wait {
		w := api.Wait{Lane: api.Lane{KeyName: api.NewKeyName("k"), Epoch: epoch, State: state, Next: &next, Lowest: &low}, Blocked: true, Missing: &api.Range{From: 4, To: 8}}
		for _, command := range ways {
			w.Ways = append(w.Ways, api.Way{Does: "x", Command: command})
		}
		return w
	}
	one := gap(0, "gap_blocked", "bridge keys skip k --route orders --to 9 --reason '…'", "bridge keys release k --route orders --reason '…'")
	two := gap(1, "locked", "bridge keys release k --new-epoch --reason '…'")
	d.answers[at+"/explain"] = api.Explanation{Route: "orders", KeyName: one.KeyName, Epochs: []api.Wait{one}, RouteWays: []api.Way{{Does: "go", Command: "bridge routes resume orders --reason '…'"}}, RouteState: status.Paused}
	has(t, d.see(t, "/routes/orders/keys/k", 200), `do=skip&amp;key=k&amp;to=9"`, `do=release&amp;key=k"`, `do=resume"`, `name="to" min="0" step="1" value="9"`)
	d.answers[at+"/explain"] = api.Explanation{Route: "orders", KeyName: one.KeyName, Epochs: []api.Wait{one, two}}
	has(t, d.see(t, "/routes/orders/keys/k", 200), `do=skip&amp;epoch=0&amp;key=k&amp;to=9`, `href="/routes/orders/keys/k?epoch=1"`)
	has(t, d.see(t, "/routes/orders/keys/k?epoch=1", 200), `do=release&amp;epoch=1&amp;key=k&amp;new_epoch=true`)
}

func TestAViewerIsToldWhichRoleIsMissing(t *testing.T) {
	d := aDesk("k", "text")
	for me, want := range map[api.Me]string{
		{Role: "viewer"}: "needs the role operator", {Role: "operator"}: "needs the role admin", {Role: "admin", ReadOnly: true}: "read only",
	} {
		d.answers["/me"] = me
		page := d.see(t, "/routes/orders/keys/k", 200)
		has(t, page, want)
		if strings.Contains(page, "do=purge") || me.Role != "operator" && strings.Contains(page, "do=redrive") {
			t.Errorf("%+v is led to what the API refuses", me)
		}
	}
}

func TestKeysAreGroupedByWhatTheyWaitFor(t *testing.T) {
	d := aDesk("k", "text")
	var lanes []api.Lane
	next, low := int64(4), int64(9)
	for _, state := range []string{"flowing", "waiting", "gap", "locked", "gap_blocked", "quarantined", "adopting"} {
		lanes = append(lanes, api.Lane{Route: "orders", KeyName: api.NewKeyName("of-" + state), State: state, Since: noon, Next: &next, Lowest: &low})
	}
	lanes[6].Next = nil
	d.answers["/routes/orders/keys"] = api.Page[api.Lane]{Items: lanes, Next: "/api/v1/routes/orders/keys?after=%FF%2F&blocked=true"}
	page := d.see(t, "/keys", 200)
	last := 0
	for _, s := range keyStates {
		at := strings.Index(page, `id="group-`+s.Name+`"`)
		if at <= last {
			t.Errorf("%s stands before what is worse", s.Name)
		}
		last = at
	}
	has(t, page, "4 to 8", "not known yet", `href="/keys?after=%FF%2F&amp;route=orders"`, "More of orders")
	if asked := strings.Join(d.asked, " "); !strings.Contains(asked, "/routes/orders/keys?blocked=true&limit=50") || !strings.Contains(asked, "/routes/fresh/keys?blocked=true&limit=50") {
		t.Error("two routes show more than a hundred rows: ", asked)
	}
	d.asked = nil
	page = d.see(t, "/keys?route=orders&state=gap&after=%FF%2F", 200)
	if has(t, page, "of-gap", "Further keys"); strings.Contains(page, "of-locked") || !slices.Contains(d.asked, "/routes/orders/keys?after=%FF%2F&blocked=true&limit=100&state=gap") {
		t.Error(d.asked)
	}
	d.asked = nil
	if d.see(t, "/keys?key=k", 200); !slices.Contains(d.asked, "/routes/orders/keys?key=k&limit=50") {
		t.Error(d.asked)
	}
}

func TestEmptyPagesSayWhatIsNormal(t *testing.T) {
	d := &desk{answers: map[string]any{
		"/routes": api.Page[status.Route]{Items: []status.Route{{Name: "orders"}}}, "/routes/orders/keys": api.Page[api.Lane]{}, "/routes/orders/skips": api.Page[api.OpenSkip]{},
		"/audit": api.Page[api.Audit]{}, "/audit/verify": api.AuditCheck{Good: true}, "/search": api.Hits{Next: "/api/v1/search?after=x&q=a", Looked: 9000},
	}}
	for path, want := range map[string]string{
		"/keys": "Every key flows", "/keys?state=gap": "No key is in this state", "/keys?key=x": "No route knows this key", "/skips": "There are no open skips",
		"/audit": "No operator has changed anything", "/audit?before=4": "There is nothing older", "/audit?key=x": "Nobody has changed anything here",
		"/audit/verify": "It has no entry yet", "/search": "What can be searched for", "/search?q=a": `href="/search?after=x&amp;q=a"`,
	} {
		if page := d.see(t, path, 200); !strings.Contains(page, want) {
			t.Errorf("%s does not say %q", path, want)
		}
	}
	has(t, d.see(t, "/routes/orders/keys/..x", 404), "does not know this key", "That is normal", "..x")
	d.see(t, "/keys?state=odd", 400)
}

func TestARefusedSearchKeepsItsForm(t *testing.T) {
	d := aDesk("k", "text")
	d.answers["/search"] = &api.Error{Code: api.BadRequest, Message: "there is no word colour", Hint: "use key, id, reason"}
	has(t, d.see(t, "/search?q=colour:red&route=orders", 400), "there is no word colour", "use key, id, reason", `value="colour:red"`, "<option selected>orders", "What can be searched for")
}

func TestHitsLeadToTheirPages(t *testing.T) {
	for want, h := range map[string]api.Hit{
		"/routes/orders/keys/a%2Fb":        {Kind: "key", Route: "orders", KeyName: api.NewKeyName("a/b")},
		"/routes/orders/key?key=..":        {Kind: "key", Route: "orders", KeyName: api.NewKeyName("..")},
		"/routes/orders/dead-letters/d%2F": {Kind: "dead_letter", Route: "orders", ID: "d/"},
		"/routes/orders/archive/d1":        {Kind: "archived", Route: "orders", ID: "d1"},
		"/routes/orders/operations/o1":     {Kind: "operation", Route: "orders", ID: "o1"},
	} {
		if got := hitPath(h); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestTheAuditIsReadBackwards(t *testing.T) {
	d := aDesk("k", "text")
	var rows []api.Audit
	for i := range auditRows + 1 {
		rows = append(rows, api.Audit{Seq: uint64(100 + i), At: noon, Route: "orders", Target: fmt.Sprint("t", i)})
	}
	d.answers["/audit"] = api.Page[api.Audit]{Items: rows}
	page := d.see(t, "/audit?route=orders&before=151", 200)
	if strings.Index(page, ">t50<") > strings.Index(page, ">t49<") || strings.Contains(page, ">t0<") {
		t.Error("the newest is not first, or there are too many")
	}
	has(t, page, `href="/audit?before=101&amp;route=orders"`, `href="/audit?route=orders"`, "bridge audit ls --route orders --limit 0 -o jsonl &gt; audit.jsonl")
	if !slices.Contains(d.asked, "/audit?before=151&last=51&route=orders") {
		t.Error(d.asked)
	}
}

func TestI12_PurgeIsDoneForWhoTypesTheKey(t *testing.T) {
	for _, key := range []string{"4711", "a\nb", "\xff\u202e"} {
		d := aDesk(key, "text")
		d.answers["/routes/orders/keys/"+segment(key)+"/purge"] = api.Outcome{Done: true, Says: "2 messages are forgotten"}
		path := "/routes/orders/act?do=purge&key64=" + inBase64(key)
		has(t, d.see(t, path, 200), "2 messages are forgotten", "cannot be undone", `name="confirm"`)
		send := func(typed string, code int) {
			d.posted = nil
			r := httptest.NewRequest(http.MethodPost, path, strings.NewReader("reason=erasure&confirm="+segment(typed)))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			d.ask(t, r, code)
		}
		done := func() bool {
			return slices.ContainsFunc(d.posted, func(p string) bool {
				return strings.Contains(p, `"reason":"erasure"`) && !strings.Contains(p, `"dry_run":true`)
			})
		}
		for _, typed := range []string{"", "another", strings.ToUpper(key) + " "} {
			if send(typed, 400); done() {
				t.Errorf("%q is purged by %q", key, typed)
			}
		}
		if send(keyText(key), 303); !done() {
			t.Errorf("%q as it is shown does not purge it: %q", key, d.posted)
		}
	}
}

// drawn is a line as the page has it.
func drawn(t testing.TB, runs []api.Run) []byte {
	t.Helper()
	d := strip.Draw(runs)
	var out bytes.Buffer
	if err := readPages().all["key"].ExecuteTemplate(&out, "line", map[string]any{"Line": &d, "Route": "orders"}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// aLine has a run of each kind, and a gap of one beside millions.
func aLine() []api.Run {
	return []api.Run{
		{State: "settled", From: 1, To: 2_000_000},
		{State: "skipped", From: 2_000_001, To: 2_000_004, Says: "by ann: lost"},
		{State: "settled", From: 2_000_005, To: 4_000_000},
		{State: "dead", From: 4_000_001, To: 4_000_001, Letter: "d/1", Says: "too_large <b>"},
		{State: "parked", From: 4_000_002, To: 4_000_004},
		{State: "gap", From: 4_000_005, To: 4_000_005},
		{State: "parked", From: 4_000_006, To: 4_000_900},
		{State: "held", From: 4_000_901, To: 4_000_908},
		{State: "next", From: 4_000_909, To: 4_000_909},
	}
}

func TestTheLineIsDrawnAsItWas(t *testing.T) {
	const path = "testdata/line.svg"
	got := drawn(t, aLine())
	if *rewriteLine {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s differs (%v): go test ./bridge/admin/console -run Line -rewrite-line\n%s", path, err, got)
	}
}

func TestI7_TheLineOfAnyLaneIsASmallDrawing(t *testing.T) {
	var thousand, evil []api.Run
	for i := range int64(1000) {
		thousand = append(thousand, api.Run{State: []string{"settled", "skipped", "dead", "gap", "parked", "held"}[i%6], From: 3 * i, To: 3*i + 2, Letter: "d"})
	}
	for _, text := range []string{"<script>", "]]>", "\x00\x1b\ufffe", "\"'&", "\xff"} {
		evil = append(evil, api.Run{State: "dead", From: 1, To: 1, Says: text, Letter: text}, api.Run{State: text, From: 2, To: 2})
	}
	for name, runs := range map[string][]api.Run{
		"nothing": nil, "a thousand": thousand, "strange": evil, "all kinds": aLine(),
		"all there is": {{State: "settled", From: 0, To: math.MaxInt64}}, "the end": {{State: "next", From: math.MaxInt64, To: math.MaxInt64}},
	} {
		svg := drawn(t, runs)
		if len(svg) > 32<<10 {
			t.Errorf("%s: %d bytes", name, len(svg))
		}
		dec := xml.NewDecoder(bytes.NewReader(svg))
		for {
			token, err := dec.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, svg)
			}
			if e, ok := token.(xml.StartElement); ok && e.Name.Local == "script" {
				t.Errorf("%s: a script", name)
			}
		}
	}
}
