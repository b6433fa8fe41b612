package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
)

// asked is an operator that notes what it was asked for, and answers what it is
// told to.
type asked struct {
	calls []string
	last  api.Change
	err   error
}

func (a *asked) note(c api.Change, what ...any) (api.Outcome, error) {
	a.calls, a.last = append(a.calls, fmt.Sprint(what...)), c
	return api.Outcome{Done: !c.DryRun, Action: "done", Says: "done"}, a.err
}

func (a *asked) Redrive(_ context.Context, route, id string, c api.Change) (api.Outcome, error) {
	return a.note(c, "redrive ", route, " ", id)
}

func (a *asked) Discard(_ context.Context, route, id string, c api.Change) (api.Outcome, error) {
	return a.note(c, "discard ", route, " ", id)
}

func (a *asked) Skip(_ context.Context, route, key string, c api.Change) (api.Outcome, error) {
	return a.note(c, fmt.Sprintf("skip %s %q epoch %d to %d", route, key, *c.Epoch, *c.To))
}

func (a *asked) Release(_ context.Context, route, key string, c api.Change) (api.Outcome, error) {
	return a.note(c, fmt.Sprintf("release %s %q epoch %d", route, key, *c.Epoch))
}

func (a *asked) Pause(_ context.Context, route string, c api.Change) (api.Outcome, error) {
	return a.note(c, "pause ", route)
}

func (a *asked) Resume(_ context.Context, route string, c api.Change) (api.Outcome, error) {
	return a.note(c, "resume ", route)
}

// operated is a server on blocked keys, with an operator.
func operated(t *testing.T) (*Server, *asked) {
	t.Helper()
	op := &asked{}
	s, err := New(Config{
		Listen: "127.0.0.1:0", Routes: routes(status.Running), Store: stuck(t), Operator: op, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, op
}

func post(s *Server, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "http://127.0.0.1:8321/api/v1/routes"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
	}
	w := httptest.NewRecorder()
	s.handler().ServeHTTP(w, r)
	return w
}

const why = `{"reason":"because"}`

func TestChangesReachTheOperator(t *testing.T) {
	for _, c := range []struct{ path, body, want string }{
		{"/orders/dead-letters/d1/redrive", why, "redrive orders d1"},
		{"/orders/dead-letters/d1/redrive", `{"dry_run":true}`, "redrive orders d1"},
		{"/orders/dead-letters/d1/discard", why, "discard orders d1"},
		{"/orders/dead-letters/..%2Fd1/discard", why, "discard orders ../d1"},
		{"/orders/pause", why, "pause orders"},
		{"/orders/resume", why, "resume orders"},
		{"/orders/keys/gap/skip", `{"reason":"r","to":6}`, `skip orders "gap" epoch 0 to 6`},
		{"/orders/keys/two/skip", `{"reason":"r","to":6,"epoch":1}`, `skip orders "two" epoch 1 to 6`},
		{"/orders/keys/nobody/skip", `{"reason":"r","to":6}`, `skip orders "nobody" epoch 0 to 6`},
		{"/orders/keys/%FF%00%2F/skip", `{"reason":"r","to":6}`, `skip orders "\xff\x00/" epoch 0 to 6`},
		{"/orders/keys/gap/release", why, `release orders "gap" epoch 0`},
		{"/orders/keys/locked/release", `{"reason":"r","new_epoch":true}`, `release orders "locked" epoch 1`},
		{"/fresh/keys/a/release", why, `release fresh "a" epoch 0`},
	} {
		s, op := operated(t)
		w := post(s, c.path, c.body)
		if w.Code != http.StatusOK || len(op.calls) != 1 || op.calls[0] != c.want {
			t.Errorf("%s: %d %q %s, want %q", c.path, w.Code, op.calls, w.Body, c.want)
		}
		var out api.Outcome
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || out.DryRun != op.last.DryRun || out.Done == out.DryRun || out.Route == "" {
			t.Errorf("%s: %+v %v", c.path, out, err)
		}
	}
}

func TestI12_AChangeHasAReasonAndSomebodyWhoAsked(t *testing.T) {
	s, op := operated(t)
	for _, body := range []string{`{}`, `{"reason":""}`, `{"reason":" \n\t "}`, `{"reason":"` + strings.Repeat("x", api.MaxReason+1) + `"}`} {
		if w := post(s, "/orders/dead-letters/d1/redrive", body); w.Code != 400 || !strings.Contains(w.Body.String(), "reason") {
			t.Errorf("%.40s: %d %s", body, w.Code, w.Body)
		}
	}
	if len(op.calls) != 0 {
		t.Fatalf("it was done all the same: %q", op.calls)
	}
	for by, want := range map[string]string{
		"":                                   nobody,
		"\\u0000\\u001b":                     nobody,
		"ann":                                "ann",
		" ann\\u001b[2J\\n\\u202ebob ":       "ann[2Jbob",
		strings.Repeat("é", maxBy+1):         strings.Repeat("é", maxBy),
		"\xff" + "a":                         "a",
		"ann as root":                        "ann as root",
		"日本":                                 "日本",
		strings.Repeat(" ", 100) + "trimmed": "trimmed",
	} {
		post(s, "/orders/dead-letters/d1/redrive", `{"reason":" why \n","by":"`+by+`"}`)
		if op.last.By != want || op.last.Reason != "why" {
			t.Errorf("%q is kept as %q, want %q; the reason is %q", by, op.last.By, want, op.last.Reason)
		}
	}
}

func TestWhatIsNoChangeIsRefused(t *testing.T) {
	s, op := operated(t)
	for body, want := range map[string]string{
		``:                              "JSON object",
		`null and void`:                 "JSON object",
		`[]`:                            "JSON object",
		`{"reason":"r","dryrun":true}`:  "unknown field",
		`{"reason":"r"} {"reason":"r"}`: "nothing else",
		`{"reason":"r","to":"6"}`:       "JSON object",
		`{"reason":"r","to":-1}`:        "revision",
		`{"reason":"r","to":9223372036854775807}`:             "revision",
		`{"reason":"r","epoch":-1,"to":1}`:                    "JSON object",
		`{"reason":"r"}`:                                      "revision", // skip without to
		`{"reason":"` + strings.Repeat("x", maxChange) + `"}`: "JSON object",
	} {
		if w := post(s, "/orders/keys/gap/skip", body); w.Code != 400 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%.60s: %d %s, want %q", body, w.Code, w.Body, want)
		}
	}
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "application/jsonx"} {
		if w := post(s, "/orders/dead-letters/d1/discard", why, "Content-Type", kind); w.Code != 400 || !strings.Contains(w.Body.String(), "application/json") {
			t.Errorf("%q: %d %s", kind, w.Code, w.Body)
		}
	}
	if w := post(s, "/orders/keys/two/skip", `{"reason":"r","to":6}`); w.Code != 400 || !strings.Contains(w.Body.String(), "0 1") {
		t.Errorf("two epochs wait: %d %s", w.Code, w.Body)
	}
	if w := post(s, "/elsewhere/pause", why); w.Code != 404 || !strings.Contains(w.Body.String(), api.UnknownRoute) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := post(s, "/orders/dead-letters/gap-Z2Fw/redrive", why); w.Code != 409 || !strings.Contains(w.Body.String(), api.NotALetter) {
		t.Errorf("a gap: %d %s", w.Code, w.Body)
	}
	if len(op.calls) != 0 {
		t.Errorf("it was done all the same: %q", op.calls)
	}
}

// A page of another host, opened by somebody on this machine, changes nothing.
func TestF7_ForeignPagesChangeNothing(t *testing.T) {
	s, op := operated(t)
	for _, headers := range [][]string{
		{"Host", "evil.example"},
		{"Origin", "http://evil.example"},
		{"Origin", "null"},
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site"},
		{"Content-Type", "text/plain", "Origin", "http://127.0.0.1:9999"},
	} {
		if w := post(s, "/orders/pause", why, headers...); w.Code != 403 {
			t.Errorf("%q: %d %s", headers, w.Code, w.Body)
		}
	}
	if w := ask(s, "OPTIONS", "/api/v1/routes/orders/pause", ""); w.Code != 405 || w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a preflight: %d %v", w.Code, w.Header())
	}
	if w := ask(s, "GET", "/api/v1/routes/orders/pause", ""); w.Code != 405 || w.Header().Get("Allow") != "POST" {
		t.Errorf("reading it: %d %v", w.Code, w.Header())
	}
	if len(op.calls) != 0 {
		t.Errorf("it was done all the same: %q", op.calls)
	}
	if w := post(s, "/orders/pause", why, "Origin", "http://127.0.0.1:8321", "Sec-Fetch-Site", "same-origin"); w.Code != 200 {
		t.Errorf("our own page: %d %s", w.Code, w.Body)
	}
}

func TestRefusalsAreTold(t *testing.T) {
	for code, status := range map[string]int{
		api.Passed: 409, api.NotBlocked: 409, api.KeyBusy: 409, api.TooFar: 409, api.NotRunning: 409, api.Refused: 409,
		api.BadRequest: 400, api.UnknownDeadLetter: 404, api.UnknownKey: 404,
	} {
		s, op := operated(t)
		op.err = fmt.Errorf("wrapped: %w", &api.Error{Code: code, Message: "no", Hint: "do this"})
		w := post(s, "/orders/dead-letters/d1/redrive", why)
		if w.Code != status || !strings.Contains(w.Body.String(), `{"error":{"code":"`+code+`","message":"no","hint":"do this"}}`) {
			t.Errorf("%s: %d %s, want %d", code, w.Code, w.Body, status)
		}
	}
	s, op := operated(t)
	op.err = errors.New("password=hunter2")
	if w := post(s, "/orders/pause", why); w.Code != 500 || strings.Contains(w.Body.String(), "hunter2") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	r := httptest.NewRequest("POST", "http://127.0.0.1/api/v1/routes/orders/pause", strings.NewReader(why))
	r.Header.Set("Content-Type", "application/json")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	if s.handler().ServeHTTP(w, r.WithContext(ctx)); w.Code != 504 || !strings.Contains(w.Body.String(), "not known") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestWithoutAnOperatorNothingCanBeChanged(t *testing.T) {
	s := server(t, status.Running)
	if w := post(s, "/orders/pause", why); w.Code != 404 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestAuditIsListed(t *testing.T) {
	s, _ := operated(t)
	for url, want := range map[string]string{
		"":                     "1 2 3 4 5",
		"?limit=2":             "1 2 →2",
		"?limit=2&after=2":     "3 4 →4",
		"?last=2":              "4 5",
		"?last=9":              "1 2 3 4 5",
		"?last=1":              "5",
		"?last=2&before=4":     "2 3",
		"?last=2&before=1":     "",
		"?before=3":            "1 2",
		"?route=orders":        "1 2 3 4 5",
		"?route=gone":          "",
		"?key=%FF":             "5",
		"?key=%FF&route=fresh": "",
	} {
		w := ask(s, "GET", "/api/v1/audit"+url, "")
		var page api.Page[api.Audit]
		if err := json.NewDecoder(w.Body).Decode(&page); err != nil || w.Code != 200 {
			t.Errorf("%s: %d %v", url, w.Code, err)
		}
		var got []string
		for _, a := range page.Items {
			got = append(got, fmt.Sprint(a.Seq))
		}
		if page.Next != "" {
			got = append(got, "→"+page.Next[strings.Index(page.Next, "after=")+6:strings.Index(page.Next, "&")])
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%s: %q, want %q", url, text, want)
		}
	}
	for _, url := range []string{"?limit=0", "?limit=1001", "?last=x", "?after=-1", "?before=x", "?route=%zz"} {
		if w := ask(s, "GET", "/api/v1/audit"+url, ""); w.Code != 400 {
			t.Errorf("%s: %d %s", url, w.Code, w.Body)
		}
	}
	if body, _ := io.ReadAll(ask(s, "GET", "/api/v1/audit?last=1", "").Body); !strings.Contains(string(body),
		`"by":"ann","action":"skip","key":"\ufffd","key_base64":"/w==","epoch":1,"target":"4-9","reason":"\u001b[2Jlost"`) {
		t.Errorf("%s", body)
	}
}
