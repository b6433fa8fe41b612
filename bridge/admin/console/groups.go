package console

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
)

const (
	pageRows   = 100 // of a list
	maxRoutes  = 100 // routes that one page asks about
	canarySize = 10
)

// groups is the page of all causes.
type groups struct {
	Route, Reason, Sort string
	Routes              []string
	Reasons             []string
	Sorts               []sorting
	Worst               *worst
	Groups              []api.Group
	Omitted             int   // groups beside these
	Unasked             int   // routes that were not asked
	Dead                int64 // in all groups that match
	Keys, Parked        int64
}

type sorting struct{ Value, Label string }

// worst is the cause for which most waits, and what one can do about it.
type worst struct {
	api.Group
	Ways []way
}

var groupSorts = []sorting{
	{"parked", "messages that wait behind"}, {"blocked", "keys that are blocked"}, {"dead", "dead letters"}, {"last", "the latest"},
}

// groupOrders put first what a sort means.
var groupOrders = map[string]func(a, b api.Group) int{
	"parked": func(a, b api.Group) int {
		return cmp.Or(cmp.Compare(b.ParkedBehind, a.ParkedBehind), cmp.Compare(b.BlockedKeys, a.BlockedKeys), cmp.Compare(b.Dead, a.Dead))
	},
	"blocked": func(a, b api.Group) int {
		return cmp.Or(cmp.Compare(b.BlockedKeys, a.BlockedKeys), cmp.Compare(b.ParkedBehind, a.ParkedBehind))
	},
	"dead": func(a, b api.Group) int { return cmp.Compare(b.Dead, a.Dead) },
	"last": func(a, b api.Group) int { return b.Last.Compare(a.Last) },
}

// groups shows the dead letters of all routes by their causes.
func (c *Console) groups(r *http.Request) (view, error) {
	q := r.URL.Query()
	p := groups{Route: q.Get("route"), Reason: q.Get("reason"), Sort: q.Get("sort"), Sorts: groupSorts}
	if groupOrders[p.Sort] == nil {
		p.Sort = groupSorts[0].Value
	}
	routes, err := c.cfg.API.Routes(r.Context())
	if err != nil {
		return view{}, err
	}
	var all []api.Group
	for _, name := range p.asked(routes) {
		for g, err := range c.cfg.API.Groups(r.Context(), name, p.Sort) {
			if err != nil {
				return view{}, err
			}
			all = append(all, g)
		}
	}
	p.take(all)
	if len(p.Groups) > 0 {
		p.Worst = c.worst(r, p.Groups)
	}
	return view{page: "groups", title: "Dead letters", nav: "dead-letters", data: p}, nil
}

// asked are the routes that the page asks about: the one that is wanted, else those
// with most dead letters first.
func (p *groups) asked(routes []status.Route) (names []string) {
	for _, r := range routes {
		p.Routes = append(p.Routes, r.Name)
	}
	if p.Route != "" {
		return []string{p.Route}
	}
	if p.Unasked = len(routes) - maxRoutes; p.Unasked <= 0 {
		p.Unasked = 0
		return p.Routes
	}
	slices.SortStableFunc(routes, func(a, b status.Route) int { return cmp.Compare(b.Counts.Dead, a.Counts.Dead) })
	for _, r := range routes[:maxRoutes] {
		names = append(names, r.Name)
	}
	return names
}

// take keeps what matches, the first ones of them.
func (p *groups) take(all []api.Group) {
	for _, g := range all {
		if !slices.Contains(p.Reasons, g.Reason) {
			p.Reasons = append(p.Reasons, g.Reason)
		}
		if p.Reason == "" || g.Reason == p.Reason {
			p.Groups = append(p.Groups, g)
			p.Dead, p.Keys, p.Parked = p.Dead+g.Dead, p.Keys+g.BlockedKeys, p.Parked+g.ParkedBehind
		}
	}
	slices.Sort(p.Reasons)
	slices.SortStableFunc(p.Groups, groupOrders[p.Sort])
	if p.Omitted = max(0, len(p.Groups)-pageRows); p.Omitted > 0 {
		p.Groups = p.Groups[:pageRows]
	}
}

// worst is that of the groups for which most waits.
func (c *Console) worst(r *http.Request, all []api.Group) *worst {
	g := slices.MinFunc(all, groupOrders["parked"])
	return &worst{g, []way{redriveWay(c.me(r), g), {Label: "Look at a message", Href: c.sample(r.Context(), g)}}}
}

// redriveWay redrives a group: a few first, where there are many.
func redriveWay(me api.Me, g api.Group) way {
	w := way{Label: "Redrive them…", Kind: "primary", Why: denied(me, "operator")}
	canary := ""
	if g.Dead > canarySize {
		w.Label, canary = "Redrive with a canary…", strconv.Itoa(canarySize)
	}
	w.Href = actOn(g.Route, "redrive", filter{Group: g.Fingerprint}, nil, "canary", canary)
	return w
}

// sample is the page of one message of a group, or of all where none is found.
func (c *Console) sample(ctx context.Context, g api.Group) string {
	f := filter{Group: g.Fingerprint}
	l := f.list("")
	l.Limit = 1
	page, err := c.cfg.API.DeadLetterPage(ctx, g.Route, l)
	if err != nil || len(page.Items) == 0 {
		return lettersPath(g.Route) + "?" + url.Values{"group": {g.Fingerprint}}.Encode()
	}
	return letterPath(g.Route, page.Items[0].ID)
}
