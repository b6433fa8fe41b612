package main

import (
	"fmt"
	"strings"
)

// A run, a line; then a direction, a table of medians.
const (
	runLine  = "%5d  %-14s %9.0f %8s %12s %8s %6.1f s   %s\n"
	runHead  = "round  %-14s     msg/s  CPU s/M  brokers s/M  RSS MiB   took     outcome\n"
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
func (r *result) table(p plan) string {
	var b strings.Builder
	fmt.Fprintf(&b, nameHead, r.direction, "msg/s : "+rawLoop.name, "CPU : "+rawLoop.name)
	for _, c := range r.Contenders {
		to := r.ratio(c.Name, rawLoop.name)
		fmt.Fprintf(&b, nameLine, c.Name, c.Rate.Median, known("%.1f", c.CPU.Median), known("%.1f", c.Brokers.Median),
			known("%.0f", c.RSS.Median), to.Rate, to.CPU, c.outcome())
	}
	for _, to := range r.Ratios {
		if to.To != rawLoop.name {
			fmt.Fprintf(&b, "%s : %-14s msg/s %-21s   CPU %s\n", to.Of, to.To, to.Rate, to.CPU)
		}
	}
	for _, c := range r.Contenders {
		if n := c.short(p.Seconds); n > 0 {
			fmt.Fprintf(&b, "%s: %d of %d runs took less than %d s\n", c.Name, n, len(c.Runs), p.Seconds)
		}
		if before := c.startCPU(); before > 0.05*c.CPU.Median {
			fmt.Fprintf(&b, "%s: %.1f of its CPU s/M are from before its first message\n", c.Name, before)
		}
	}
	return b.String()
}

// startCPU is its start's part in its CPU per million messages.
func (s series) startCPU() float64 { return s.Start.Median * 1e6 / float64(max(s.Messages, 1)) }

// short counts the runs that calibration made too short.
func (s series) short(seconds int) (n int) {
	for _, m := range s.Runs {
		if m.Seconds < float64(seconds) {
			n++
		}
	}
	return n
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

// table has all directions.
func (r *results) table() string {
	var b strings.Builder
	for _, d := range r.Directions {
		b.WriteString("\n" + d.table(r.Plan))
	}
	return b.String()
}
