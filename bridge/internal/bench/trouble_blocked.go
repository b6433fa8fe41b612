package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	askTimeout   = 10 * time.Second
	judgedWithin = 5 * time.Second
)

// blocked says whether just those keys do not flow that are to be in trouble. It
// takes a moment until the last of them is judged.
func (c *course) blocked(ctx context.Context, of *crowd) error {
	want := 0
	for key := range of.Keys {
		if of.lost(key) {
			want++
		}
	}
	b := c.mover.(*bridge)
	for began := time.Now(); ; time.Sleep(lookEvery) {
		got, err := b.troubled(ctx)
		if err != nil || got == want {
			return err
		}
		if time.Since(began) > judgedWithin {
			return fmt.Errorf("%d keys are in trouble, want %d; %s", got, want, of.outcome().outcome())
		}
	}
}

// troubled is how many keys do not flow.
func (b *bridge) troubled(ctx context.Context) (int, error) {
	waiting, err := b.gauge(ctx, "bridge_waiting_keys")
	quarantined, err2 := b.gauge(ctx, "bridge_quarantined_keys")
	return waiting + quarantined, errors.Join(err, err2)
}

// gauge is the sum of a metric of the bridge.
func (b *bridge) gauge(ctx context.Context, name string) (sum int, err error) {
	said, _ := os.ReadFile(b.words)
	url := strings.Replace(string(healthURL.Find(said)), "/readyz", "/metrics", 1)
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, fmt.Errorf("ask the bridge for %s: %w", name, err)
	}
	defer func() { _ = res.Body.Close() }()
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		series, value, _ := strings.Cut(lines.Text(), " ")
		if metric, _, _ := strings.Cut(series, "{"); metric != name {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return 0, fmt.Errorf("metric %q: %w", lines.Text(), err)
		}
		sum += int(v)
	}
	return sum, lines.Err()
}
