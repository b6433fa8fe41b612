package console

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
)

// operationPages are the pages of changes of many dead letters.
func (c *Console) operationPages() []Page {
	return []Page{
		{"GET", "/operations", Reading, "What is done and was done with many dead letters at once", c.shows(c.operations)},
		{"GET", "/routes/{route}/operations/{id}", Reading, "An operation: how far it is, and what one can do about it", c.shows(c.operation)},
	}
}

// operations is the page of all operations, the newest first.
type operations struct {
	Route   string
	Routes  []string
	Items   []api.Operation
	First   string
	Next    string
	Unasked int // routes that were not asked
}

// operations shows the operations of all routes, or of one.
func (c *Console) operations(r *http.Request) (view, error) {
	q := r.URL.Query()
	before, err := moment(q.Get("before"))
	if err != nil {
		return view{}, &api.Error{Code: api.BadRequest, Message: "before is no time"}
	}
	p := operations{Route: q.Get("route")}
	routes, err := c.cfg.API.Routes(r.Context())
	if err != nil {
		return view{}, err
	}
	for _, route := range routes {
		p.Routes = append(p.Routes, route.Name)
	}
	asked := p.Routes
	if p.Route != "" {
		asked = []string{p.Route}
	}
	p.Unasked = max(0, len(asked)-maxRoutes)
	all, err := c.operationsOf(r.Context(), asked[:len(asked)-p.Unasked], before)
	if err != nil {
		return view{}, err
	}
	p.take(all, q)
	return view{page: "operations", title: "Operations", nav: "operations", data: p}, nil
}

// operationsOf are those of routes that began before a time, the newest first.
func (c *Console) operationsOf(ctx context.Context, routes []string, before time.Time) (all []api.Operation, err error) {
	for _, route := range routes {
		for op, err := range c.cfg.API.Operations(ctx, route, client.List{}) {
			if err != nil {
				return nil, err
			}
			if before.IsZero() || op.Began.Before(before) {
				all = append(all, op)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b api.Operation) int { return cmp.Or(b.Began.Compare(a.Began), cmp.Compare(b.ID, a.ID)) })
	return all, nil
}

// take keeps a page of them.
func (p *operations) take(all []api.Operation, q url.Values) {
	v := url.Values{}
	if p.Route != "" {
		v.Set("route", p.Route)
	}
	if q.Get("before") != "" {
		p.First = "/operations?" + v.Encode()
	}
	if len(all) > pageRows {
		all = all[:pageRows]
		v.Set("before", iso(all[pageRows-1].Began))
		p.Next = "/operations?" + v.Encode()
	}
	p.Items = all
}

// operationView is the page of an operation.
type operationView struct {
	api.Operation
	Title   string
	Letters string // the list of what it is about; empty: it has ids
	Ways    []way
	Rest    []way  // what can be done about what it has not done
	Flies   string // how the canary is doing
	Audits  []api.Audit
	Percent int64
	Command string // that follows it
}

// operation shows an operation.
func (c *Console) operation(r *http.Request) (view, error) {
	route, id := r.PathValue("route"), r.PathValue("id")
	op, err := c.cfg.API.Operation(r.Context(), route, id)
	if err != nil {
		return view{}, err
	}
	me := c.me(r)
	p := operationView{
		Operation: op, Title: operationTitles[op.Action] + " " + plural(op.Total, "dead letter", "dead letters"), Letters: lettersOf(op), Ways: operationWays(me, op), Rest: restWays(me, op), Flies: canaryWords(op),
		Audits: c.auditsOf(r.Context(), route, id), Percent: percent(op),
		Command: inShell(append([]string{"ops", "show", "--watch", "--route", route}, behindDashes([]string{id})...)),
	}
	return view{page: "operation", title: p.Title, nav: "operations", data: p}, nil
}

// lettersOf is the list of those that an operation is about, as far as they are
// dead letters still.
func lettersOf(op api.Operation) string {
	f, ids := selected(op.Selection)
	if len(ids) > 0 {
		return ""
	}
	return lettersPath(op.Route) + "?" + f.query(listReason).Encode()
}

var operationTitles = map[string]string{"redrive": "Redrive", "discard": "Discard", "archive": "Archive"}

func isOver(op api.Operation) bool { return op.State == "done" || op.State == "cancelled" }

// percent is how much of it is over, of a hundred.
func percent(op api.Operation) int64 {
	if op.Total <= 0 {
		return 100
	}
	return min(100, max(0, (op.Total-op.Left)*100/op.Total))
}

// operationWays are what one can do with an operation that is not over.
func operationWays(me api.Me, op api.Operation) (ways []way) {
	if isOver(op) {
		return nil
	}
	why := denied(me, "operator")
	to := func(do string) string {
		return actPath(op.Route) + "?" + url.Values{"do": {do}, "id": {op.ID}}.Encode()
	}
	if op.State == "running" {
		ways = append(ways, way{Label: "Pause…", Href: to("pause-operation"), Why: why})
	} else {
		ways = append(ways, way{Label: "Resume…", Href: to("resume-operation"), Kind: "primary", Why: why})
	}
	return append(ways, way{Label: "Cancel…", Href: to("cancel-operation"), Kind: "danger", Why: why})
}

// maxRelinked is how many ids of a selection fit into an address.
const maxRelinked = 100

// restWays begin another operation for what this one did not do: those that came
// since, and those that it did not reach or that failed.
func restWays(me api.Me, op api.Operation) (ways []way) {
	f, ids := selected(op.Selection)
	if len(ids) > maxRelinked {
		return nil
	}
	w := way{Href: actOn(op.Route, op.Action, f, ids), Why: denied(me, "operator")}
	does := operationTitles[op.Action]
	if op.New > 0 {
		w.Label = plural(op.New, "more dead letter like these", "more dead letters like these") + " came since it began: " + does + " again…"
		ways = append(ways, w)
	}
	if left := op.Left + op.Failed; isOver(op) && left > 0 && len(ways) == 0 {
		w.Label = does + " " + plural(left, "that is left…", "that are left…")
		if op.Left > 0 && op.Canary > 0 && op.Failed == 0 && op.Done >= int64(op.Canary) {
			w.Label = "The canary went through: redrive the rest…"
		}
		ways = append(ways, w)
	}
	return ways
}

// canaryWords say how the first ones did.
func canaryWords(op api.Operation) string {
	switch tried := op.Done + op.Failed + op.Refused + op.Gone; {
	case op.Canary <= 0:
		return ""
	case op.State == "stopped" && op.Failed > 0 && tried <= int64(op.Canary):
		return "The canary failed: the others were not touched. Mend the cause, then resume it: these are tried first again."
	case op.Failed == 0 && op.Done > 0 && tried >= int64(op.Canary):
		return "The canary went through: the rest follows by itself."
	case op.State == "running" && tried < int64(op.Canary):
		return "The canary is out: " + count(tried) + " of the first " + count(op.Canary) + " are back. The others wait for it."
	}
	return ""
}

// segmentOf is a part of a bar, in thousandths of its length.
type segmentOf struct {
	Class string
	At    int64
	Wide  int64
}

// barOf draws how far an operation is.
func barOf(op api.Operation) (parts []segmentOf) {
	at, total := int64(0), max(op.Total, 1)
	for _, p := range []segmentOf{{"done", 0, op.Done}, {"failed", 0, op.Failed}, {"refused", 0, op.Refused}, {"gone", 0, op.Gone}} {
		if wide := min(p.Wide*1000/total, 1000-at); p.Wide > 0 {
			wide = max(wide, min(3, 1000-at)) // one of many is seen, too
			parts = append(parts, segmentOf{p.Class, at, wide})
			at += wide
		}
	}
	return parts
}

// operationVerbs steer an operation.
var operationVerbs = map[string]verb{
	"pause-operation": steering("Pause the operation", "Pause", "pause",
		"It sends nothing more until it is resumed. What is under way ends.", (*client.Client).PauseOperation),
	"resume-operation": steering("Resume the operation", "Resume", "resume",
		"It goes on where it rests. A canary is tried first again.", (*client.Client).ResumeOperation),
	"cancel-operation": steering("Cancel the operation", "Cancel", "cancel",
		"It ends for good. What it has done stays done, the others stay dead letters.", (*client.Client).CancelOperation),
}

// steering is a change of an operation. It has no dry run: what it does is always
// the same.
func steering(title, button, word, says string,
	turn func(*client.Client, context.Context, string, string, api.Change) (api.Operation, error),
) verb {
	return verb{
		title: title, button: button,
		command: func(o order) []string {
			return append([]string{"ops", word, "--route", o.Route}, behindDashes(o.About["id"])...)
		},
		plan: func(ctx context.Context, c *Console, o order) (plan, error) {
			op, err := c.cfg.API.Operation(ctx, o.Route, o.About.Get("id"))
			if err != nil {
				return plan{}, err
			}
			p := plan{Says: says, Facts: []fact{
				{"It is", op.State}, {"Done", count(op.Done) + " of " + count(op.Total)}, {"Left", count(op.Left)}, {"Under way", count(op.UnderWay)},
			}}
			if isOver(op) {
				p.Stop = "This operation is over: it is " + op.State + "."
			}
			return p, nil
		},
		do: func(ctx context.Context, c *Console, o order) (told, next string, err error) {
			op, err := turn(c.cfg.API, ctx, o.Route, o.About.Get("id"), o.change(false))
			return "The operation is " + op.State + ".", operationPath(o.Route, o.About.Get("id")), err
		},
	}
}
