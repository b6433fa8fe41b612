package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
)

func (e echo) Archive(_ context.Context, route, id string, c api.Change) (api.Outcome, error) {
	return e.says(c, "archive", route, fmt.Sprintf("%q", id))
}

func (e echo) Restore(_ context.Context, route, id string, c api.Change) (api.Outcome, error) {
	return e.says(c, "restore", route, fmt.Sprintf("%q", id))
}

func (e echo) Edit(_ context.Context, route, id string, d api.Edit) (api.Outcome, error) {
	c := api.Change{Reason: d.Reason, By: d.By}
	return e.says(c, "edit", route, fmt.Sprintf("%q", id), fmt.Sprintf("%q", d.Body.Raw()), d.Raw, d.Headers[0].Name)
}

func (e echo) Import(_ context.Context, route string, q api.Import) (api.Outcome, error) {
	c := api.Change{Reason: q.Reason, By: q.By}
	return e.says(c, "import", route, len(q.Letters), fmt.Sprintf("%q", q.Letters[0].Raw()))
}

func (e echo) CloseSkip(_ context.Context, route, key string, c api.Change) (api.Outcome, error) {
	return e.says(c, "close", route, fmt.Sprintf("%q", key), *c.To)
}

func (e echo) Purge(_ context.Context, route, key string, c api.Change) (api.Outcome, error) {
	return e.says(c, "purge", route, fmt.Sprintf("%q", key))
}

func (echo) PlanOperation(_ context.Context, route string, q api.Request) (api.Plan, error) {
	return api.Plan{Says: fmt.Sprint("plan ", route, " ", q.Action, " ", q.Selection.Group, " ", q.Rate)}, nil
}

func (echo) operation(route, id, state, by string) (api.Operation, error) {
	if id == "unknown" {
		return api.Operation{}, &api.Error{Code: api.UnknownOperation, Message: "no"}
	}
	return api.Operation{ID: id, Route: route, State: state, By: by}, nil
}

func (e echo) StartOperation(_ context.Context, route string, q api.Request) (api.Operation, error) {
	return e.operation(route, "begun", q.Action, q.By)
}

func (e echo) Operations(_ context.Context, route string) ([]api.Operation, error) {
	op, err := e.operation(route, "one", "done", "")
	return []api.Operation{op, op, op}, err
}

func (e echo) Operation(_ context.Context, route, id string) (api.Operation, error) {
	return e.operation(route, id, "running", "")
}

func (e echo) PauseOperation(_ context.Context, route, id string, c api.Change) (api.Operation, error) {
	return e.operation(route, id, "paused", c.By)
}

func (e echo) ResumeOperation(_ context.Context, route, id string, c api.Change) (api.Operation, error) {
	return e.operation(route, id, "running", c.By)
}

func (e echo) CancelOperation(_ context.Context, route, id string, c api.Change) (api.Operation, error) {
	return e.operation(route, id, "cancelled", c.By)
}

func TestManyAreAskedFor(t *testing.T) {
	c, ctx, to := bridge(t), t.Context(), int64(9)
	ch := api.Change{Reason: "why", By: "ann", To: &to}
	for _, key := range hostile {
		q := fmt.Sprintf("%q", key)
		for want, ask := range map[string]func() (api.Outcome, error){
			"archive orders " + q:      func() (api.Outcome, error) { return c.Archive(ctx, "orders", key, ch) },
			"restore orders " + q:      func() (api.Outcome, error) { return c.Restore(ctx, "orders", key, ch) },
			"close orders " + q + " 9": func() (api.Outcome, error) { return c.CloseSkip(ctx, "orders", key, ch) },
			"purge orders " + q:        func() (api.Outcome, error) { return c.Purge(ctx, "orders", key, ch) },
			"edit orders " + q + " " + q + " true h": func() (api.Outcome, error) {
				return c.Edit(ctx, "orders", key, api.Edit{
					Reason: "why", By: "ann", Raw: true, Body: api.NewBytes([]byte(key), len(key)), Headers: []api.Header{{Name: "h"}},
				})
			},
			"import orders 1 " + q: func() (api.Outcome, error) {
				l := api.Letter{DeadLetter: api.DeadLetter{ID: "x", KeyName: api.NewKeyName(key)}}
				return c.Import(ctx, "orders", api.Import{Reason: "why", By: "ann", Letters: []api.Letter{l}})
			},
		} {
			if out, err := ask(); err != nil || out.Says != want+" by ann: why" || out.Route != "orders" {
				t.Errorf("%+v %v, want %q", out, err, want)
			}
		}
	}
}

func TestOperationsAreBegunAndSteered(t *testing.T) {
	c, ctx := bridge(t), t.Context()
	r := api.Request{Reason: "why", By: "ann", Action: "redrive", Selection: api.Selection{Group: "f1"}, Rate: 2.5, DryRun: true}
	b, err := c.Begin(ctx, "orders", r)
	if err != nil || b.Operation != nil || b.Plan == nil || b.Plan.Says != "plan orders redrive f1 2.5" {
		t.Errorf("%+v %v", b, err)
	}
	r.DryRun = false
	b, err = c.Begin(ctx, "orders", r)
	if err != nil || b.Plan != nil || b.Operation == nil || b.Operation.ID != "begun" || b.Operation.By != "ann" {
		t.Errorf("%+v %v", b, err)
	}
	n := 0
	for op, err := range c.Operations(ctx, "orders", client.List{Limit: 2}) {
		if n++; err != nil || op.ID != "one" {
			t.Errorf("%+v %v", op, err)
		}
	}
	if n != 2 {
		t.Errorf("%d operations, want 2", n)
	}
	ch := api.Change{Reason: "why", By: "bob"}
	for want, turn := range map[string]func(context.Context, string, string, api.Change) (api.Operation, error){
		"paused": c.PauseOperation, "running": c.ResumeOperation, "cancelled": c.CancelOperation,
	} {
		if op, err := turn(ctx, "orders", "a/b", ch); err != nil || op.State != want || op.ID != "a/b" || op.By != "bob" {
			t.Errorf("%+v %v, want it %s", op, err, want)
		}
	}
	_, err = c.Operation(ctx, "orders", "unknown")
	if e, ok := errors.AsType[*api.Error](err); !ok || e.Code != api.UnknownOperation {
		t.Error(err)
	}
}

// An export has each byte of each dead letter, whichever page it is on.
func TestExportIsWhole(t *testing.T) {
	c := bridge(t)
	seen := map[string]bool{}
	for l, err := range c.Export(t.Context(), "orders", client.List{}) {
		if err != nil || l.Raw() != string(l.Body.Raw()) || l.Body.Truncated {
			t.Fatalf("%+v %v", l, err)
		}
		seen[l.Raw()] = true
	}
	for _, key := range hostile {
		n := 0
		for l, err := range c.Export(t.Context(), "orders", client.List{Key: key, Limit: 5}) {
			if n++; err != nil || l.Raw() != key {
				t.Errorf("%q: %+v %v", key, l, err)
			}
		}
		if !seen[key] || n != 1 {
			t.Errorf("%q was exported: %t, alone %d times", key, seen[key], n)
		}
	}
}

// The archive, the groups, the skips and the chain of the audit are read.
func TestWhatIsBesideTheDeadLetters(t *testing.T) {
	c, ctx := bridge(t), t.Context()
	dead := int64(0)
	for g, err := range c.Groups(ctx, "orders", "dead") {
		if err != nil || g.Fingerprint == "" {
			t.Fatal(g, err)
		}
		dead += g.Dead
		n := int64(0)
		for d, err := range c.DeadLetters(ctx, "orders", client.List{Group: g.Fingerprint}) {
			if n++; err != nil || d.Group != g.Fingerprint {
				t.Error(d, err)
			}
		}
		if n != g.Dead {
			t.Errorf("group %s: %d, want %d", g.Fingerprint, n, g.Dead)
		}
	}
	if dead != int64(len(hostile)) {
		t.Errorf("%d dead letters in groups, want %d", dead, len(hostile))
	}
	for _, err := range c.Groups(ctx, "orders", "nonsense") {
		if e, ok := errors.AsType[*api.Error](err); !ok || e.Code != api.BadRequest {
			t.Error(err)
		}
	}
	for a, err := range c.ArchivedLetters(ctx, "orders", client.List{}) {
		t.Error(a, err)
	}
	_, err := c.ArchivedLetter(ctx, "orders", "a/b")
	if e, ok := errors.AsType[*api.Error](err); !ok || e.Code != api.UnknownArchived {
		t.Error(err)
	}
	check, err := c.VerifyAudit(ctx, "")
	if err != nil || !check.Good || check.Rows != 2*many {
		t.Errorf("%+v %v", check, err)
	}
	if again, err := c.VerifyAudit(ctx, check.Head); err != nil || !again.Good {
		t.Errorf("%+v %v", again, err)
	}
	if other, err := c.VerifyAudit(ctx, "1:"+strings.Repeat("0", 64)); err != nil || other.Good {
		t.Errorf("%+v %v", other, err)
	}
}

// Times keep their nanoseconds, keys their bytes.
func TestSelectionsAreSent(t *testing.T) {
	asked := make(chan string, 8)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.String()
		_, _ = io.WriteString(w, `{"items":[]}`)
	}))
	defer srv.Close()
	c := open(t, srv.URL)
	at := time.Date(2026, 3, 4, 12, 0, 0, 1, time.FixedZone("", 3600))
	for _, err := range c.Export(t.Context(), "r", client.List{Key: "\xff", Group: "f&1", Reason: "late", Since: at, Until: at.Add(1)}) {
		t.Error(err)
	}
	want := "/api/v1/routes/r/export?group=f%261&key=%FF&limit=100&reason=late&since=2026-03-04T11%3A00%3A00.000000001Z&until=2026-03-04T11%3A00%3A00.000000002Z"
	if got := <-asked; got != want {
		t.Errorf("asked %s\nwant  %s", got, want)
	}
	for _, err := range c.OpenSkips(t.Context(), "r", client.List{Limit: 7}) {
		t.Error(err)
	}
	if got := <-asked; got != "/api/v1/routes/r/skips?limit=7" {
		t.Error(got)
	}
}
