package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// silence is how long a stream may say nothing: it has a comment every 15 s.
const silence = time.Minute

// again is the pause before the next stream.
const again = time.Second

// errSilent ends a stream that says nothing any more.
var errSilent = errors.New("the stream says nothing")

// Ticks yields how the routes are doing, at once and then whenever something has
// changed, at most every 2 s, until ctx ends. The bridge ends each stream after ten
// minutes; then the next one is asked for. After an error there is nothing more.
func (c *Client) Ticks(ctx context.Context) iter.Seq2[api.Tick, error] {
	return func(yield func(api.Tick, error) bool) {
		for {
			more, err := c.ticksOnce(ctx, yield)
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			if err != nil && more {
				yield(api.Tick{}, err)
			}
			if err != nil || !more {
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(again):
			}
		}
	}
}

// ticksOnce follows one stream to its end; more is false when nobody listens any
// more.
func (c *Client) ticksOnce(ctx context.Context, yield func(api.Tick, error) bool) (more bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer watch.Stop()
	body, err := c.open(ctx, "/api/v1/stream")
	if err != nil {
		return true, err
	}
	defer func() { _ = body.Close() }()
	lines := bufio.NewReader(body)
	for {
		line, err := readLine(lines)
		watch.Reset(silence)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return true, nil // the bridge ended it
		case err != nil:
			return true, fmt.Errorf("%w at %s: %w", ErrUnreachable, c.base, causeOf(ctx, err))
		}
		data, ok := bytes.CutPrefix(line, []byte("data: "))
		if !ok {
			continue
		}
		var tick api.Tick
		if err := json.Unmarshal(data, &tick); err != nil {
			return true, fmt.Errorf("what answers at %s is not a bridge: %w", c.base, err)
		}
		if !yield(tick, nil) {
			return false, nil
		}
	}
}

// causeOf is why a stream was given up, or else the error itself.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// readLine reads a line that is not too long.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, prefix, err := r.ReadLine()
		if err != nil {
			return nil, err
		}
		if line = append(line, part...); !prefix {
			return line, nil
		}
		if len(line) > maxAnswer {
			return nil, errors.New("an event is too large")
		}
	}
}

// open asks for a stream, which has no time limit as a whole.
func (c *Client) open(ctx context.Context, path string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return nil, c.unasked(err)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	endless := *c.http
	endless.Timeout = 0
	resp, err := endless.Do(req)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	return nil, c.read(resp.StatusCode, body, new(struct{}))
}
