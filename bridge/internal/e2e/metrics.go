package e2e

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Metrics are the samples of one scrape.
type Metrics []sample

type sample struct {
	name, labels string
	value        float64
}

// Address is where the bridge answers.
func (b *Bridge) Address() string { return b.addr }

// Scrape is what the bridge serves to Prometheus; false where it does not answer.
func (b *Bridge) Scrape() (string, bool) {
	code, body, err := b.get("/metrics")
	return string(body), err == nil && code == http.StatusOK
}

// Metrics scrapes the bridge; false where it does not answer.
func (b *Bridge) Metrics() (Metrics, bool) {
	body, ok := b.Scrape()
	if !ok {
		return nil, false
	}
	var all Metrics
	for line := range strings.Lines(body) {
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

// counts are those of all routes together.
type counts struct{ received, delivered, duplicates, dead, parked, memory, lag, unaccounted int64 }

// Describe is what moves and what rests, for people.
func Describe(m Metrics) string { return count(m).String() }

func count(m Metrics) counts {
	return counts{
		received:    m.Sum("bridge_messages_received_total"),
		delivered:   m.Sum("bridge_messages_delivered_total"),
		duplicates:  m.Sum("bridge_messages_duplicates_total"),
		dead:        m.Sum("bridge_dead_letter_messages"),
		parked:      m.Sum("bridge_parked_messages"),
		memory:      m.Sum("bridge_inflight_messages") + m.Sum("bridge_held_messages"),
		lag:         m.Sum("bridge_source_lag_messages"),
		unaccounted: m.Sum("bridge_unaccounted_messages"),
	}
}

func (c counts) String() string {
	return fmt.Sprintf("received %d, delivered %d, duplicates %d, dead %d, parked %d, in memory %d, lag %d, unaccounted %d",
		c.received, c.delivered, c.duplicates, c.dead, c.parked, c.memory, c.lag, c.unaccounted)
}
