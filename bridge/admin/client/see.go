package client

import (
	"context"
	"iter"
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

// Line draws a key in one of its epochs; nil: in the last.
func (c *Client) Line(ctx context.Context, route, key string, epoch *uint32) (out api.Line, err error) {
	at := path(route, "keys", key, "line")
	if epoch != nil {
		at += "?epoch=" + strconv.FormatUint(uint64(*epoch), 10)
	}
	err = c.get(ctx, at, &out)
	return out, err
}

// Search yields what fits some words: keys, dead letters, archived ones and
// operations, of one route, or with no name of all, at most so many; 0: all. It asks
// page by page for as long as it takes.
func (c *Client) Search(ctx context.Context, query, route string, limit int) iter.Seq2[api.Hit, error] {
	v := url.Values{"q": {query}}
	if route != "" {
		v.Set("route", route)
	}
	if limit > 0 {
		v.Set("limit", strconv.Itoa(min(limit, maxPage)))
	}
	return list[api.Hit](ctx, c, "/api/v1/search?"+v.Encode(), limit)
}
