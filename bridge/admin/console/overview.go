package console

import (
	"net/http"

	"github.com/brokerbridge/bridge/bridge/status"
)

// overview is the first page: whether all is well.
func (c *Console) overview(r *http.Request) (view, error) {
	routes, err := c.cfg.API.Routes(r.Context())
	if err != nil {
		return view{}, err
	}
	return view{page: "overview", title: "Overview", nav: "overview", data: struct{ Routes []status.Route }{routes}}, nil
}

// route is the page of one route.
func (c *Console) route(r *http.Request) (view, error) {
	d, err := c.cfg.API.Route(r.Context(), r.PathValue("route"))
	if err != nil {
		return view{}, err
	}
	return view{page: "route", title: d.Name, nav: "overview", data: d}, nil
}
