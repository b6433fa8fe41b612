package client

import (
	"context"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// Me says who asks, and what they may do.
func (c *Client) Me(ctx context.Context) (out api.Me, err error) {
	err = c.get(ctx, "/api/v1/me", &out)
	return out, err
}

// Route returns a route with what it was told to do.
func (c *Client) Route(ctx context.Context, name string) (out api.RouteDetail, err error) {
	err = c.get(ctx, path(name), &out)
	return out, err
}
