package console

import (
	"cmp"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
)

// skipsPage is what keys went on without, and nobody has seen to.
type skipsPage struct {
	Route  string
	Routes []status.Route
	Skips  []openSkip
	Open   int64 // how many there are
	More   []more
}

// openSkip is one of them.
type openSkip struct{ api.OpenSkip }

// Close is the page that closes it.
func (s openSkip) Close() template.URL {
	return actPage(s.Route, "close", "key", s.Raw(), "from", strconv.FormatInt(s.From, 10), "epoch", strconv.FormatUint(uint64(s.Epoch), 10))
}

// skips lists open skips, the oldest first.
func (c *Console) skips(r *http.Request) (view, error) {
	p := skipsPage{Route: r.URL.Query().Get("route")}
	routes, err := c.cfg.API.Routes(r.Context())
	if err != nil {
		return view{}, err
	}
	p.Routes = routes
	for _, route := range routes {
		if p.Route == "" || p.Route == route.Name {
			p.Open += route.Counts.OpenSkips
		}
	}
	if err := c.addOpenSkips(r, &p); err != nil {
		return view{}, err
	}
	return view{page: "skips", title: "Open skips", nav: "keys", data: p, routes: p.Routes}, nil
}

// addOpenSkips adds those of the routes that are looked at; of several each shows a
// few.
func (c *Console) addOpenSkips(r *http.Request, p *skipsPage) error {
	names := chosenRoutes(p.Route, p.Routes)
	limit := max(1, perPage/max(1, len(names)))
	for _, name := range names {
		q := url.Values{"limit": {strconv.Itoa(limit)}}
		if after := r.URL.Query().Get("after"); after != "" && p.Route != "" {
			q.Set("after", after)
		}
		page, err := ask[api.OpenSkip](r.Context(), c, name, "skips", q)
		if err != nil {
			return err
		}
		for _, s := range page.Items {
			p.Skips = append(p.Skips, openSkip{s})
		}
		if next := cursor(page.Next); next != "" {
			p.More = append(p.More, more{name, link("/skips", "route", name, "after", next)})
		}
	}
	slices.SortStableFunc(p.Skips, func(a, b openSkip) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Route, b.Route)) })
	return nil
}
