package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// column is a figure of the table: what it is called, and its value over all runs
// of a player.
type column struct {
	name string
	of   func(runs []spin) string
}

// columns are those of the table. A game in which nothing can be mended ends when it
// would be.
var columns = []column{
	{"good ones in time", counted(func(s spin) float64 { return float64(s.Good) })},
	{"p50", lasted(func(s spin) float64 { return s.P50 / 1000 })},
	{"p99", lasted(func(s spin) float64 { return s.P99 / 1000 })},
	{"the last after", lasted(func(s spin) float64 { return s.LastGood })},
	{"ahead of the poisoned", counted(func(s spin) float64 { return float64(s.Ahead) })},
	{"requeued a second", about(func(s spin) float64 { return s.Again })},
	{"tries of the ten", tried},
	{"CPU", part(func(s spin) float64 { return s.CPU })},
	{"brokers' CPU", part(func(s spin) float64 { return s.Brokers })},
	{"dead letters", counted(func(s spin) float64 { return float64(s.Dead) })},
	{"waiting behind them", counted(func(s spin) float64 { return float64(s.Parked) })},
	{"in the end", ended},
}

// briefly are the columns of the README.
var briefly = []string{"good ones in time", "ahead of the poisoned", "requeued a second", "tries of the ten", "dead letters", "in the end"}

func median(runs []spin, of func(spin) float64) float64 {
	values := make([]float64, len(runs))
	for i, s := range runs {
		values[i] = of(s)
	}
	return middle(values).Median
}

// counted is exact.
func counted(of func(spin) float64) func([]spin) string {
	return func(runs []spin) string { return whole(int(median(runs, of) + 0.5)) }
}

// about has three digits that say something.
func about(of func(spin) float64) func([]spin) string {
	return func(runs []spin) string { return thousands(median(runs, of)) }
}

// whole has a comma, and all its digits.
func whole(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}

// tried is for those whose handler was asked.
func tried(runs []spin) string {
	v := median(runs, func(s spin) float64 { return float64(s.Tries) })
	if v < 1 {
		return "-"
	}
	return thousands(v)
}

// lasted are seconds; never if that was so in one of the runs.
func lasted(of func(spin) float64) func([]spin) string {
	return func(runs []spin) string {
		for _, s := range runs {
			if of(s) == 0 {
				return "never"
			}
		}
		v := median(runs, of)
		if v < 1 {
			return fmt.Sprintf("%.0f ms", v*1000)
		}
		return fmt.Sprintf("%.1f s", v)
	}
}

// part is of one core.
func part(of func(spin) float64) func([]spin) string {
	return func(runs []spin) string { return fmt.Sprintf("%.0f %%", 100*median(runs, of)) }
}

// ended is what the check found in the worst of the runs.
func ended(runs []spin) string {
	var worst measure
	for _, s := range runs {
		worst.Missing, worst.Left = max(worst.Missing, s.Missing), max(worst.Left, s.Left)
		worst.Breaks = max(worst.Breaks, s.Breaks)
	}
	var wrong []string
	for _, w := range []struct {
		n    int
		what string
	}{{worst.Missing, "missing"}, {worst.Breaks, "out of order"}, {worst.Left, "in the queue"}} {
		if w.n > 0 {
			wrong = append(wrong, whole(w.n)+" "+w.what)
		}
	}
	if wrong == nil {
		return "all there, in order"
	}
	return strings.Join(wrong, ", ")
}

// chosen are the columns of these names; none means all.
func chosen(names []string) (all []column) {
	for _, c := range columns {
		if names == nil {
			all = append(all, c)
		}
		for _, n := range names {
			if n == c.name {
				all = append(all, c)
			}
		}
	}
	return all
}

// rows are a line for each player.
func (g *game) rows(of []column) (all [][]string) {
	for _, p := range g.Players {
		if len(p.Runs) == 0 {
			continue
		}
		row := []string{p.Name}
		for _, c := range of {
			row = append(row, c.of(p.Runs))
		}
		all = append(all, row)
	}
	return all
}

func head(of []column) []string {
	row := []string{""}
	for _, c := range of {
		row = append(row, c.name)
	}
	return row
}

func (r *roulette) table() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%d messages, %.0f in a second, %.0f s until the cause is mended\n", r.Sent, r.Rate, r.After)
	fmt.Fprintln(w, strings.Join(head(columns), "\t"))
	for _, g := range r.Games {
		fmt.Fprintf(w, "%s:\n", g.Name)
		for _, row := range g.rows(columns) {
			fmt.Fprintln(w, strings.Join(row, "\t"))
		}
	}
	_ = w.Flush() // into a builder
	return b.String()
}

// line is a run of a player.
func (s spin) line(name string) string {
	var all []string
	for _, c := range columns {
		all = append(all, c.name+" "+c.of([]spin{s}))
	}
	return name + ": " + strings.Join(all, "; ")
}
