package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// pair is a run of each, one after the other.
type pair struct {
	Raw    measure `json:"raw_loop"`
	Bridge measure `json:"bridge"`
	Rate   float64 `json:"rate_ratio"` // of the bridge to the raw loop
	CPU    float64 `json:"cpu_ratio"`
}

func (p *pair) compare() {
	p.Rate, p.CPU = p.Bridge.Rate/p.Raw.Rate, p.Bridge.CPU/p.Raw.CPU
}

// Tables have a name, and the six numbers of a pair.
const names, numbers = "%-20s", "%11.0f %14.0f %7.2f %13.1f %16.1f %7.2f"

func heading(name string) string {
	return fmt.Sprintf(names+"  raw msg/s   bridge msg/s   ratio   raw CPU s/M   bridge CPU s/M   ratio", name)
}

func (p pair) row(name string) string {
	return fmt.Sprintf(names+numbers+"   %s",
		name, p.Raw.Rate, p.Bridge.Rate, p.Rate, p.Raw.CPU, p.Bridge.CPU, p.CPU, p.outcome())
}

// outcome says what the check found.
func (p pair) outcome() string {
	var said []string
	for _, c := range []struct {
		name string
		m    measure
	}{{rawLoop.name, p.Raw}, {theBridge.name, p.Bridge}} {
		m := c.m
		if m.Missing+m.Duplicates+m.Breaks+m.Left > 0 {
			said = append(said, fmt.Sprintf("%s: %d missing, %d twice, %d out of order, %d left",
				c.name, m.Missing, m.Duplicates, m.Breaks, m.Left))
		}
	}
	if len(said) == 0 {
		return "all there, once, in order"
	}
	return strings.Join(said, "; ")
}

// spread is what a number was over the rounds.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func spreadOf(pairs []pair, of func(pair) float64) spread {
	values := make([]float64, len(pairs))
	for i, p := range pairs {
		values[i] = of(p)
	}
	slices.Sort(values)
	n := len(values)
	return spread{(values[(n-1)/2] + values[n/2]) / 2, values[0], values[n-1]}
}

// result is all rounds of a direction, and what they amount to.
type result struct {
	direction
	Messages int               `json:"messages"`
	Pairs    []pair            `json:"pairs"`
	Summary  map[string]spread `json:"summary"`
}

func (r *result) summarise() {
	r.Summary = map[string]spread{
		"raw_rate":    spreadOf(r.Pairs, func(p pair) float64 { return p.Raw.Rate }),
		"bridge_rate": spreadOf(r.Pairs, func(p pair) float64 { return p.Bridge.Rate }),
		"rate_ratio":  spreadOf(r.Pairs, func(p pair) float64 { return p.Rate }),
		"raw_cpu":     spreadOf(r.Pairs, func(p pair) float64 { return p.Raw.CPU }),
		"bridge_cpu":  spreadOf(r.Pairs, func(p pair) float64 { return p.Bridge.CPU }),
		"cpu_ratio":   spreadOf(r.Pairs, func(p pair) float64 { return p.CPU }),
	}
}

func median(s spread) float64 { return s.Median }

// row is one line of what the rounds amount to.
func (r *result) row(name string, of func(spread) float64) string {
	v := func(name string) float64 { return of(r.Summary[name]) }
	return fmt.Sprintf(names+numbers+"\n", name,
		v("raw_rate"), v("bridge_rate"), v("rate_ratio"), v("raw_cpu"), v("bridge_cpu"), v("cpu_ratio"))
}

// table is the summary of a direction, for people.
func (r *result) table() string {
	return "\n" + r.row("median", median) +
		r.row("min", func(s spread) float64 { return s.Min }) +
		r.row("max", func(s spread) float64 { return s.Max })
}

// results are all directions.
type results struct {
	Plan       plan              `json:"plan"`
	Machine    map[string]string `json:"machine"`
	Began      time.Time         `json:"began"`
	Directions []result          `json:"directions"`
}

// table has the medians of each direction.
func (r *results) table() string {
	var b strings.Builder
	b.WriteString(heading("medians") + "\n")
	for _, d := range r.Directions {
		b.WriteString(d.row(d.direction.String(), median))
	}
	return b.String()
}

// machine says where it was measured.
func machine() map[string]string {
	m := map[string]string{
		"go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH, "cpus": fmt.Sprint(runtime.NumCPU()),
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		m["load"] = strings.TrimSpace(string(load))
	}
	return m
}
