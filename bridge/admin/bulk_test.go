package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering/store"
)

func (a *asked) Archive(_ context.Context, route, id string, c api.Change) (api.Outcome, error) {
	return a.note(c, "archive ", route, " ", id)
}

func (a *asked) Restore(_ context.Context, route, id string, c api.Change) (api.Outcome, error) {
	return a.note(c, "restore ", route, " ", id)
}

func (a *asked) Edit(_ context.Context, route, id string, e api.Edit) (api.Outcome, error) {
	return a.note(api.Change{Reason: e.Reason, By: e.By, DryRun: e.DryRun}, "edit ", route, " ", id, " ", len(e.Headers), " ", string(e.Body.Raw()))
}

func (a *asked) Import(_ context.Context, route string, q api.Import) (api.Outcome, error) {
	return a.note(api.Change{Reason: q.Reason, By: q.By, DryRun: q.DryRun}, "import ", route, " ", len(q.Letters))
}

func (a *asked) CloseSkip(_ context.Context, route, key string, c api.Change) (api.Outcome, error) {
	return a.note(c, fmt.Sprintf("close %s %q %d", route, key, *c.To))
}

func (a *asked) Purge(_ context.Context, route, key string, c api.Change) (api.Outcome, error) {
	return a.note(c, fmt.Sprintf("purge %s %q", route, key))
}

func (a *asked) PlanOperation(_ context.Context, route string, q api.Request) (api.Plan, error) {
	_, err := a.note(api.Change{Reason: q.Reason, By: q.By}, "plan ", route, " ", q.Action, " ", q.Selection.Group)
	return api.Plan{Messages: 7, Says: "redrives 7 dead letters"}, err
}

func (a *asked) StartOperation(_ context.Context, route string, q api.Request) (api.Operation, error) {
	_, err := a.note(api.Change{Reason: q.Reason, By: q.By}, "start ", route, " ", q.Action, " ", q.Selection.Group)
	return api.Operation{ID: "op", Route: route, Total: 7}, err
}

func (a *asked) Operations(_ context.Context, route string) ([]api.Operation, error) {
	_, err := a.note(api.Change{}, "operations ", route)
	return nil, err
}

func (a *asked) Operation(_ context.Context, route, id string) (api.Operation, error) {
	_, err := a.note(api.Change{}, "operation ", route, " ", id)
	return api.Operation{ID: id}, err
}

func (a *asked) PauseOperation(_ context.Context, route, id string, c api.Change) (api.Operation, error) {
	_, err := a.note(c, "pause ", route, " ", id)
	return api.Operation{ID: id}, err
}

func (a *asked) ResumeOperation(_ context.Context, route, id string, c api.Change) (api.Operation, error) {
	_, err := a.note(c, "resume ", route, " ", id)
	return api.Operation{ID: id}, err
}

func (a *asked) CancelOperation(_ context.Context, route, id string, c api.Change) (api.Operation, error) {
	_, err := a.note(c, "cancel ", route, " ", id)
	return api.Operation{ID: id}, err
}

// reads asks for a page of something.
func reads[T any](t *testing.T, s *Server, path string) (v T) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1"+path, nil)
	w := httptest.NewRecorder()
	s.handler().ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestGroups(t *testing.T) {
	s := server(t, status.Running)
	all := reads[api.Page[api.Group]](t, s, "/api/v1/routes/orders/groups").Items
	if len(all) != 3 || all[0].Reason != "too_large" || all[0].BlockedKeys != 1 || all[0].ParkedBehind != 1 || all[0].Dead != 1 || all[0].Error != "no" {
		t.Fatalf("%+v", all)
	}
	letters := reads[api.Page[api.DeadLetter]](t, s, "/api/v1/routes/orders/dead-letters?group="+all[0].Fingerprint).Items
	if len(letters) != 1 || letters[0].ID != "d1" || letters[0].Group != all[0].Fingerprint {
		t.Errorf("%+v", letters)
	}
	for path, code := range map[string]int{
		"/api/v1/routes/orders/groups?sort=size":              http.StatusBadRequest,
		"/api/v1/routes/none/groups":                          http.StatusNotFound,
		"/api/v1/routes/orders/dead-letters?since=yesterday":  http.StatusBadRequest,
		"/api/v1/routes/orders/export?until=x":                http.StatusBadRequest,
		"/api/v1/routes/orders/archive/none":                  http.StatusNotFound,
		"/api/v1/routes/orders/groups?sort=dead":              http.StatusOK,
		"/api/v1/routes/orders/groups?sort=last":              http.StatusOK,
		"/api/v1/routes/orders/groups?sort=blocked":           http.StatusOK,
		"/api/v1/routes/orders/dead-letters?group=0000000000": http.StatusOK,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1"+path, nil)
		w := httptest.NewRecorder()
		if s.handler().ServeHTTP(w, r); w.Code != code {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestLettersOfATime(t *testing.T) {
	s := server(t, status.Running)
	for query, want := range map[string]int{
		"since=" + noon.Format(time.RFC3339):                                               3,
		"until=" + noon.Format(time.RFC3339):                                               0,
		"since=" + url.QueryEscape(noon.Add(-time.Hour).Format(time.RFC3339)) + "&limit=2": 2,
		"since=" + url.QueryEscape(noon.Add(time.Second).Format(time.RFC3339)):             0,
	} {
		if got := reads[api.Page[api.DeadLetter]](t, s, "/api/v1/routes/orders/dead-letters?"+query).Items; len(got) != want {
			t.Errorf("%s: %d, want %d", query, len(got), want)
		}
	}
}

// What is exported is whole, byte for byte, and in pages that follow each other.
func TestExport(t *testing.T) {
	s := server(t, status.Running)
	var all []api.Letter
	for path := "/api/v1/routes/orders/export?limit=1"; path != ""; {
		page := reads[api.Page[api.Letter]](t, s, path)
		all = append(all, page.Items...)
		path = page.Next
	}
	if len(all) != 3 {
		t.Fatalf("%d letters", len(all))
	}
	for _, l := range all {
		for _, h := range l.Headers {
			if h.Name == "odd" && string(h.Value.Raw()) != "\xfe" {
				t.Errorf("%s: header %q", l.ID, h.Value.Raw())
			}
		}
	}
	if !all[2].Body.Null || string(all[1].Body.Raw()) != "\xff\x00" || len(all[0].Headers) != 2 {
		t.Errorf("%+v", all)
	}
}

func TestArchiveIsListed(t *testing.T) {
	s := server(t, status.Running)
	all := reads[api.Page[api.Archived]](t, s, "/api/v1/routes/orders/archive").Items
	if len(all) != 1 || all[0].ID != "d1" || all[0].By != "ann" || all[0].Why != "for later" {
		t.Fatalf("%+v", all)
	}
	one := reads[api.ArchivedDetail](t, s, "/api/v1/routes/orders/archive/d1")
	if string(one.Body.Raw()) != "old" || len(one.Headers) != 2 {
		t.Errorf("%+v", one)
	}
}

func TestOpenSkipsAreListed(t *testing.T) {
	s := server(t, status.Running)
	all := reads[api.Page[api.OpenSkip]](t, s, "/api/v1/routes/orders/skips").Items
	if len(all) != 1 || all[0].Text != "a/b" || all[0].From != 2 || all[0].To != 3 || all[0].By != "gap" {
		t.Errorf("%+v", all)
	}
}

func TestOperationsAreAskedFor(t *testing.T) {
	s, op := operated(t)
	const operations = "/api/v1/routes/orders/operations"
	for _, c := range [...]struct {
		path, body string
		code       int
		call       string
	}{
		{operations, `{"action":"redrive","selection":{"group":"g"},"dry_run":true}`, http.StatusOK, "plan orders redrive g"},
		{operations, `{"action":"redrive","selection":{"group":"g"},"reason":"why"}`, http.StatusOK, "start orders redrive g"},
		{operations, `{"action":"redrive","selection":{}}`, http.StatusBadRequest, ""},
		{operations, `{"action":"redrive","selektion":{},"reason":"why"}`, http.StatusBadRequest, ""},
		{operations + "/op/pause", `{"reason":"why"}`, http.StatusOK, "pause orders op"},
		{operations + "/op/resume", `{"reason":"why"}`, http.StatusOK, "resume orders op"},
		{operations + "/op/cancel", `{"reason":"why"}`, http.StatusOK, "cancel orders op"},
		{operations + "/op/cancel", `{"reason":"why","dry_run":true}`, http.StatusBadRequest, ""},
		{operations + "/op/cancel", `{}`, http.StatusBadRequest, ""},
		{"/api/v1/routes/none/operations", `{"action":"redrive","selection":{},"reason":"why"}`, http.StatusNotFound, ""},
		{"/api/v1/routes/orders/dead-letters/d1/archive", `{"reason":"why"}`, http.StatusOK, "archive orders d1"},
		{"/api/v1/routes/orders/dead-letters/gap-eA/archive", `{"reason":"why"}`, http.StatusConflict, ""},
		{"/api/v1/routes/orders/dead-letters/d1/edit", `{"reason":"why","headers":[{"name":"a","value":{"text":"b","size":1}}],"body":{"text":"x","size":1}}`, http.StatusOK, "edit orders d1 1 x"},
		{"/api/v1/routes/orders/dead-letters/d1/edit", `{"headers":[],"body":{"size":0}}`, http.StatusBadRequest, ""},
		{"/api/v1/routes/orders/import", `{"reason":"why","letters":[]}`, http.StatusOK, "import orders 0"},
		{"/api/v1/routes/orders/import", `{"reason":"why","letters":[` + strings.Repeat("{},", 100) + `{}]}`, http.StatusBadRequest, ""},
		{"/api/v1/routes/orders/archive/d1/restore", `{"reason":"why"}`, http.StatusOK, "restore orders d1"},
		{"/api/v1/routes/orders/keys/gap/close", `{"reason":"why","to":4}`, http.StatusOK, `close orders "gap" 4`},
		{"/api/v1/routes/orders/keys/gap/close", `{"reason":"why"}`, http.StatusBadRequest, ""},
		{"/api/v1/routes/orders/keys/gap/purge", `{"reason":"why"}`, http.StatusOK, `purge orders "gap"`},
	} {
		op.calls = nil
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1"+c.path, strings.NewReader(c.body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.handler().ServeHTTP(w, r)
		if got := strings.Join(op.calls, "; "); w.Code != c.code || got != c.call {
			t.Errorf("%s %.60s: %d %s, called %q, want %d and %q", c.path, c.body, w.Code, w.Body, got, c.code, c.call)
		}
		if c.call != "" && (op.last.Reason == "" || op.last.By == "") {
			t.Errorf("%s: %+v is not signed", c.path, op.last)
		}
	}
}

// Whoever changes a row of the audit, or cuts rows off, is found out.
func TestAuditIsVerified(t *testing.T) {
	s := server(t, status.Running)
	rows := s.cfg.Store.(store.Store)
	for i := range 3 {
		c := store.Change{Key: store.Key{Route: "orders"}, Audit: []store.Audit{{Action: "redrive", By: "ann", Target: fmt.Sprint(i), At: noon}}}
		if err := rows.Commit(t.Context(), c)[0]; err != nil {
			t.Fatal(err)
		}
	}
	good := reads[api.AuditCheck](t, s, "/api/v1/audit/verify")
	if !good.Good || good.Rows != 3 || !strings.HasPrefix(good.Head, "3:") {
		t.Fatalf("%+v", good)
	}
	if c := reads[api.AuditCheck](t, s, "/api/v1/audit/verify?expect="+good.Head); !c.Good {
		t.Errorf("%+v", c)
	}
	if c := reads[api.AuditCheck](t, s, "/api/v1/audit/verify?expect=2:00"); c.Good || c.Says == "" {
		t.Errorf("%+v", c)
	}
	s.cfg.Store = tampered{rows, func(a *store.Audit) bool { a.By = "bob"; return true }}
	if c := reads[api.AuditCheck](t, s, "/api/v1/audit/verify"); c.Good || c.Rows != 0 {
		t.Errorf("an altered row: %+v", c)
	}
	s.cfg.Store = tampered{rows, func(a *store.Audit) bool { return a.Seq != 2 }}
	if c := reads[api.AuditCheck](t, s, "/api/v1/audit/verify"); c.Good || c.Rows != 1 {
		t.Errorf("a missing row: %+v", c)
	}
	s.cfg.Store = tampered{rows, func(a *store.Audit) bool { return a.Seq != 3 }}
	if c := reads[api.AuditCheck](t, s, "/api/v1/audit/verify"); c.Good || !strings.Contains(c.Says, "the last row was 3:") {
		t.Errorf("the last row is missing: %+v", c)
	}
}

// tampered is a store whose audit somebody has had in hand.
type tampered struct {
	Store
	keep func(*store.Audit) bool
}

func (s tampered) Audits(ctx context.Context, q store.AuditQuery) iter.Seq2[store.Audit, error] {
	return func(yield func(store.Audit, error) bool) {
		for a, err := range s.Store.Audits(ctx, q) {
			if err == nil && !s.keep(&a) {
				continue
			}
			if !yield(a, err) {
				return
			}
		}
	}
}
