package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// measured is what of a file of results is shown in the docs.
type measured struct {
	Cases struct {
		Raw      inEach[*result] `json:"raw"`
		Roulette *roulette       `json:"roulette"`
	} `json:"cases"`
}

// readMeasured reads a file of results.
func readMeasured(file string) (m measured, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("%s: %w", file, err)
	}
	return m, nil
}

const briefHead = `| | raw loop, messages/s | bridge, to the raw loop | stock Watermill | others |
|---|---|---|---|---|
`

// brief is the README's table: rates, as parts of the raw loop's.
func (m measured) brief() string {
	var b strings.Builder
	b.WriteString(briefHead)
	for _, r := range m.Cases.Raw.Directions {
		bridge, watermill, others := "-", "-", []string{}
		raw := ""
		for _, c := range r.Contenders {
			to := fmt.Sprint(r.ratio(c.Name, r.base()).Rate)
			switch c.Name {
			case r.base():
				raw = thousands(c.Rate.Median)
			case "bridge":
				bridge = to
			case "watermill":
				watermill = to
			default:
				others = append(others, c.Name+" "+to)
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.way(), raw, bridge, watermill, strings.Join(others, "; "))
	}
	return b.String()
}

// way is the direction, for a table.
func (r *result) way() string { return strings.Replace(r.String(), " to ", " → ", 1) }

const markdownHead = `| | | messages/s | to the raw loop | CPU s per million | to the raw loop | memory, MiB | outcome |
|---|---|---|---|---|---|---|---|
`

// full is the table of docs/performance.md.
func (m measured) full() string {
	var b strings.Builder
	b.WriteString(markdownHead)
	for _, r := range m.Cases.Raw.Directions {
		for i, c := range r.Contenders {
			way := ""
			if i == 0 {
				way = r.way()
			}
			b.WriteString(r.markdown(way, &c))
		}
	}
	return b.String()
}

// markdown is the line of a contender.
func (r *result) markdown(way string, c *series) string {
	to := r.ratio(c.Name, r.base())
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %s | %s | %s |\n", way, c.Name, thousands(c.Rate.Median), to.Rate,
		known("%.1f", c.CPU.Median), to.CPU, known("%.0f", c.RSS.Median), c.outcome())
}

// thousands has three digits that say something, and a comma.
func thousands(v float64) string {
	n := int(v)
	for step := 1; ; step *= 10 {
		if n < 1000*step {
			n = (n + step/2) / step * step
			break
		}
	}
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}
