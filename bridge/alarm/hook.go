package alarm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
	"golang.org/x/time/rate"

	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/events"
)

const (
	callTimeout = 10 * time.Second
	firstPause  = time.Second // between two calls for one notice
	longest     = 30 * time.Second
	patience    = 2 * time.Minute // with one notice
)

// The states of a [Notice].
const (
	begun    = "begun"
	resolved = "resolved"
)

// Notice is what a webhook is told.
type Notice struct {
	Route, Owner, Source string
	Reason, State, Says  string
	Since, At            time.Time
}

// Hook calls one webhook, at most so often. What waits for its turn is told in its
// last state.
type Hook struct {
	url, bearer string // secrets
	host        string
	client      *http.Client
	pace        *rate.Limiter
	log         *slog.Logger
	wake        chan struct{}

	mu      sync.Mutex
	waiting []Notice
	passed  int // notices that gave way to a later state, since the last call
}

// NewHook returns a hook that has not begun.
func NewHook(w config.Webhook, log *slog.Logger) *Hook {
	h := &Hook{
		url: w.URL.Reveal(), bearer: w.Bearer.Reveal(), wake: make(chan struct{}, 1),
		pace: rate.NewLimiter(rate.Every(time.Minute/time.Duration(w.PerMinute)), w.PerMinute),
	}
	if u, err := url.Parse(h.url); err == nil {
		h.host = u.Host
	}
	h.log = log.With("webhook", h.host) // the rest of the URL may be a secret
	h.client = &http.Client{
		Timeout: callTimeout,
		// Elsewhere it would be told to somebody whom the file does not name.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, ForceAttemptHTTP2: true},
	}
	return h
}

// Tell has the webhook told. It does not wait for that.
func (h *Hook) Tell(n Notice) {
	h.mu.Lock()
	same := func(o Notice) bool { return o.Source == n.Source && o.Reason == n.Reason }
	if i := slices.IndexFunc(h.waiting, same); i >= 0 {
		h.waiting = slices.Delete(h.waiting, i, i+1)
		h.passed++
	}
	h.waiting = append(h.waiting, n)
	h.mu.Unlock()
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// Run calls until ctx ends. What still waits then is not told: it is in the log,
// and is told again if it is still so at the next start.
func (h *Hook) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.wake:
		}
		for h.next(ctx) {
		}
	}
}

// next tells one notice; false if there is none, or ctx has ended.
func (h *Hook) next(ctx context.Context) bool {
	h.mu.Lock()
	none := len(h.waiting) == 0
	h.mu.Unlock()
	if none || h.pace.Wait(ctx) != nil {
		return false
	}
	h.mu.Lock()
	n, passed := h.waiting[0], h.passed
	h.waiting, h.passed = h.waiting[1:], 0
	more := len(h.waiting)
	h.mu.Unlock()
	body, err := n.document(passed, more)
	if err == nil {
		err = h.deliver(ctx, body)
	}
	if err != nil && ctx.Err() == nil {
		h.log.Warn("the webhook was not told of an alarm", "route", n.Route, "alarm", n.Reason, "state", n.State, "error", err)
	}
	return ctx.Err() == nil
}

// document is a notice as a CloudEvent. However often it is sent, its id is the same.
func (n Notice) document(passed, more int) ([]byte, error) {
	e := events.Event{
		ID:     fmt.Sprintf("%s/alarm/%s/%d/%s", n.Route, n.Reason, n.Since.UnixMilli(), n.State),
		Source: n.Source, Type: events.Prefix + "alarm", Subject: n.Reason, Time: n.At,
		Data: struct {
			Route      string    `json:"route"`
			Alarm      string    `json:"alarm"`
			State      string    `json:"state"`
			Says       string    `json:"says"`
			Since      time.Time `json:"since"`
			Owner      string    `json:"owner,omitempty"`
			Suppressed int       `json:"suppressed,omitempty"`
			Waiting    int       `json:"waiting,omitempty"`
		}{n.Route, n.Reason, n.State, n.Says, n.Since.UTC(), n.Owner, passed, more},
	}
	return e.JSON()
}

// deliver calls until the webhook has taken it, refuses it, or is away for too
// long.
func (h *Hook) deliver(ctx context.Context, body []byte) error {
	first := true
	pauses := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(firstPause), backoff.WithMaxInterval(longest), backoff.WithMaxElapsedTime(patience))
	return backoff.Retry(func() error {
		if !first {
			if err := h.pace.Wait(ctx); err != nil {
				return backoff.Permanent(err)
			}
		}
		first = false
		return h.call(ctx, body)
	}, backoff.WithContext(pauses, ctx))
}

func (h *Hook) call(ctx context.Context, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		return backoff.Permanent(errors.New("the URL cannot be called"))
	}
	req.Header.Set("Content-Type", events.Structured)
	req.Header.Set("User-Agent", "brokerbridge")
	if h.bearer != "" {
		req.Header.Set("Authorization", "Bearer "+h.bearer)
	}
	res, err := h.client.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
	err = fmt.Errorf("it answered %d", res.StatusCode)
	switch code := res.StatusCode; {
	case code >= 200 && code < 300:
		return nil
	case code >= 500, code == http.StatusRequestTimeout, code == http.StatusTooManyRequests:
		return err
	default: // the same again would be refused again
		return backoff.Permanent(err)
	}
}

// withoutURL keeps a secret out of the log.
func withoutURL(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}
