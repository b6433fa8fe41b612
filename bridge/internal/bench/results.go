package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// spread is what a number was over the rounds; the zero value: not known.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// spreadOf is not known if one of the values is not.
func spreadOf(values []float64) spread {
	if len(values) == 0 || slices.Contains(values, 0) {
		return spread{}
	}
	values = slices.Sorted(slices.Values(values))
	n := len(values)
	return spread{(values[(n-1)/2] + values[n/2]) / 2, values[0], values[n-1]}
}

// The numbers of a run that are compared.
func rateOf(m measure) float64    { return m.Rate }
func cpuOf(m measure) float64     { return m.CPU }
func startOf(m measure) float64   { return m.Start }
func brokersOf(m measure) float64 { return m.Brokers }
func rssOf(m measure) float64     { return m.RSS }

// series is all rounds of a contender in a direction.
type series struct {
	Name     string    `json:"name"`
	Messages int       `json:"messages"`
	Rate     spread    `json:"rate"`
	CPU      spread    `json:"cpu,omitzero"`
	Start    spread    `json:"start_cpu,omitzero"`
	Brokers  spread    `json:"brokers_cpu,omitzero"`
	RSS      spread    `json:"rss_mib,omitzero"`
	Runs     []measure `json:"runs"`
}

func (s *series) summarise() {
	over := func(of func(measure) float64) spread {
		values := make([]float64, len(s.Runs))
		for i, m := range s.Runs {
			values[i] = of(m)
		}
		return spreadOf(values)
	}
	s.Rate, s.CPU, s.Start = over(rateOf), over(cpuOf), over(startOf)
	s.Brokers, s.RSS = over(brokersOf), over(rssOf)
}

// ratio compares two contenders, round by round.
type ratio struct {
	Of   string `json:"of"`
	To   string `json:"to"`
	Rate spread `json:"rate"`
	CPU  spread `json:"cpu,omitzero"`
}

func ratioOf(a, b series) ratio {
	over := func(of func(measure) float64) spread {
		values := make([]float64, len(a.Runs))
		for i := range a.Runs {
			if below := of(b.Runs[i]); below != 0 {
				values[i] = of(a.Runs[i]) / below
			}
		}
		return spreadOf(values)
	}
	return ratio{Of: a.Name, To: b.Name, Rate: over(rateOf), CPU: over(cpuOf)}
}

// result is a direction.
type result struct {
	direction
	Contenders []series `json:"contenders"` // the raw loop, the bridge, the peers
	Ratios     []ratio  `json:"ratios"`     // of all to the raw loop, of the bridge to each peer
}

func (r *result) summarise() {
	for i := range r.Contenders {
		r.Contenders[i].summarise()
	}
	all := r.Contenders
	for _, c := range all[1:] {
		r.Ratios = append(r.Ratios, ratioOf(c, all[0]))
	}
	for _, c := range all[2:] {
		r.Ratios = append(r.Ratios, ratioOf(all[1], c))
	}
}

// results are all directions.
type results struct {
	Plan       plan              `json:"plan"`
	Machine    map[string]string `json:"machine"`
	Began      time.Time         `json:"began"`
	Directions []result          `json:"directions"`
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
