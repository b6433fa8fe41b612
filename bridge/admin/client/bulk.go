package client

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// maxLetters are on a page of an export, and in a request to import.
const maxLetters = 100

// Groups lists the causes of a route's dead letters. Sorted by blocked, parked,
// dead or last; empty: by what waits for them.
func (c *Client) Groups(ctx context.Context, route, sort string) iter.Seq2[api.Group, error] {
	p := path(route, "groups")
	if sort != "" {
		p += "?" + url.Values{"sort": {sort}}.Encode()
	}
	return list[api.Group](ctx, c, p, 0)
}

// Export yields dead letters whole, page by page.
func (c *Client) Export(ctx context.Context, route string, l List) iter.Seq2[api.Letter, error] {
	return list[api.Letter](ctx, c, path(route, "export")+l.pages(maxLetters), l.Limit)
}

// Import adds dead letters, at most 100. The outcome names those that were added;
// the others were there.
func (c *Client) Import(ctx context.Context, route string, i api.Import) (out api.Outcome, err error) {
	err = c.patient().send(ctx, path(route, "import"), i, &out)
	return out, err
}

// Archive puts a dead letter away: its key goes on without it.
func (c *Client) Archive(ctx context.Context, route, id string, ch api.Change) (api.Outcome, error) {
	return c.post(ctx, path(route, "dead-letters", id, "archive"), ch)
}

// Edit gives a dead letter other content. It stays the same dead letter.
func (c *Client) Edit(ctx context.Context, route, id string, e api.Edit) (out api.Outcome, err error) {
	err = c.send(ctx, path(route, "dead-letters", id, "edit"), e, &out)
	return out, err
}

// Begin plans an operation on many dead letters, or begins it.
func (c *Client) Begin(ctx context.Context, route string, r api.Request) (out api.Begun, err error) {
	err = c.patient().send(ctx, path(route, "operations"), r, &out)
	return out, err
}

// Operations yields the operations of a route, those that are over with them.
func (c *Client) Operations(ctx context.Context, route string, l List) iter.Seq2[api.Operation, error] {
	return list[api.Operation](ctx, c, path(route, "operations")+l.query(), l.Limit)
}

// Operation says how one is doing.
func (c *Client) Operation(ctx context.Context, route, id string) (out api.Operation, err error) {
	err = c.get(ctx, path(route, "operations", id), &out)
	return out, err
}

// PauseOperation lets one rest until it is resumed.
func (c *Client) PauseOperation(ctx context.Context, route, id string, ch api.Change) (api.Operation, error) {
	return c.turn(ctx, route, id, "pause", ch)
}

// ResumeOperation lets one go on that was paused, or stopped by itself.
func (c *Client) ResumeOperation(ctx context.Context, route, id string, ch api.Change) (api.Operation, error) {
	return c.turn(ctx, route, id, "resume", ch)
}

// CancelOperation ends one; what it has done stays.
func (c *Client) CancelOperation(ctx context.Context, route, id string, ch api.Change) (api.Operation, error) {
	return c.turn(ctx, route, id, "cancel", ch)
}

func (c *Client) turn(ctx context.Context, route, id, verb string, ch api.Change) (out api.Operation, err error) {
	err = c.send(ctx, path(route, "operations", id, verb), ch, &out)
	return out, err
}

// ArchivedLetters yields what was put away, page by page.
func (c *Client) ArchivedLetters(ctx context.Context, route string, l List) iter.Seq2[api.Archived, error] {
	return list[api.Archived](ctx, c, path(route, "archive")+l.query(), l.Limit)
}

// ArchivedLetter returns one of those with its content.
func (c *Client) ArchivedLetter(ctx context.Context, route, id string) (out api.ArchivedDetail, err error) {
	err = c.get(ctx, path(route, "archive", id), &out)
	return out, err
}

// Restore makes what was put away a dead letter again.
func (c *Client) Restore(ctx context.Context, route, id string, ch api.Change) (api.Outcome, error) {
	return c.post(ctx, path(route, "archive", id, "restore"), ch)
}

// OpenSkips yields the revisions that keys went on without and that nobody has
// seen to.
func (c *Client) OpenSkips(ctx context.Context, route string, l List) iter.Seq2[api.OpenSkip, error] {
	return list[api.OpenSkip](ctx, c, path(route, "skips")+l.query(), l.Limit)
}

// CloseSkip says that somebody has seen to the revisions that a key went on
// without: those that begin at Change.To.
func (c *Client) CloseSkip(ctx context.Context, route, key string, ch api.Change) (api.Outcome, error) {
	return c.post(ctx, path(route, "keys", key, "close"), ch)
}

// Purge removes what is stored of a key.
func (c *Client) Purge(ctx context.Context, route, key string, ch api.Change) (api.Outcome, error) {
	return c.post(ctx, path(route, "keys", key, "purge"), ch)
}

// VerifyAudit has the bridge follow the chain of its audit. With expect, a
// SEQ:HASH that was kept elsewhere, that row has to be in it.
func (c *Client) VerifyAudit(ctx context.Context, expect string) (out api.AuditCheck, err error) {
	p := "/api/v1/audit/verify"
	if expect != "" {
		p += "?" + url.Values{"expect": {expect}}.Encode()
	}
	err = c.patient().get(ctx, p, &out)
	return out, err
}

// patient is a client that waits as long as its context allows: for what the
// bridge has to read much for.
func (c *Client) patient() *Client {
	patient, slow := *c, *c.http
	slow.Timeout = 0
	patient.http = &slow
	return &patient
}

// send posts a JSON document and reads the answer into out.
func (c *Client) send(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(body))
	if err != nil {
		return c.unasked(err)
	}
	req.Header.Set("Content-Type", "application/json")
	return c.do(req, out)
}
