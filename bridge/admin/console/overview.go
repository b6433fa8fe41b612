package console

import (
	"context"
	"html/template"
	"maps"
	"net/http"
	"slices"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
)

// overviewPages are the pages of what all routes do, and one.
func (c *Console) overviewPages() []Page {
	return []Page{
		{"GET", "/{$}", Reading, "Whether all is well, and what hurts most if not", c.shows(c.overview)},
		{"GET", "/routes/{route}/{$}", Reading, "A route: what it was told to do, how fast it is, what keeps it", c.shows(c.route)},
	}
}

// overview is the first page: whether all is well.
type overview struct {
	Verdict     verdict
	Unaccounted int64
	Causes      []cause
	More        int // causes that are not shown
	Cards       []card
	Graph       graph
	Routes      []row
	Chart       chart
}

// card is a figure that says how much waits, and where to see it.
type card struct {
	Name  string
	Count int64
	Tone  string
	Says  string // what it means that there are some, or none
	Link  template.URL
}

// row is a route of the overview.
type row struct {
	status.Route
	Rates *api.Rates // nil: unknown
	Lag   int64
}

func (c *Console) overview(r *http.Request) (view, error) {
	ctx := r.Context()
	routes, err := c.settled(ctx)
	if err != nil {
		return view{}, err
	}
	causes, err := c.causes(ctx, routes)
	if err != nil {
		return view{}, err
	}
	chart, err := c.chart(r, "")
	if err != nil {
		return view{}, err
	}
	o := overview{
		Verdict: judge(routes, causes), Causes: causes[:min(len(causes), maxCauses)], More: max(0, len(causes)-maxCauses),
		Cards: cards(routes), Routes: c.rows(ctx, routes), Chart: chart,
	}
	for _, route := range routes {
		o.Unaccounted += max(route.Counts.Unaccounted, -route.Counts.Unaccounted)
	}
	o.Graph = draw(o.Routes)
	return view{page: "overview", title: "Overview", nav: "overview", routes: routes, data: o}, nil
}

// settled are the routes. Where messages seem to be unaccounted for, it looks
// twice: while they move, a reading may be off by those between two counters.
func (c *Console) settled(ctx context.Context) ([]status.Route, error) {
	routes, err := c.cfg.API.Routes(ctx)
	for looks := 0; err == nil && looks < 3 && off(routes); looks++ {
		var again []status.Route
		if again, err = c.cfg.API.Routes(ctx); err != nil || len(again) != len(routes) {
			break
		}
		for i := range routes {
			if again[i].Counts.Unaccounted == 0 {
				routes[i].Counts.Unaccounted = 0
			}
		}
	}
	return routes, err
}

func off(routes []status.Route) bool {
	for _, r := range routes {
		if r.Counts.Unaccounted != 0 {
			return true
		}
	}
	return false
}

// rows are the routes with what is known of their rates.
func (c *Console) rows(ctx context.Context, routes []status.Route) []row {
	all := make([]row, 0, len(routes))
	for i, r := range routes {
		one := row{Route: r, Lag: lag(r)}
		if i < maxAsked {
			if d, err := c.cfg.API.Route(ctx, r.Name); err == nil { // a page without rates is better than none
				one.Rates = &d.Rates
			}
		}
		all = append(all, one)
	}
	return all
}

// blockedOf is how many keys of a route wait until somebody acts.
func blockedOf(r status.Route) int64 {
	return r.Counts.Keys["quarantined"] + r.Counts.Keys["gap_blocked"] + r.Counts.Keys["locked"]
}

// cards are the figures below the sentence.
func cards(routes []status.Route) []card {
	var parked, dead, keys, skips, alarms int64
	for _, r := range routes {
		parked += r.Counts.Parked
		dead += r.Counts.Dead
		keys += blockedOf(r)
		skips += r.Counts.OpenSkips
		alarms += int64(len(r.Alarms))
	}
	all := []card{
		{Name: "Parked messages", Count: parked, Tone: "busy", Says: "stored, waiting for what is before them", Link: "/keys"},
		{Name: "Dead letters", Count: dead, Tone: "busy", Says: "given up, waiting for somebody", Link: "/dead-letters"},
		{Name: "Blocked keys", Count: keys, Tone: "bad", Says: "go on when somebody acts", Link: "/keys"},
		{Name: "Open skips", Count: skips, Tone: "busy", Says: "revisions gone without; not looked at yet", Link: "/skips"},
		{Name: "Alarms", Count: alarms, Tone: "bad", Says: "limits that are reached", Link: "#causes"},
	}
	for i := range all {
		if all[i].Count == 0 {
			all[i].Tone, all[i].Says = "good", "none, as it should be"
		}
	}
	return all
}

// facts are counts by name, those that are 0 left out.
func facts(counts map[string]int64) (all []fact) {
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if n := counts[name]; n != 0 {
			all = append(all, fact{name, count(n)})
		}
	}
	return all
}
