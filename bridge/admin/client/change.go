package client

import (
	"context"
	"iter"
	"net/url"
	"strconv"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// Redrive sends a dead letter through again. An [*api.Error] with one of the
// codes of a refusal says that nothing was changed; so it is with each change
// below.
func (c *Client) Redrive(ctx context.Context, route, id string, ch api.Change) (api.Outcome, error) {
	return c.post(ctx, path(route, "dead-letters", id, "redrive"), ch)
}

// Discard gives a dead letter up for good.
func (c *Client) Discard(ctx context.Context, route, id string, ch api.Change) (api.Outcome, error) {
	return c.post(ctx, path(route, "dead-letters", id, "discard"), ch)
}

// Skip lets a key go on without the revisions that its gap lacks.
func (c *Client) Skip(ctx context.Context, route, key string, ch api.Change) (api.Outcome, error) {
	return c.post(ctx, path(route, "keys", key, "skip"), ch)
}

// Release gives a gap its time once more, or opens the epoch of a record that was
// created anew.
func (c *Client) Release(ctx context.Context, route, key string, ch api.Change) (api.Outcome, error) {
	return c.post(ctx, path(route, "keys", key, "release"), ch)
}

// Pause stops a route from taking messages.
func (c *Client) Pause(ctx context.Context, route string, ch api.Change) (api.Outcome, error) {
	return c.post(ctx, path(route, "pause"), ch)
}

// Resume lets a route go on, or starts one that stopped by itself.
func (c *Client) Resume(ctx context.Context, route string, ch api.Change) (api.Outcome, error) {
	return c.post(ctx, path(route, "resume"), ch)
}

// Explain says what a key waits for, and what would let it go on.
func (c *Client) Explain(ctx context.Context, route, key string) (out api.Explanation, err error) {
	err = c.get(ctx, path(route, "keys", key, "explain"), &out)
	return out, err
}

// AuditList selects what operators did. The zero value is all of it.
type AuditList struct {
	Route string // only of this route
	Key   string // only about this key
	Last  int    // the newest so many, at most 1000; 0: all
}

// Audits yields what operators did, oldest first. The newest are all read before the
// first is yielded.
func (c *Client) Audits(ctx context.Context, l AuditList) iter.Seq2[api.Audit, error] {
	v := url.Values{}
	for name, text := range map[string]string{"route": l.Route, "key": l.Key} {
		if text != "" {
			v.Set(name, text)
		}
	}
	if l.Last > 0 {
		v.Set("last", strconv.Itoa(l.Last))
		return c.lastAudits(ctx, "/api/v1/audit?"+v.Encode(), l.Last)
	}
	v.Set("limit", strconv.Itoa(maxPage))
	return list[api.Audit](ctx, c, "/api/v1/audit?"+v.Encode(), 0)
}

// lastAudits follows the pages that go back.
func (c *Client) lastAudits(ctx context.Context, next string, last int) iter.Seq2[api.Audit, error] {
	return func(yield func(api.Audit, error) bool) {
		var all []api.Audit
		for next != "" && len(all) < last {
			var page api.Page[api.Audit]
			if err := c.get(ctx, next, &page); err != nil {
				yield(api.Audit{}, err)
				return
			}
			all, next = append(page.Items, all...), page.Next
		}
		for _, a := range all[max(0, len(all)-last):] {
			if !yield(a, nil) {
				return
			}
		}
	}
}

// post asks for a change.
func (c *Client) post(ctx context.Context, path string, ch api.Change) (out api.Outcome, err error) {
	err = c.send(ctx, path, ch, &out)
	return out, err
}
