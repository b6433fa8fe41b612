package main

import (
	"fmt"
	"strings"
)

// markdown is the table of docs/comparison.md.
func (r *roulette) markdown() string {
	b := markdownRow(head(columns)) + rule(len(columns))
	for _, g := range r.Games {
		b += "| *" + g.Name + "* |" + strings.Repeat(" |", len(columns)) + "\n"
		for _, row := range g.rows(columns) {
			b += markdownRow(row)
		}
	}
	return b
}

// brief is the README's table: what the handler refuses.
func (r *roulette) brief() string {
	of := chosen(briefly)
	b := markdownRow(head(of)) + rule(len(of))
	for _, row := range r.Games[1].rows(of) {
		b += markdownRow(row)
	}
	return b
}

func markdownRow(cells []string) string {
	return strings.Replace(fmt.Sprintf("| %s |\n", strings.Join(cells, " | ")), "|  |", "| |", 1)
}

func rule(n int) string { return "|" + strings.Repeat("---|", n+1) + "\n" }
