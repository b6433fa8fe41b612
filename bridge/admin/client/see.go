package client

import (
	"context"
	"net/url"
	"strconv"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// Me says who asks, and what they may do.
func (c *Client) Me(ctx context.Context) (out api.Me, err error) {
	err = c.get(ctx, "/api/v1/me", &out)
	return out, err
}

// Route returns a route with what it was told to do, and how fast it is.
func (c *Client) Route(ctx context.Context, route string) (out api.RouteDetail, err error) {
	err = c.get(ctx, path(route), &out)
	return out, err
}

// History is what a route, or with no name all routes together, moved within the
// last hours, 1 to 24.
func (c *Client) History(ctx context.Context, route string, hours int) (out api.History, err error) {
	v := url.Values{"hours": {strconv.Itoa(hours)}}
	if route != "" {
		v.Set("route", route)
	}
	err = c.get(ctx, "/api/v1/history?"+v.Encode(), &out)
	return out, err
}
