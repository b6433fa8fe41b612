// Package client asks the admin API of a running bridge, and has it change
// things.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
)

// ErrUnreachable is the error of every call when no bridge answers.
var ErrUnreachable = errors.New("no bridge answers")

const (
	timeout   = 30 * time.Second
	maxAnswer = 32 << 20
	maxPage   = 1000
)

// Client asks one bridge. Build it with [New]; it is safe for concurrent use.
type Client struct {
	base  string
	token string
	http  *http.Client
}

// New returns a client for the API at a URL such as http://127.0.0.1:8321.
func New(base string, o Options) (*Client, error) {
	u, err := url.Parse(base)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return nil, errors.New("the address of the admin API must be a URL such as http://127.0.0.1:8321")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("the address of the admin API takes no user, query or fragment")
	}
	if err := o.safe(u); err != nil {
		return nil, err
	}
	transport, err := o.transport()
	if err != nil {
		return nil, err
	}
	return &Client{base: strings.TrimRight(base, "/"), token: o.Token, http: &http.Client{
		Timeout: timeout, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}}, nil
}

// Over returns a client that asks by way of rt, which is the API itself: for what
// is in the same process.
func Over(rt http.RoundTripper) *Client {
	return &Client{base: "http://localhost", http: &http.Client{Transport: rt}}
}

// Get reads what is at a path of the API, such as the Next of a page, into out.
func (c *Client) Get(ctx context.Context, path string, out any) error { return c.get(ctx, path, out) }

// Routes lists the routes.
func (c *Client) Routes(ctx context.Context) ([]status.Route, error) {
	var page api.Page[status.Route]
	err := c.get(ctx, "/api/v1/routes", &page)
	return page.Items, err
}

// Ready says whether every route moves messages, and how each is doing.
func (c *Client) Ready(ctx context.Context) (api.Ready, error) {
	var out api.Ready
	err := c.get(ctx, "/readyz?verbose", &out)
	return out, err
}

// List selects items of a list. The zero value is all.
type List struct {
	Key     string // dead letters: only those of this key
	Reason  string // dead letters: only those with this reason
	Group   string // dead letters: only those with this cause, a fingerprint
	Gaps    bool   // dead letters: also gaps whose time is over
	Blocked bool   // keys: only those that do not flow, or have something parked
	After   string // only those behind this id or key
	Limit   int    // at most so many; 0: all

	Since time.Time // dead letters: only those given up at it or later
	Until time.Time // dead letters: only those given up before it
}

// DeadLetters yields the dead letters of a route, page by page.
func (c *Client) DeadLetters(ctx context.Context, route string, l List) iter.Seq2[api.DeadLetter, error] {
	return list[api.DeadLetter](ctx, c, path(route, "dead-letters")+l.query(), l.Limit)
}

// DeadLetter returns one with its content.
func (c *Client) DeadLetter(ctx context.Context, route, id string) (out api.DeadLetterDetail, err error) {
	err = c.get(ctx, path(route, "dead-letters", id), &out)
	return out, err
}

// Keys yields the lanes of a route, page by page.
func (c *Client) Keys(ctx context.Context, route string, l List) iter.Seq2[api.Lane, error] {
	return list[api.Lane](ctx, c, path(route, "keys")+l.query(), l.Limit)
}

// Key returns a key in all its epochs.
func (c *Client) Key(ctx context.Context, route, key string) (out api.Key, err error) {
	err = c.get(ctx, path(route, "keys", key), &out)
	return out, err
}

// path is the path of something of a route. A key may be any bytes, also those
// that mean "here" and "above" in a path.
func path(route string, parts ...string) string {
	p := "/api/v1/routes/" + escape(route)
	for _, part := range parts {
		p += "/" + escape(part)
	}
	return p
}

func escape(part string) string {
	if part == "." || part == ".." {
		return strings.ReplaceAll(part, ".", "%2E")
	}
	return url.PathEscape(part)
}

func (l List) query() string { return l.pages(maxPage) }

// pages is the query of pages with at most so many items.
func (l List) pages(most int) string {
	v := url.Values{}
	for name, text := range map[string]string{
		"key": l.Key, "reason": l.Reason, "group": l.Group, "after": l.After, "since": moment(l.Since), "until": moment(l.Until),
	} {
		if text != "" {
			v.Set(name, text)
		}
	}
	for name, on := range map[string]bool{"blocked": l.Blocked, "gaps": l.Gaps} {
		if on {
			v.Set(name, "true")
		}
	}
	if l.Limit > 0 {
		most = min(most, l.Limit)
	}
	v.Set("limit", strconv.Itoa(most))
	return "?" + v.Encode()
}

// moment is a time in a query; zero is none.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// list follows the pages of a list.
func list[T any](ctx context.Context, c *Client, next string, limit int) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for n := 0; next != ""; {
			var page api.Page[T]
			if err := c.get(ctx, next, &page); err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range page.Items {
				if limit > 0 && n >= limit || !yield(item, nil) {
					return
				}
				n++
			}
			next = page.Next
		}
	}
}

// get reads one answer into out.
func (c *Client) get(ctx context.Context, path string, out any) error {
	if !strings.HasPrefix(path, "/") {
		return fmt.Errorf("the bridge at %s names a page that is no path", c.base)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return c.unasked(err)
	}
	return c.do(req, out)
}

// unasked says why a request could not be made.
func (c *Client) unasked(err error) error {
	return fmt.Errorf("ask the bridge at %s: %w", c.base, err)
}

// do sends a request and reads its answer into out.
func (c *Client) do(req *http.Request, out any) error {
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(req.Context(), err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return c.unreachable(req.Context(), err)
	}
	return c.read(resp.StatusCode, body, out)
}

// unreachable says why nobody answers, without the URL of the request: it may
// hold a key.
func (c *Client) unreachable(ctx context.Context, err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w at %s: %w", ErrUnreachable, c.base, err)
}

// read takes an answer, or the error it carries. /readyz answers 503 with what
// was asked for.
func (c *Client) read(code int, body []byte, out any) error {
	var f api.Failure
	if code >= http.StatusBadRequest && json.Unmarshal(body, &f) == nil && f.Error != nil {
		return f.Error
	}
	if code == http.StatusOK || code == http.StatusServiceUnavailable {
		if json.Unmarshal(body, out) == nil {
			return nil
		}
	}
	if bytes.Contains(body, []byte("HTTP request to an HTTPS server")) { // as package http says it
		return fmt.Errorf("what answers at %s encrypts: ask for https://", c.base)
	}
	return fmt.Errorf("what answers at %s is not a bridge (HTTP %d)", c.base, code)
}
