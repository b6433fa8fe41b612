package metrics

import (
	"slices"
	"strings"
)

// Described is a metric as documents, dashboards and rules may rely on it.
type Described struct {
	Name   string
	Type   string // counter, gauge or histogram
	Labels []string
	Says   string // what it counts, in which unit, and since when
}

// Table has all metrics of a bridge by their names, also those that are absent in
// one that is set up simply. Those of the Go runtime and the process come on top.
func Table() []Described {
	all := others()
	for _, m := range counts {
		all = append(all, m.metric)
	}
	var out []Described
	for _, m := range all {
		out = append(out, Described{Name: m.name, Type: m.typed(), Labels: m.labels, Says: m.help})
	}
	slices.SortFunc(out, func(a, b Described) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (m metric) typed() string {
	switch m.kind {
	case counter:
		return "counter"
	case gauge:
		return "gauge"
	}
	return "histogram"
}
