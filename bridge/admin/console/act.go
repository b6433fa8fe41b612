package console

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// order is a change as a page's address and form have it. What it is about stands
// in the address, so that keys of any bytes survive; how it is done, in the form,
// and in the address of a page that plans it again.
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
	o := order{Route: r.PathValue("route"), About: spelled(r.URL.Query()), Form: r.PostForm}
	if r.Method != http.MethodPost {
		o.Form = o.About
	}
	o.Verb = o.About.Get("do")
	v, ok := verbs[o.Verb]
	if !ok {
		return o, v, &api.Error{Code: api.BadRequest, Message: "there is no such change", Hint: "start from the page of what is to be changed"}
	}
	if v.of != nil {
		var err error
		if v, err = v.of(o); err != nil {
			return o, v, err
		}
	}
	return o, v, nil
}

// howNames are what a form says of how a change is done, beside the fields of its
// verb.
var howNames = []string{"told", "reason", "by", "once", "confirm", "shown"}

// about is what the change is about, in an address.
func (o order) about(fields []field) url.Values {
	about := url.Values{}
	for name, values := range o.About {
		if !slices.Contains(howNames, name) && !slices.ContainsFunc(fields, func(f field) bool { return f.Name == name }) {
			about[name] = values
		}
	}
	return about
}

// path is the address of this change's page.
func (o order) path(fields []field) string {
	return actPath(o.Route) + "?" + o.about(fields).Encode()
}

// change is what the API is asked for where one thing is changed.
func (o order) change(dry bool) api.Change {
	return api.Change{
		Reason: strings.TrimSpace(o.Form.Get("reason")), By: strings.TrimSpace(o.Form.Get("by")), DryRun: dry,
		OutOfOrder: o.Form.Get("out_of_order") == "true",
	}
}

// verb is a kind of change.
type verb struct {
	title   string // "Pause the route"
	button  string // "Pause"
	role    string // that is needed; empty: operator
	danger  bool   // it cannot be undone: it is planned once more before it is done
	fields  []field
	command func(order) []string // the words behind "bridge", without --reason
	plan    func(context.Context, *Console, order) (plan, error)
	// do does it, and says what it did and which page shows that.
	do func(context.Context, *Console, order) (says, next string, err error)
	// of is the verb for what an order is about, where that makes a difference.
	of func(order) (verb, error)
}

// field is one thing that a form asks for besides the reason.
type field struct {
	Name, Label, Hint string
	Kind              string // text, number or checkbox
	Value             string
}

// plan is what a change would do.
type plan struct {
	Says    string   // in a sentence or two
	Facts   []fact   // the figures behind it
	Stop    string   // why it cannot be done; empty: it can
	Warns   []string // what else should be known
	Confirm int64    // a number that has to be typed before it is done; 0: none
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
	Here    string // the path without its query, for a form that makes the query
	About   []sent // of that form
	Title   string
	Button  string
	Danger  bool
	Fields  []field
	Reason  string
	Once    string
	Command string
	Plan    plan
	Why     string     // who looks may not do it
	Back    string     // the page of what it is about; empty: that of the route
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
		p, err = plan{Stop: asSentence(e)}, nil
	}
	if isGone(err) {
		return c.gone(r, o.Route, o.About.Get("id"))
	}
	if err != nil {
		return view{}, err
	}
	a := acting{
		Order: o, Path: o.path(v.fields), Here: actPath(o.Route), About: sentOf(o.about(v.fields)),
		Title: v.title, Button: v.button, Danger: v.danger, Plan: p, Problem: problem,
		Reason: o.Form.Get("reason"), Once: rand.Text(), Command: command(v, o), Why: denied(c.me(r), cmp.Or(v.role, "operator")),
		Back: backOf(o),
	}
	if p.Stop != "" {
		a.Problem = nil // it says the same
	}
	for _, f := range v.fields {
		f.Value = o.Form.Get(f.Name)
		if f.Name == outOfOrderField.Name && f.Value == "" && p.Stop == "" && !isMany(o) {
			continue // its order is no hindrance
		}
		a.Fields = append(a.Fields, f)
	}
	code := 0
	if problem != nil {
		code = cmp.Or(codes[problem.Code], http.StatusConflict)
	}
	return view{page: "act", title: v.title, nav: "", code: code, data: a}, nil
}

// backOf is the page of what an order is about.
func backOf(o order) string {
	m, err := manyOf(o)
	_, steers := operationVerbs[o.Verb]
	switch {
	case steers:
		return operationPath(o.Route, o.About.Get("id"))
	case o.About.Has("key"):
		return keyPath(o.Route, o.About.Get("key"))
	case err != nil: // of a route
		return ""
	case len(m.ids) == 1 && o.Verb == "restore":
		return archivedPath(o.Route, m.ids[0])
	case len(m.ids) == 1:
		return letterPath(o.Route, m.ids[0])
	default:
		return lettersPath(o.Route) + "?" + m.query(listReason).Encode()
	}
}

// asSentence is a refusal, with what to do about it on these pages rather than in a
// request.
func asSentence(e *api.Error) string {
	if e.Code == api.Passed || e.Code == api.Refused {
		return e.Message + ". “Out of order” sends it all the same, beside the order."
	}
	return e.Error()
}

// command is what does the same in a shell.
func command(v verb, o order) string {
	said := []string{"--reason", cmp.Or(strings.TrimSpace(o.Form.Get("reason")), "…")}
	all := v.command(o)
	if at := slices.Index(all, "--"); at >= 0 { // what follows begins like a flag, and is none
		all = slices.Concat(all[:at], said, all[at:])
	} else {
		all = append(all, said...)
	}
	return inShell(all)
}

// flagName reports whether a word looks like a flag, and is one here: it needs no
// quotes.
func flagName(word string) bool {
	return strings.HasPrefix(word, "-") && strings.Trim(word, "abcdefghijklmnopqrstuvwxyz-") == ""
}

// asRefusal tells what says why a change cannot be made from what is a failure of
// the page.
func asRefusal(err error) (*api.Error, bool) {
	e, ok := err.(*api.Error) //nolint:errorlint // the client wraps what it could not ask, which is no refusal
	if !ok || codes[e.Code] >= http.StatusInternalServerError || codes[e.Code] == http.StatusNotFound || e.Code == api.StoreFailed {
		return nil, false
	}
	return e, true
}

// actTime is how long a change may take, whoever waits for it.
const actTime = 25 * time.Second

// acts makes a change, and shows what came of it. Whoever sends the same form twice
// has it made once; a browser that goes away in between does not leave half of it.
func (c *Console) acts(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	o, v, err := orderOf(r)
	if err != nil {
		c.draw(w, r, c.trouble(err))
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), actTime)
	defer cancel()
	says, next, err := c.once.do(o.once(), func() (says, next string, err error) {
		if err := confirmed(ctx, c, o, v); err != nil {
			return "", "", err
		}
		return v.do(ctx, c, o)
	})
	if back, ok := errors.AsType[cameBack](err); ok {
		c.goes(w, r, next, string(back), true)
		return
	}
	if e, ok := asRefusal(err); ok || isGone(err) {
		c.shows(func(r *http.Request) (view, error) { return c.planned(r, o, v, e) })(w, r)
		return
	}
	if err != nil {
		c.draw(w, r, c.trouble(err))
		return
	}
	c.goes(w, r, next, says, false)
}

// once names what a form is sent for; empty: it has no name.
func (o order) once() string {
	if o.Form.Get("once") == "" {
		return ""
	}
	return o.path(nil) + " " + o.Form.Get("once")
}

// confirmed refuses what cannot be undone and is a lot, unless somebody has typed
// how much it is. What has come since they saw that was not meant.
func confirmed(ctx context.Context, c *Console, o order, v verb) error {
	if !v.danger {
		return nil
	}
	p, err := v.plan(ctx, c, o)
	if err != nil || p.Confirm == 0 {
		return err
	}
	typed, err := strconv.ParseInt(strings.TrimSpace(o.Form.Get("confirm")), 10, 64)
	shown, _ := strconv.ParseInt(o.Form.Get("shown"), 10, 64)
	switch {
	case err != nil || typed != max(shown, 1) && typed != p.Confirm:
		return &api.Error{Code: api.BadRequest, Message: "nothing was changed: type the number of messages to confirm it", Hint: "it cannot be undone"}
	case typed < p.Confirm:
		return &api.Error{
			Code: api.BadRequest, Message: "nothing was changed: there are more of them now than you have confirmed",
			Hint: "look at the plan again, and type the new number",
		}
	}
	return nil
}

// goes leads to a page of ours, and has it tell what was done, or that it was in
// vain.
func (c *Console) goes(w http.ResponseWriter, r *http.Request, next, says string, bad bool) {
	u, err := url.Parse(next)
	if err != nil {
		u = &url.URL{Path: "/"}
	}
	q := u.Query()
	q.Set("told", c.told.keep(says, bad))
	u.RawQuery = q.Encode()
	http.Redirect(w, r, u.String(), http.StatusSeeOther)
}
