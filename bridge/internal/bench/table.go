package main

import (
	"fmt"
	"strings"
)

// A run, a line; then a direction, a table of medians.
const (
	runLine  = "%5d  %-17s %9.0f %8s %12s %8s %6.1f s   %s\n"
	runHead  = "round  %-17s     msg/s  CPU s/M  brokers s/M  RSS MiB   took     outcome\n"
	nameHead = "%-20s   msg/s  CPU s/M  brokers s/M  RSS MiB   %-21s   %-21s   outcome\n"
	nameLine = "%-17s %10.0f %8s %12s %8s   %-21s   %-21s   %s\n"
)

func (m measure) line(round int, name string) string {
	return fmt.Sprintf(runLine, round, name, m.Rate, known("%.1f", m.CPU), known("%.1f", m.Brokers), known("%.0f", m.RSS), m.Seconds, m.outcome())
}

func known(format string, v float64) string {
	if v == 0 {
		return "-"
	}
	return fmt.Sprintf(format, v)
}

// outcome says what the check found.
func (m measure) outcome() string {
	if m.Missing+m.Duplicates+m.Breaks+m.Left == 0 {
		return "all there, once, in order"
	}
	return fmt.Sprintf("%d missing, %d twice, %d out of order, %d left", m.Missing, m.Duplicates, m.Breaks, m.Left)
}

// outcome sums those of the runs.
func (s series) outcome() string {
	var sum measure
	for _, m := range s.Runs {
		sum.Missing += m.Missing
		sum.Duplicates += m.Duplicates
		sum.Breaks += m.Breaks
		sum.Left += m.Left
	}
	return sum.outcome()
}

// table is a direction, for people.
func (r *result) table() string {
	var b strings.Builder
	base := r.base()
	fmt.Fprintf(&b, nameHead, r.direction, "msg/s : "+base, "CPU : "+base)
	for _, c := range r.Contenders {
		to := r.ratio(c.Name, base)
		fmt.Fprintf(&b, nameLine, c.Name, c.Rate.Median, known("%.1f", c.CPU.Median), known("%.1f", c.Brokers.Median),
			known("%.0f", c.RSS.Median), to.Rate, to.CPU, c.outcome())
	}
	for _, to := range r.Ratios {
		if to.To != base {
			fmt.Fprintf(&b, "%s : %-14s msg/s %-21s   CPU %s\n", to.Of, to.To, to.Rate, to.CPU)
		}
	}
	for _, c := range r.Contenders {
		for _, note := range c.notes() {
			fmt.Fprintf(&b, "%s: %s\n", c.Name, note)
		}
	}
	return b.String()
}

func (r *result) ratio(of, to string) ratio {
	for _, v := range r.Ratios {
		if v.Of == of && v.To == to {
			return v
		}
	}
	return ratio{}
}

// String has two digits, or three of what is small.
func (s spread) String() string {
	if s == (spread{}) {
		return "-"
	}
	digits := 2
	if s.Min < 0.1 {
		digits = 3
	}
	return fmt.Sprintf("%.*f (%.*f..%.*f)", digits, s.Median, digits, s.Min, digits, s.Max)
}
