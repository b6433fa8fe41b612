package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// measured is what of a file of results is shown in the README.
type measured struct {
	Cases struct {
		Raw comparison `json:"raw"`
	} `json:"cases"`
}

const markdownHead = `| | | messages/s | to the raw loop | CPU s per million | to the raw loop | memory, MiB | outcome |
|---|---|---|---|---|---|---|---|
`

// markdown makes the README's table of a file of results.
func markdown(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	var m measured
	if err := json.Unmarshal(text, &m); err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	var b strings.Builder
	b.WriteString(markdownHead)
	for _, r := range m.Cases.Raw.Directions {
		for i, c := range r.Contenders {
			way := ""
			if i == 0 {
				way = strings.Replace(r.String(), " to ", " → ", 1)
			}
			b.WriteString(r.markdown(way, &c))
		}
	}
	return b.String(), nil
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
