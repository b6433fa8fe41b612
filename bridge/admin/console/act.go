package console

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// order is a change as a page's address and form have it. What it is about stands
// in the address, so that keys of any bytes survive; how it is done, in the form.
type order struct {
	Route string
	Verb  string
	About url.Values // what it is about: id, key, group …
	Form  url.Values // how it is done: reason, rate, canary …
}

// orderOf reads a change.
func orderOf(r *http.Request) (order, verb, error) {
	if err := r.ParseForm(); err != nil {
		return order{}, verb{}, &api.Error{Code: api.BadRequest, Message: "the form cannot be read"}
	}
	about := r.URL.Query()
	o := order{Route: r.PathValue("route"), Verb: about.Get("do"), About: about, Form: r.Form}
	v, ok := verbs[o.Verb]
	if !ok {
		v, ok = keyVerbs[o.Verb]
	}
	if !ok {
		return o, v, &api.Error{Code: api.BadRequest, Message: "there is no such change", Hint: "start from the page of what is to be changed"}
	}
	return o, v, nil
}

// path is the address of this change's page.
func (o order) path() string {
	about := url.Values{}
	for name, values := range o.About {
		if name != "told" {
			about[name] = values
		}
	}
	return "/routes/" + segment(o.Route) + "/act?" + about.Encode()
}

// change is what the API is asked for where one thing is changed.
func (o order) change(dry bool) api.Change {
	return api.Change{Reason: strings.TrimSpace(o.Form.Get("reason")), By: strings.TrimSpace(o.Form.Get("by")), DryRun: dry}
}

// verb is a kind of change.
type verb struct {
	title   string // "Pause the route"
	button  string // "Pause"
	danger  bool   // it cannot be undone
	fields  []field
	command func(order) []string // the words behind "bridge", without --reason
	plan    func(context.Context, *Console, order) (plan, error)
	// do does it, and says what it did and which page shows that.
	do func(context.Context, *Console, order) (says, next string, err error)
}

// field is one thing that a form asks for besides the reason.
type field struct {
	Name, Label, Hint string
	Kind              string // text, number or checkbox
	Value             string
}

// plan is what a change would do.
type plan struct {
	Says  string   // in a sentence or two
	Facts []fact   // the figures behind it
	Stop  string   // why it cannot be done; empty: it can
	Warns []string // what else should be known
}

// fact is a figure of a plan.
type fact struct {
	Name  string
	Value string
}

// acting is the page of a change.
type acting struct {
	Order   order
	Path    string
	Title   string
	Button  string
	Danger  bool
	Fields  []field
	Reason  string
	By      string
	Command string
	Plan    plan
	Problem *api.Error // it was tried, and refused
}

// plan shows what a change would do.
func (c *Console) plan(r *http.Request) (view, error) {
	o, v, err := orderOf(r)
	if err != nil {
		return view{}, err
	}
	return c.planned(r, o, v, nil)
}

// planned is the page of a change; with the problem, after it was refused.
func (c *Console) planned(r *http.Request, o order, v verb, problem *api.Error) (view, error) {
	p, err := v.plan(r.Context(), c, o)
	if e, ok := asRefusal(err); ok {
		p, err = plan{Stop: e.Error()}, nil
	}
	if err != nil {
		return view{}, err
	}
	a := acting{
		Order: o, Path: o.path(), Title: v.title, Button: v.button, Danger: v.danger, Plan: p, Problem: problem,
		Reason: o.Form.Get("reason"), By: o.Form.Get("by"), Command: command(v, o),
	}
	for _, f := range v.fields {
		f.Value = o.Form.Get(f.Name)
		a.Fields = append(a.Fields, f)
	}
	code := 0
	if problem != nil {
		code = http.StatusConflict
	}
	return view{page: "act", title: v.title, nav: "", code: code, data: a}, nil
}

// command is what does the same in a shell. What looks like a flag and is none stays
// last, behind "--".
func command(v verb, o order) string {
	reason := strings.TrimSpace(o.Form.Get("reason"))
	if reason == "" {
		reason = "…"
	}
	all := v.command(o)
	end := slices.Index(all, "--")
	if end < 0 {
		end = len(all)
	}
	all = slices.Insert(all, end, "--reason", reason)
	end += 2
	for i, w := range all {
		if i > end || !isFlag(w) {
			all[i] = api.Quote(w)
		}
	}
	return "bridge " + strings.Join(all, " ")
}

// isFlag is a flag of the command line, or the "--" behind which none follows.
var isFlag = regexp.MustCompile(`^--[a-z-]*$`).MatchString

// asRefusal tells what says why a change cannot be made from what is a failure of
// the page.
func asRefusal(err error) (*api.Error, bool) {
	e, ok := err.(*api.Error) //nolint:errorlint // the client wraps what it could not ask, which is no refusal
	if !ok || codes[e.Code] >= http.StatusInternalServerError || codes[e.Code] == http.StatusNotFound || e.Code == api.StoreFailed {
		return nil, false
	}
	return e, true
}

// acts makes a change, and shows what came of it.
func (c *Console) acts(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	o, v, err := orderOf(r)
	if err != nil {
		c.draw(w, r, c.trouble(err))
		return
	}
	says, next, err := v.do(r.Context(), c, o)
	if e, ok := asRefusal(err); ok {
		c.shows(func(r *http.Request) (view, error) { return c.planned(r, o, v, e) })(w, r)
		return
	}
	if err != nil {
		c.draw(w, r, c.trouble(err))
		return
	}
	c.goes(w, r, next, says)
}

// goes leads to a page of ours, and has it tell what was done.
func (c *Console) goes(w http.ResponseWriter, r *http.Request, next, says string) {
	u, err := url.Parse(next)
	if err != nil {
		u = &url.URL{Path: "/"}
	}
	q := u.Query()
	q.Set("told", c.told.keep(says))
	u.RawQuery = q.Encode()
	http.Redirect(w, r, u.String(), http.StatusSeeOther)
}
