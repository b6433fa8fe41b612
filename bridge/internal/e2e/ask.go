package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	askTimeout = 10 * time.Second
	askEvery   = 50 * time.Millisecond
)

// get asks the bridge's own interface. An error means that it does not answer.
func (b *Bridge) get(path string) (code int, body []byte, err error) {
	client := http.Client{Timeout: askTimeout}
	res, err := client.Get("http://" + b.addr + path)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err = io.ReadAll(res.Body)
	return res.StatusCode, body, err
}

// Get decodes what the API says at a path into v; anything but 200 fails the
// test.
func (b *Bridge) Get(path string, v any) {
	b.t.Helper()
	code, body, err := b.get(path)
	if err != nil || code != http.StatusOK {
		b.t.Fatalf("GET %s: %d, %v: %s", path, code, err, body)
	}
	if err := json.Unmarshal(body, v); err != nil {
		b.t.Fatalf("GET %s: %v: %s", path, err, body)
	}
}

// Post sends a change to the API and decodes its answer into v, unless that is
// nil.
func (b *Bridge) Post(path string, change, v any) {
	b.t.Helper()
	text, err := json.Marshal(change)
	if err != nil {
		b.t.Fatal(err)
	}
	client := http.Client{Timeout: askTimeout}
	res, err := client.Post("http://"+b.addr+path, "application/json", bytes.NewReader(text))
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 300 {
		b.t.Fatalf("POST %s: %d, %v: %s", path, res.StatusCode, err, body)
	}
	if v == nil {
		return
	}
	if err := json.Unmarshal(body, v); err != nil {
		b.t.Fatalf("POST %s: %v: %s", path, err, body)
	}
}

// Ready is what /readyz says; 0 where nobody answers.
func (b *Bridge) Ready() (code int, reason string) {
	code, body, err := b.get("/readyz")
	if err != nil {
		return 0, err.Error()
	}
	return code, string(body)
}

// Metrics are the samples of one scrape.
type Metrics []sample

type sample struct {
	name, labels string
	value        float64
}

// Metrics scrapes the bridge; false where it does not answer.
func (b *Bridge) Metrics() (Metrics, bool) {
	code, body, err := b.get("/metrics")
	if err != nil || code != http.StatusOK {
		return nil, false
	}
	var all Metrics
	for line := range strings.Lines(string(body)) {
		series, value, ok := cutLast(strings.TrimSpace(line), " ")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		name, labels, _ := strings.Cut(series, "{")
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			b.t.Errorf("a metric that is no number: %s", line)
		}
		all = append(all, sample{name, strings.TrimSuffix(labels, "}"), v})
	}
	return all, true
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// Sum adds the samples of a metric that have all of the labels, each written
// name=value. There may be none of them.
func (m Metrics) Sum(name string, labels ...string) int64 {
	var sum float64
next:
	for _, s := range m {
		if s.name != name {
			continue
		}
		for _, l := range labels {
			label, value, _ := strings.Cut(l, "=")
			if !strings.Contains(","+s.labels, fmt.Sprintf(",%s=%q", label, value)) {
				continue next
			}
		}
		sum += s.value
	}
	return int64(sum)
}

// Has reports whether a metric is exported at all.
func (m Metrics) Has(name string) bool {
	for _, s := range m {
		if s.name == name {
			return true
		}
	}
	return false
}
