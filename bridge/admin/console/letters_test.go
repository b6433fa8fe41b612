package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
	"github.com/brokerbridge/bridge/bridge/status"
)

// hostile are texts that would do something in a page that lets them.
var hostile = []string{
	"\u202egnp.exe", "\x1b[2J\x00\x07", `<script>xss()</script>`, `"><img src=x onerror=xss()>`, `' onmouseover='xss()`, `" autofocus onfocus="xss()`, `</textarea><script>xss()</script>`,
	`javascript:xss()`, `{{.Told}}`, `</title><svg onload=xss()>`, "<!--", "\xff\xfe<b>", "a\r\nSet-Cookie: xss=1",
}

// all of them in one text.
func nasty(name string) string { return name + strings.Join(hostile, " ") }

// book is an API with dead letters, and what it was asked for.
type book struct {
	me      api.Me
	groups  []api.Group
	letter  api.DeadLetterDetail
	more    bool // the list has more pages
	ops     []api.Operation
	plan    api.Plan
	audits  []api.Audit
	refuses *api.Error // all changes
	gone    bool       // there is no dead letter
	slow    chan struct{}
	sent    func() // what a change brings about; nil: the dead letter comes back

	mu    sync.Mutex
	asked []string // "GET /path?query" or "POST /path {…}"
}

func (b *book) RoundTrip(r *http.Request) (*http.Response, error) {
	body := []byte{}
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	b.mu.Lock()
	b.asked = append(b.asked, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+string(body)))
	b.mu.Unlock()
	answer := b.answer(r, body)
	code := http.StatusOK
	if e, ok := answer.(*api.Error); ok {
		answer, code = api.Failure{Error: e}, http.StatusConflict
	}
	text, _ := json.Marshal(answer)
	return &http.Response{StatusCode: code, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(text)), Request: r}, nil
}

// answer is what the API says.
func (b *book) answer(r *http.Request, body []byte) any {
	parts := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), "/api/v1/"), "/")
	what := parts[0]
	if len(parts) > 2 {
		what = parts[2]
	}
	if r.Method == http.MethodPost {
		return b.changed(what, body)
	}
	switch {
	case what == "me":
		return b.me
	case what == "routes" && len(parts) == 1:
		return api.Page[status.Route]{Items: []status.Route{{Name: "orders", State: status.Running}}}
	case what == "groups":
		return api.Page[api.Group]{Items: b.groups}
	case what == "audit":
		return api.Page[api.Audit]{Items: b.audits}
	case what == "keys":
		return api.Explanation{Epochs: []api.Wait{{Why: nasty("it waits"), DeadLetter: &b.letter.DeadLetter, Behind: &api.Behind{Count: 7, Ranges: []api.Range{{From: 5, To: 9}}}}}}
	case what == "operations" && len(parts) == 3:
		return api.Page[api.Operation]{Items: b.ops}
	case what == "operations":
		return b.ops[0]
	case what == "archive" && len(parts) == 3:
		return api.Page[api.Archived]{Items: []api.Archived{b.archived().Archived}}
	case what == "archive" && b.gone:
		return &api.Error{Code: api.UnknownArchived, Message: "it is not there"}
	case what == "archive":
		return b.archived()
	case b.gone:
		return &api.Error{Code: api.UnknownDeadLetter, Message: "this route has no such dead letter", Hint: "it may have been settled since"}
	case len(parts) == 4:
		l := b.letter
		if b.sent == nil && len(b.changes()) > 0 { // it comes back at once
			l.At = l.At.Add(time.Second)
		}
		return l
	}
	page := api.Page[api.DeadLetter]{Items: []api.DeadLetter{b.letter.DeadLetter}}
	if b.more {
		page.Next = "/api/v1/routes/orders/dead-letters?" + url.Values{"after": {"the \xff place"}, "limit": {"100"}}.Encode()
	}
	return page
}

func (b *book) archived() api.ArchivedDetail {
	return api.ArchivedDetail{Archived: api.Archived{DeadLetter: b.letter.DeadLetter, ArchivedAt: noon, By: nasty("by"), Why: nasty("why"), Original: nasty("was")}, Headers: b.letter.Headers, Body: b.letter.Body}
}

// changed is what comes of a change.
func (b *book) changed(what string, body []byte) any {
	var q struct {
		DryRun bool `json:"dry_run"`
	}
	_ = json.Unmarshal(body, &q)
	if b.slow != nil && !q.DryRun {
		<-b.slow
	}
	if b.sent != nil && !q.DryRun {
		defer b.sent()
	}
	switch {
	case b.gone:
		return &api.Error{Code: api.UnknownDeadLetter, Message: "this route has no such dead letter"}
	case b.refuses != nil && !q.DryRun:
		return b.refuses
	case what == "operations" && q.DryRun:
		return api.Begun{Plan: &b.plan}
	case what == "operations":
		return api.Begun{Operation: &api.Operation{ID: "op 1/2", Route: "orders", State: "running"}}
	}
	return api.Outcome{Done: !q.DryRun, Says: nasty("does it"), Route: "orders"}
}

// changes are what was done, and not only planned.
func (b *book) changes() (all []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range b.asked {
		if strings.HasPrefix(a, "POST ") && !strings.Contains(a, `"dry_run":true`) {
			all = append(all, a)
		}
	}
	return all
}

func (b *book) console() http.Handler {
	made := New(Config{API: client.Over(b), Version: "v0", Login: true, Logger: slog.New(slog.DiscardHandler)})
	mux := http.NewServeMux()
	for _, p := range made.Pages() {
		mux.HandleFunc(p.Method+" "+p.Path, p.Handle)
	}
	return mux
}

// get is a page.
func get(t testing.TB, c http.Handler, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	c.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

// post is what comes of a form: a page, or where it leads.
func post(t testing.TB, c http.Handler, path string, form url.Values) (code int, body, to string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	return w.Code, w.Body.String(), w.Header().Get("Location")
}

func revised(n int64) *int64 { return &n }

// shelf is a book with one dead letter of everything that is hostile.
func shelf() *book {
	d := api.DeadLetter{
		Route: "orders", ID: nasty("id"), KeyName: api.NewKeyName(nasty("key")), Revision: revised(4), InOrder: true,
		Reason: nasty("reason"), Class: nasty("class"), Error: nasty("error"), Attempts: 3, FirstFailed: noon, LastFailed: noon, At: noon,
		Group: nasty("group"), Target: nasty("topic"), MessageName: api.NewMessageName(nasty("message")), Size: 100,
	}
	for _, text := range []*string{&d.ID, &d.Reason, &d.Class, &d.Error, &d.Group, &d.Target} {
		*text = strings.ToValidUTF8(*text, "?") // as JSON has them
	}
	body, _ := json.Marshal(map[string]any{strings.ToValidUTF8(nasty("name"), "?"): []string{strings.ToValidUTF8(nasty("value"), "?")}})
	op := api.Operation{
		ID: d.ID, Route: "orders", Action: "redrive", State: "stopped", Why: d.Error, By: d.Class, Reason: d.Reason, Refusal: d.Error, Began: noon, Changed: noon,
		Selection: api.Selection{Group: d.Group, KeyBase64: []byte(nasty("key"))}, Total: 100, Done: 10, Failed: 2, Refused: 1, Gone: 1, Left: 86, New: 14, Canary: 10, Speed: 3.2, LeftSeconds: 30,
	}
	return &book{
		me:     api.Me{Name: "ann", Role: "admin", Payloads: "full"},
		groups: []api.Group{{Route: "orders", Fingerprint: d.Group, Reason: d.Reason, Class: d.Class, Target: d.Target, Error: d.Error, Dead: 150, First: noon, Last: noon, BlockedKeys: 3, ParkedBehind: 9}},
		letter: api.DeadLetterDetail{
			DeadLetter: d, Body: api.NewBytes(body, len(body)), Trace: "4bf92f3577b34da6a3ce929d0e0e4736", TraceLink: "https://traces.example/4bf92f",
			Headers: []api.Header{
				api.NewHeader(nasty("name"), nasty("value"), 999), api.NewHeader("plain", strings.ToValidUTF8(nasty("text"), "?"), 999),
				api.NewHeader("bridge-amqp", `{"exchange":"<script>xss()</script>","values":{"<script>xss()</script>":{"A":["<script>xss()</script>"]}}}`, 999),
			},
			Tries: []api.Try{{At: noon, Took: 1.5, Class: d.Class, Error: d.Error, Trace: d.Error}},
		},
		ops:    []api.Operation{op},
		plan:   api.Plan{Messages: 150, Keys: 3, Looked: 150, InOrder: 149, Refused: 1, Refusal: d.Error, ParkedBehind: 9, OutOfOrder: 1, TakesSeconds: 15, Says: d.Error},
		audits: []api.Audit{{Seq: 1, At: noon, Route: "orders", By: d.Class, Action: "redrive", Target: d.ID, Reason: d.Reason}},
	}
}

// paths are all pages about dead letters and operations.
func (b *book) paths() []string {
	id := segment(b.letter.ID)
	about := url.Values{"id": {b.letter.ID, "d2"}, "do": {"redrive"}}.Encode()
	return []string{
		"/dead-letters", "/dead-letters?route=orders&reason=" + url.QueryEscape(b.letter.Reason) + "&sort=last", "/dead-letters?reason=none",
		"/routes/orders/dead-letters", "/routes/orders/dead-letters?" + url.Values{"key": {nasty("key")}, "group": {b.letter.Group}, "reason": {nasty("r")}}.Encode(),
		"/routes/orders/dead-letters/" + id, "/routes/orders/dead-letters/" + id + "?as=text", "/routes/orders/dead-letters/" + id + "?as=hex",
		"/routes/orders/dead-letters/" + id + "/edit", "/routes/orders/archive", "/routes/orders/archive/" + id, "/operations", "/operations?route=orders",
		"/routes/orders/operations/" + id, "/routes/orders/act?" + about, "/routes/orders/act?do=discard&all=true", "/routes/orders/act?do=archive&group=" + url.QueryEscape(b.letter.Group),
		"/routes/orders/act?do=discard&id=" + url.QueryEscape(b.letter.ID), "/routes/orders/act?do=cancel-operation&id=" + url.QueryEscape(b.letter.ID),
		"/routes/orders/act?do=redrive&key=" + url.QueryEscape(nasty("key")), "/routes/orders/act?do=nothing", "/routes/orders/act?do=redrive",
	}
}

// unseen is what forms send, and no text of a page.
var unseen = regexp.MustCompile(`(?s)(value|name|href|action|data-row)="[^"]*"|<textarea.*?</textarea>`)

// Whatever is in a message is text on every page, and what a screen would hide is
// spelt out.
func TestI11_NothingOfAMessageIsMoreThanText(t *testing.T) {
	for _, gone := range []bool{false, true} {
		b := shelf()
		b.gone = gone
		c := b.console()
		for _, path := range b.paths() {
			code, page := get(t, c, path)
			if code >= 500 {
				t.Errorf("%s: %d", path, code)
			}
			for _, bad := range []string{"<script>xss", "<img src=x", "<svg onload", "<b>", "' onmouseover='xss", `" autofocus onfocus="xss`, `href="javascript:`, "<!--", "\u202e", "\x1b", "\x00"} {
				if bad == "\u202e" {
					page = unseen.ReplaceAllString(page, "") // what a form has to send as it is
				}
				if at := strings.Index(page, bad); at >= 0 {
					t.Errorf("%s has %q: %s", path, bad, page[max(0, at-200):min(len(page), at+60)])
				}
			}
		}
		if done := b.changes(); len(done) > 0 {
			t.Errorf("looking at pages has changed %q", done)
		}
	}
}

// A page asks the API for one page of a list, of at most 100 rows, and for few
// things.
func TestI7_APageAsksForAPage(t *testing.T) {
	b := shelf()
	b.more = true
	c := b.console()
	for _, path := range b.paths() {
		b.asked = nil
		get(t, c, path)
		if len(b.asked) > 9 {
			t.Errorf("%s asks %d times: %q", path, len(b.asked), b.asked)
		}
		for _, a := range b.asked {
			if strings.Contains(a, "/dead-letters?") || strings.Contains(a, "/archive?") {
				if !strings.Contains(a, "limit=100") && !strings.Contains(a, "limit=1") {
					t.Errorf("%s asks for %s", path, a)
				}
			}
		}
	}
}

var (
	href  = regexp.MustCompile(`href="([^"]*)"`)
	input = regexp.MustCompile(`<input[^>]* name="([^"]*)" value="([^"]*)"`)
)

// links are where a page leads.
func links(page string) (all []string) {
	for _, m := range href.FindAllStringSubmatch(page, -1) {
		all = append(all, html.UnescapeString(m[1]))
	}
	return all
}

// inputs are what a form of a page sends.
func inputs(page string) url.Values {
	v := url.Values{}
	for _, m := range input.FindAllStringSubmatch(page, -1) {
		v.Add(html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	return v
}

// Keys and ids of any bytes come to the API as they are: by links, by forms that a
// browser sends, and by the forms of the pages behind those.
func TestI9_KeysAndIdsOfAnyBytesSurvive(t *testing.T) {
	for _, key := range []string{"a\xffb", "\x00", "a\r\nb", "..", ".", "a/b?c#d&e=f+g %2F", " x ", "\u202e", `"'<>`, "é日本", "-k"} {
		b := shelf()
		b.more, b.letter.KeyName, b.letter.ID = true, api.NewKeyName(key), strings.ToValidUTF8("i"+key, "?")
		c := b.console()
		_, page := get(t, c, "/routes/orders/dead-letters?"+url.Values{"key": {key}}.Encode())
		if !slices.Contains(b.asked, "GET /api/v1/routes/orders/dead-letters?"+url.Values{"key": {key}, "gaps": {"true"}, "limit": {"100"}}.Encode()) {
			t.Fatalf("%q was not asked for: %q", key, b.asked)
		}
		all := links(page)
		for _, want := range []string{letterPath("orders", b.letter.ID), keyPath("orders", key)} {
			if !slices.Contains(all, want) {
				t.Errorf("%q: no link to %s in %q", key, want, all)
			}
		}
		next := all[slices.IndexFunc(all, func(l string) bool { return strings.Contains(l, "after=") })]
		if u, err := url.Parse(next); err != nil || u.Query().Get("key") != key || u.Query().Get("after") != "the \xff place" {
			t.Errorf("%q: the next page is %s", key, next)
		}
		form := inputs(page)
		form.Del("reason")
		form.Set("do", "redrive")
		_, plan := get(t, c, "/routes/orders/act?"+url.Values{"do": {"redrive"}, "key64": form["key64"], "key": form["key"]}.Encode())
		again := inputs(plan)
		again.Set("canary", "5")
		get(t, c, "/routes/orders/act?"+again.Encode())
		post(t, c, "/routes/orders/act?"+url.Values{"do": {"redrive"}, "key": {key}}.Encode(), url.Values{"reason": {"r"}})
		_, by := get(t, c, "/routes/orders/act?"+url.Values{"do": {"archive"}, "id": form["id"], "id64": form["id64"]}.Encode())
		if !strings.Contains(by, "Archive a dead letter") {
			t.Errorf("%q: %s", key, by)
		}
		keys, ids := 0, 0
		for _, a := range b.asked {
			at := strings.Index(a, "{")
			var r api.Request
			if at >= 0 && strings.Contains(a, "/operations ") && json.Unmarshal([]byte(a[at:]), &r) == nil {
				if f, _ := selected(r.Selection); f.Key == key {
					keys++
				}
			}
			if strings.HasPrefix(a, "POST "+"/api/v1/routes/orders/dead-letters/"+segment(b.letter.ID)+"/archive ") {
				ids++
			}
		}
		if keys != 3 || ids != 1 {
			t.Errorf("%q came %d times, its id %d times: %q", key, keys, ids, b.asked)
		}
	}
}

// What the API refuses is said with its hint, and the form is as it was sent.
func TestI12_WhatIsRefusedIsSaidAndTheFormIsKept(t *testing.T) {
	for code, want := range map[string]int{api.KeyBusy: 409, api.Passed: 409, api.NotRunning: 409, api.Forbidden: 403, api.ReadOnly: 403, api.BadRequest: 400} {
		b := shelf()
		b.refuses = &api.Error{Code: code, Message: "it is busy <b>", Hint: "try again in a moment"}
		c := b.console()
		got, page, _ := post(t, c, "/routes/orders/act?do=redrive&group=g1", url.Values{"reason": {`the "schema" is fixed`}, "canary": {"7"}, "rate": {"2.5"}, "out_of_order": {"true"}})
		if got != want {
			t.Errorf("%s: %d", code, got)
		}
		for _, part := range []string{
			"it is busy &lt;b&gt; (try again in a moment)", `value="the &#34;schema&#34; is fixed"`, `name="canary" value="7"`, `name="rate" value="2.5"`, "checked",
			"--canary 7", "--out-of-order", `role="alert"`,
		} {
			if !strings.Contains(page, part) {
				t.Errorf("%s: %s is not in\n%s", code, part, page)
			}
		}
	}
}

// A form that is sent twice changes something once, also while the first is under
// way.
func TestI12_ADoubleClickIsOneChange(t *testing.T) {
	b := shelf()
	b.slow = make(chan struct{})
	c := b.console()
	_, page := get(t, c, "/routes/orders/act?do=redrive&group=g1")
	once := inputs(page).Get("once")
	if once == "" {
		t.Fatal(page)
	}
	form := url.Values{"reason": {"r"}, "once": {once}}
	led := make(chan string)
	for range 3 {
		go func() {
			_, _, to := post(t, c, "/routes/orders/act?do=redrive&group=g1", form)
			led <- to
		}()
	}
	close(b.slow)
	for range 3 {
		if to := <-led; !strings.HasPrefix(to, "/routes/orders/operations/op%201%2F2?told=") {
			t.Errorf("it led to %q", to)
		}
	}
	if done := b.changes(); len(done) != 1 {
		t.Errorf("%d changes: %q", len(done), done)
	}
	if post(t, c, "/routes/orders/act?do=redrive&group=g2", form); len(b.changes()) != 2 {
		t.Errorf("another change is not made: %q", b.changes())
	}
}

// What was refused may be sent again.
func TestARefusedFormIsNotRemembered(t *testing.T) {
	b := shelf()
	b.refuses = &api.Error{Code: api.KeyBusy, Message: "it is busy"}
	c, form := b.console(), url.Values{"reason": {"r"}, "once": {"x"}}
	post(t, c, "/routes/orders/act?do=redrive&group=g1", form)
	b.refuses = nil
	if code, _, _ := post(t, c, "/routes/orders/act?do=redrive&group=g1", form); code != http.StatusSeeOther {
		t.Errorf("%d", code)
	}
}

// Discarding many takes their number, typed; if more came meanwhile, the new one.
func TestI12_DiscardingManyIsConfirmed(t *testing.T) {
	b := shelf()
	c := b.console()
	const path = "/routes/orders/act?do=discard&group=g1"
	if _, page := get(t, c, path); !strings.Contains(page, "Type 150 to confirm it") {
		t.Error(page)
	}
	for _, typed := range []string{"", "15", "yes", "151", "-150", "1e3"} {
		if code, page, _ := post(t, c, path, url.Values{"reason": {"r"}, "confirm": {typed}, "shown": {"150"}}); code != 400 || !strings.Contains(page, "nothing was changed") {
			t.Errorf("%q: %d", typed, code)
		}
	}
	b.plan.Messages = 200
	if code, page, _ := post(t, c, path, url.Values{"reason": {"r"}, "confirm": {"150"}, "shown": {"150"}}); code != 400 || !strings.Contains(page, "there are more of them now") {
		t.Errorf("%d %s", code, page)
	}
	if done := b.changes(); len(done) > 0 {
		t.Fatal(done)
	}
	b.plan.Messages = 140
	if code, page, _ := post(t, c, path, url.Values{"reason": {"r"}, "confirm": {"150"}, "shown": {"150"}}); code != http.StatusSeeOther {
		t.Errorf("%d %s", code, page)
	}
	b.plan.Messages = confirmAbove
	if _, page := get(t, c, path); strings.Contains(page, "to confirm it") {
		t.Error("few need no confirmation")
	}
}

// Who may not do something sees it, and why they may not.
func TestWhatOneMayNotDoIsShownWithTheReason(t *testing.T) {
	for _, c := range []struct {
		me        api.Me
		redrive   string
		edit      string
		payloads  string
		tellsMore string
	}{
		{api.Me{Role: "viewer"}, "needs the role operator, yours is viewer", "needs the role admin, yours is viewer", "", ""},
		{api.Me{Role: "operator"}, "", "needs the role admin, yours is operator", "", ""},
		{api.Me{Role: "admin", ReadOnly: true}, "this bridge is read only", "this bridge is read only", "", ""},
		{api.Me{Role: "admin"}, "", "payloads are masked for you", "masked", "You see this message masked"},
		{api.Me{Role: "admin"}, "", "payloads are hidden for you", "hidden", "Payloads are hidden from you"},
		{api.Me{Role: "admin"}, "", "", "", ""},
	} {
		b := shelf()
		b.me, b.letter.Payloads = c.me, c.payloads
		_, page := get(t, b.console(), "/routes/orders/dead-letters/"+segment(b.letter.ID))
		if strings.Contains(page, "Redrive…</a>") != (c.redrive == "") || !strings.Contains(page, c.redrive) {
			t.Errorf("%+v: redrive", c)
		}
		if strings.Contains(page, "Edit…</a>") != (c.edit == "") || !strings.Contains(page, c.edit) || !strings.Contains(page, c.tellsMore) {
			t.Errorf("%+v: edit\n%s", c, page)
		}
		_, plan := get(t, b.console(), "/routes/orders/act?do=redrive&group=g1")
		if strings.Contains(plan, `<button class="primary" disabled>`) != (c.redrive != "") || !strings.Contains(plan, c.redrive) {
			t.Errorf("%+v: %s", c, plan)
		}
	}
}

// A dead letter that was settled meanwhile is no mistake: the page says what became
// of it, wherever one comes from.
func TestASettledDeadLetterIsToldFriendly(t *testing.T) {
	b := shelf()
	b.gone, b.letter.ID, b.audits[0].Target, b.audits[0].Reason, b.audits[0].By = true, "d1", "d1", "the schema is fixed", "ann"
	c := b.console()
	for _, path := range []string{"/routes/orders/dead-letters/d1", "/routes/orders/dead-letters/d1/edit", "/routes/orders/act?do=redrive&id=d1", "/routes/orders/act?do=discard&id=d1"} {
		code, page := get(t, c, path)
		if code != http.StatusNotFound || !strings.Contains(page, "This dead letter is settled") || !strings.Contains(page, "redrive by ann, “the schema is fixed”") {
			t.Errorf("%s: %d %s", path, code, page)
		}
	}
	for _, path := range []string{"/routes/orders/act?do=redrive&id=d1", "/routes/orders/act?do=discard&id=d1", "/routes/orders/dead-letters/d1/edit"} {
		if code, page, _ := post(t, c, path, url.Values{"reason": {"r"}, "step": {"edit"}}); code != http.StatusNotFound || !strings.Contains(page, "This dead letter is settled") {
			t.Errorf("%s: %d %s", path, code, page)
		}
	}
}

// However large a message is, its page is not.
func TestI7_ThePageOfALargeMessageIsBounded(t *testing.T) {
	b := shelf()
	b.letter.Headers = nil
	for i := range 200 {
		b.letter.Headers = append(b.letter.Headers, api.NewHeader(fmt.Sprint("h", i), strings.Repeat("\xff", 4<<10), 4<<10))
	}
	b.letter.HeadersOmitted = 1800
	for name, text := range map[string][]byte{
		"json": []byte(`{"a":[` + strings.Repeat(`{"b":"<>"},`, 300_000) + `1]}`), "text": bytes.Repeat([]byte("<\u202e"), 500_000), "bytes": bytes.Repeat([]byte{0xff}, 5<<20),
	} {
		b.letter.Body = api.NewBytes(text, 256<<10)
		for _, as := range []string{"tree", "text", "hex"} {
			code, page := get(t, b.console(), "/routes/orders/dead-letters/"+segment(b.letter.ID)+"?as="+as)
			if code != 200 || len(page) > 1200<<10 || !strings.Contains(page, "1\u202f800 headers more are not shown") || !strings.Contains(page, "These are the first") {
				t.Errorf("%s as %s: %d, %d bytes", name, as, code, len(page))
			}
		}
	}
}

// An operation says how far it is, and what can be done next.
func TestAnOperationSaysWhatIsNext(t *testing.T) {
	for _, c := range []struct {
		op   api.Operation
		want string
		not  string
	}{
		{api.Operation{State: "running", Total: 100, Left: 100, Canary: 10}, "The canary is out: 0 of the first 10 are back", "Resume…"},
		{api.Operation{State: "running", Total: 100, Done: 20, Left: 80, Canary: 10}, "The canary went through: the rest follows by itself", ""},
		{api.Operation{State: "stopped", Total: 100, Failed: 1, Done: 9, Left: 90, Canary: 10, Why: "1 of the first 10 failed again"}, "The canary failed: the others were not touched", "Pause…"},
		{api.Operation{State: "cancelled", Total: 100, Done: 10, Left: 90, Canary: 10}, "The canary went through: redrive the rest…", "Cancel…"},
		{api.Operation{State: "done", Total: 100, Done: 99, Failed: 1, New: 14}, "14 more dead letters like these came since it began: Redrive again…", "Resume…"},
		{api.Operation{State: "done", Total: 100, Done: 100}, "100 % of 100 messages", "again…"},
		{api.Operation{State: "done", Total: 0}, "There was nothing to do", "again…"},
		{api.Operation{State: "paused", Total: 3, Left: 3}, "Resume…", "Pause…"},
		{api.Operation{State: "cancelled", Total: 2, Left: 2, Selection: api.Selection{IDs: []string{"a", "b"}}}, html.EscapeString("/routes/orders/act?do=redrive&id=a&id=b"), ""},
		{api.Operation{State: "cancelled", Total: 2, Left: 2, Selection: api.Selection{Until: noon}}, "do=redrive&amp;until=2026-03-04T12%3A00%3A00Z", "all=true"},
	} {
		b := shelf()
		c.op.ID, c.op.Route, c.op.Action = "o1", "orders", "redrive"
		if c.op.Selection.IDs == nil && c.op.Selection.Until.IsZero() {
			c.op.Selection.Group = "g1"
		}
		b.ops = []api.Operation{c.op}
		_, page := get(t, b.console(), "/routes/orders/operations/o1")
		if !strings.Contains(page, c.want) || c.not != "" && strings.Contains(page, c.not) {
			t.Errorf("%+v: no %q, or %q, in\n%s", c.op, c.want, c.not, page)
		}
		for _, l := range links(page) {
			if u, err := url.Parse(l); err == nil && u.Query().Get("do") == "redrive" && u.Query().Get("group") != c.op.Selection.Group {
				t.Errorf("%s selects something else", l)
			}
		}
	}
}

// What is not selected is not meant, and what contradicts itself is asked about.
func TestNothingIsSelectedByMistake(t *testing.T) {
	b := shelf()
	c := b.console()
	for query, want := range map[string]string{
		"do=discard": "no message is selected", "do=redrive&id=a&id=b&group=g": "either messages by their ids", "do=redrive&all=true&key=k": "either messages by their ids",
		"do=redrive&since=yesterday": "since is no time", "do=redrive&since=2026-02-01&until=2026-01-01": "since must be before until", "do=nothing": "there is no such change",
	} {
		for _, method := range []func() (int, string){
			func() (int, string) { return get(t, c, "/routes/orders/act?"+query) },
			func() (int, string) {
				code, page, _ := post(t, c, "/routes/orders/act?"+query, url.Values{"reason": {"r"}})
				return code, page
			},
		} {
			if code, page := method(); code != 400 || !strings.Contains(page, want) {
				t.Errorf("%s: %d %s", query, code, page)
			}
		}
	}
	for _, form := range []url.Values{{"canary": {"x"}}, {"canary": {"1.5"}}, {"rate": {"-1"}}, {"stop_at": {"101"}}, {"rate": {"NaN"}}} {
		form.Set("reason", "r")
		if code, page, _ := post(t, c, "/routes/orders/act?do=redrive&group=g", form); code != 400 || !strings.Contains(page, "canary") {
			t.Errorf("%v: %d", form, code)
		}
	}
	if done := b.changes(); len(done) > 0 {
		t.Error(done)
	}
}

// The next page of a list begins where the API says.
func TestFiltersStayInTheAddress(t *testing.T) {
	b := shelf()
	b.more = true
	_, page := get(t, b.console(), "/routes/orders/dead-letters?reason=too_large&since=2026-01-31+12:00&until=2026-02-01&after=x")
	want := url.Values{"reason": {"too_large"}, "since": {"2026-01-31T12:00:00Z"}, "until": {"2026-02-01T00:00:00Z"}}
	for _, more := range []url.Values{{"after": {"the \xff place"}}, {}} {
		for name, values := range want {
			more[name] = values
		}
		if to := "/routes/orders/dead-letters?" + more.Encode(); !slices.Contains(links(page), to) {
			t.Errorf("no link to %s in %q", to, links(page))
		}
	}
	if _, page := get(t, b.console(), "/routes/orders/dead-letters"); !slices.Contains(links(page), "/routes/orders/act?all=true&do=discard") {
		t.Errorf("no link to all of them in %q", links(page))
	}
	want = url.Values{"do": {"redrive"}, "of-reason": {"too_large"}, "since": want["since"], "until": want["until"]}
	if to := "/routes/orders/act?" + want.Encode(); !slices.Contains(links(page), to) {
		t.Errorf("no link to %s in %q", to, links(page))
	}
}

// What a form calls itself is anybody's invention: it costs no memory, and what was
// just done is not forgotten for it.
func TestI7_OnceIsBounded(t *testing.T) {
	now := noon
	o := newOnce(func() time.Time { return now })
	done := map[string]int{}
	for i := range 2 * maxOnce {
		now = now.Add(time.Millisecond)
		name := strings.Repeat("x", 1<<10) + fmt.Sprint(i)
		for range 2 {
			_, _, _ = o.do(name, func() (says, next string, err error) { done[name]++; return "", "", nil })
		}
		if _, ok := o.past(name); !ok || done[name] != 1 {
			t.Fatalf("deed %d was done %d times", i, done[name])
		}
	}
	for i := 3 * maxOnce / 2; i < 2*maxOnce; i++ {
		if _, ok := o.past(strings.Repeat("x", 1<<10) + fmt.Sprint(i)); !ok {
			t.Fatalf("deed %d of %d is forgotten", i, 2*maxOnce)
		}
	}
	for name := range o.all {
		if len(name) > 64 {
			t.Fatalf("%d bytes of a name are kept", len(name))
		}
	}
}

// Who asks again for what ended in a panic is not told that it was done.
func TestWhatPanickedIsNotDone(t *testing.T) {
	o := newOnce(time.Now)
	func() {
		defer func() { _ = recover() }()
		_, _, _ = o.do("a", func() (says, next string, err error) { panic("mistake") })
	}()
	if _, ok := o.past("a"); ok {
		t.Error("it is done")
	}
	if says, _, err := o.do("a", func() (says, next string, err error) { return "now", "", nil }); says != "now" || err != nil {
		t.Error(says, err)
	}
}

func TestOnceForgets(t *testing.T) {
	now := noon
	o := newOnce(func() time.Time { return now })
	n := 0
	do := func() (says, next string, err error) { n++; return "says", fmt.Sprint(n), nil }
	for range 2 {
		if _, next, _ := o.do("a", do); next != "1" {
			t.Error(next)
		}
	}
	now = now.Add(onceFor + time.Second)
	_, _, _ = o.do("b", do)
	if _, next, _ := o.do("a", do); next != "3" {
		t.Error(next)
	}
	for i := range 3 * maxOnce {
		_, _, _ = o.do(fmt.Sprint(i), do)
	}
	if len(o.all) > maxOnce {
		t.Error(len(o.all))
	}
}
