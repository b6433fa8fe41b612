package console

import (
	"cmp"
	"context"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
)

// perPage is how many rows a page asks for at most.
const perPage = 100

// keyPages are the pages about keys, what was done to them, and search.
func (c *Console) keyPages() []Page {
	return []Page{
		{"GET", "/keys", Reading, "The keys that do not flow, by what they wait for", c.shows(c.keys)},
		{"GET", "/routes/{route}/keys/{key}", Reading, "A key: what it waits for, its line of revisions, the ways out", c.shows(c.key)},
		{"GET", "/routes/{route}/key", Reading, "A key that a path cannot name", c.shows(c.key)},
		{"GET", "/skips", Reading, "What keys went on without, and nobody has seen to", c.shows(c.skips)},
		{"GET", "/audit", Reading, "What operators did, the newest first", c.shows(c.audit)},
		{"GET", "/audit/verify", Reading, "Whether the audit is as it was written", c.shows(c.verify)},
		{"GET", "/search", Reading, "Keys, dead letters and operations by what is known of them", c.shows(c.search)},
	}
}

// keyState is a state of lanes in words.
type keyState struct {
	Name, Title, Says string
	Act               bool // somebody has to act
}

// keyStates are the states of lanes, those that need somebody first.
var keyStates = []keyState{
	{"quarantined", "Quarantined", "Their next revision is a dead letter. What follows is parked until you redrive or discard it.", true},
	{"gap_blocked", "Gap, its time over", "A revision did not come in time. What follows is parked until it comes, or you let the key go on without it.", true},
	{"locked", "Locked", "The record was created anew. Its new messages are parked until you release them.", true},
	{"gap", "Gap", "A revision has not come, and what follows waits for it. When its time is over, the route does what it was told to.", false},
	{"waiting", "Retrying", "The next revision failed and is tried again by itself.", false},
	{"adopting", "New", "They wait a moment for their lowest revision.", false},
	{"flowing", "Flowing", "Nothing blocks them: what was parked is being delivered.", false},
}

// stateOf is a state in words.
func stateOf(name string) keyState {
	for _, s := range keyStates {
		if s.Name == name {
			return s
		}
	}
	return keyState{Name: name, Title: name}
}

// keysPage is the list of keys.
type keysPage struct {
	Route, State, Key string // what was asked for
	Routes            []status.Route
	States            []keyState
	Totals            []stateTotal
	Groups            []laneGroup
	More              []more
	Shown             int
}

// stateTotal is how many keys are in a state, on all routes that are looked at.
type stateTotal struct {
	keyState
	Count int64
	Path  template.URL
}

// laneGroup are the keys in one state.
type laneGroup struct {
	keyState
	Lanes []api.Lane
}

// more is where a list goes on.
type more struct {
	Route string
	Path  template.URL
}

// keys lists the keys that do not flow, or finds one.
func (c *Console) keys(r *http.Request) (view, error) {
	q := r.URL.Query()
	p := keysPage{Route: q.Get("route"), State: q.Get("state"), Key: keyOf(q), States: keyStates}
	if p.State != "" && stateOf(p.State).Says == "" {
		return view{}, &api.Error{Code: api.BadRequest, Message: "keys have no such state", Hint: "choose one from the list of states"}
	}
	all, err := c.cfg.API.Routes(r.Context())
	if err != nil {
		return view{}, err
	}
	p.Routes = all
	names := chosenRoutes(p.Route, all)
	limit := max(1, perPage/max(1, len(names)))
	for _, name := range names {
		if err := c.addKeys(r.Context(), &p, name, q.Get("after"), limit); err != nil {
			return view{}, err
		}
	}
	p.total()
	p.sort()
	return view{page: "keys", title: "Keys", nav: "keys", data: p, routes: p.Routes}, nil
}

// chosenRoutes are the routes that are asked: the one that was chosen, else all, as
// far as each can show a row.
func chosenRoutes(one string, all []status.Route) (names []string) {
	if one != "" {
		return []string{one}
	}
	for _, r := range all[:min(len(all), perPage)] {
		names = append(names, r.Name)
	}
	return names
}

// addKeys adds keys of a route, at most so many.
func (c *Console) addKeys(ctx context.Context, p *keysPage, route, after string, limit int) error {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	if p.Key == "" {
		q.Set("blocked", "true")
		if p.State != "" {
			q.Set("state", p.State)
		}
	} else {
		q.Set("key", p.Key)
	}
	if p.Route != "" && after != "" {
		q.Set("after", after)
	}
	page, err := ask[api.Lane](ctx, c, route, "keys", q)
	if err != nil {
		return err
	}
	for _, l := range page.Items {
		p.add(l)
	}
	if next := cursor(page.Next); next != "" && p.Key == "" {
		p.More = append(p.More, more{route, link("/keys", "route", route, "state", p.State, "after", next)})
	}
	return nil
}

// ask gets one page of a list of a route.
func ask[T any](ctx context.Context, c *Console, route, list string, q url.Values) (page api.Page[T], err error) {
	err = c.cfg.API.Get(ctx, "/api/v1/routes/"+segment(route)+"/"+list+"?"+q.Encode(), &page)
	return page, err
}

// cursor is where the next page of a list begins, of the path that the API gives.
func cursor(next string) string {
	u, err := url.Parse(next)
	if err != nil {
		return ""
	}
	return u.Query().Get("after")
}

// add puts a lane into the group of its state.
func (p *keysPage) add(l api.Lane) {
	if p.State != "" && l.State != p.State {
		return
	}
	p.Shown++
	i := slices.IndexFunc(p.Groups, func(g laneGroup) bool { return g.Name == l.State })
	if i < 0 {
		p.Groups = append(p.Groups, laneGroup{keyState: stateOf(l.State)})
		i = len(p.Groups) - 1
	}
	p.Groups[i].Lanes = append(p.Groups[i].Lanes, l)
}

// total counts the keys of the routes that are looked at, by their states.
func (p *keysPage) total() {
	for _, s := range keyStates {
		t := stateTotal{keyState: s, Path: link("/keys", "route", p.Route, "state", s.Name)}
		for _, r := range p.Routes {
			if p.Route == "" || r.Name == p.Route {
				t.Count += r.Counts.Keys[s.Name]
			}
		}
		if t.Count > 0 || s.Name == p.State {
			p.Totals = append(p.Totals, t)
		}
	}
}

// sort puts first what needs somebody, and of that what waits longest.
func (p *keysPage) sort() {
	rank := func(g laneGroup) int {
		return slices.IndexFunc(keyStates, func(s keyState) bool { return s.Name == g.Name })
	}
	slices.SortStableFunc(p.Groups, func(a, b laneGroup) int { return cmp.Compare(rank(a), rank(b)) })
	for _, g := range p.Groups {
		slices.SortStableFunc(g.Lanes, func(a, b api.Lane) int { return a.Since.Compare(b.Since) })
	}
}

// Tries reports whether one of the keys is tried again at a known time.
func (g laneGroup) Tries() bool {
	return slices.ContainsFunc(g.Lanes, func(l api.Lane) bool { return !l.Due.IsZero() })
}
