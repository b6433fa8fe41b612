package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
)

// String is a table of the kinds, the violations, and one line at the end.
func (v *verdict) String() string {
	var b strings.Builder
	tab := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tab, "fault\ttimes\tlongest until all routes moved\tof so many\t")
	for _, t := range v.kinds {
		moved := "-"
		if t.judged > 0 {
			moved = fmt.Sprintf("%.1f s", t.moved.Seconds())
		}
		fmt.Fprintf(tab, "%s\t%d\t%s\t%d\t\n", t.name, t.times, moved, t.judged)
	}
	_ = tab.Flush() // a builder takes everything
	b.WriteString("\n")
	tab = tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tab, "route\tmessages\tlost\treordered\tduplicates\tmost of a key\t")
	for _, name := range v.names() {
		c := v.counts[name]
		fmt.Fprintf(tab, "%s\t%d\t%d\t%d\t%d\t%d\t\n", name, c.Messages, c.Lost, c.Reordered, c.Duplicates, c.Most)
	}
	_ = tab.Flush()
	for _, broken := range v.broken {
		fmt.Fprintf(&b, "\nVIOLATION %v", broken)
	}
	c := v.sum()
	fmt.Fprintf(&b, "\n%d faults in %.0f s, %d messages -> %d lost, %d reordered, %d duplicates, %d unaccounted, longest stall %.1f s (%s until %.0fs), longest recovery of all %.1f s, %d MiB at most, %d violations\n",
		v.faults, v.lasted.Seconds(), c.Messages, c.Lost, c.Reordered, c.Duplicates, v.unaccounted,
		v.stall.lasted.Seconds(), v.stall.route, v.stall.until.Seconds(), v.calm.Seconds(), v.resident>>20, len(v.broken))
	return b.String()
}

func (v *verdict) names() (names []string) {
	for name := range v.counts {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (v *verdict) sum() (all journal.Counts) {
	for _, c := range v.counts {
		all.Messages += c.Messages
		all.Lost += c.Lost
		all.Reordered += c.Reordered
		all.Duplicates += c.Duplicates
	}
	return all
}
