package main

import "slices"

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
func readyOf(m measure) float64   { return m.Ready }

// series is all rounds of a contender in a direction.
type series struct {
	Name     string    `json:"name"`
	Plan     plan      `json:"plan"`
	Messages int       `json:"messages"`
	Rate     spread    `json:"rate"`
	CPU      spread    `json:"cpu,omitzero"`
	Start    spread    `json:"start_cpu,omitzero"`
	Brokers  spread    `json:"brokers_cpu,omitzero"`
	RSS      spread    `json:"rss_mib,omitzero"`
	Ready    spread    `json:"ready,omitzero"`
	Runs     []measure `json:"runs"`

	peer bool // the second is compared to it too
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
	s.Brokers, s.RSS, s.Ready = over(brokersOf), over(rssOf), over(readyOf)
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
	Contenders []series `json:"contenders"` // the first is the base
	Ratios     []ratio  `json:"ratios"`     // of all to the base, of the second to each peer
}

// base is whom all are compared with.
func (r *result) base() string { return r.Contenders[0].Name }

func (r *result) summarise() {
	for i := range r.Contenders {
		r.Contenders[i].summarise()
	}
	all := r.Contenders
	for _, c := range all[1:] {
		r.Ratios = append(r.Ratios, ratioOf(c, all[0]))
	}
	for _, c := range all {
		if c.peer {
			r.Ratios = append(r.Ratios, ratioOf(all[1], c))
		}
	}
}
