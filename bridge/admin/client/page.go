package client

import (
	"context"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// DeadLetterPage returns a page of the dead letters of a route: at most l.Limit of
// them, 1000 where that is 0. Its Next is where it goes on.
func (c *Client) DeadLetterPage(ctx context.Context, route string, l List) (out api.Page[api.DeadLetter], err error) {
	err = c.get(ctx, path(route, "dead-letters")+l.query(), &out)
	return out, err
}

// ArchivePage returns a page of what was put away, in the same way.
func (c *Client) ArchivePage(ctx context.Context, route string, l List) (out api.Page[api.Archived], err error) {
	err = c.get(ctx, path(route, "archive")+l.query(), &out)
	return out, err
}
