package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
)

// picture is what is drawn: what was seen last and before, and the route that is
// selected.
type picture struct {
	now, before sight
	failed      error // the last look
	selected    int   // -1: none can be
	width       int   // 0: as wide as it takes
}

// see takes a look at the bridge.
func (p *picture) see(now sight, err error) {
	if p.failed = err; err != nil {
		return
	}
	p.before, p.now = p.now, now
	p.selected = min(p.selected, max(len(now.Routes)-1, 0))
}

// press does what a key is for and reports whether to go on.
func (p *picture) press(key string) bool {
	switch key {
	case "q", "Q", "\x03", "\x04":
		return false
	case "j", "\x1b[B", "\x1bOB":
		p.selected = min(p.selected+1, max(len(p.now.Routes)-1, 0))
	case "k", "\x1b[A", "\x1bOA":
		p.selected = max(p.selected-1, 0)
	}
	return true
}

// fit makes the picture fit a screen: the routes come first, and of the rest as
// much as there is room for. Text of others is never what moves the cursor.
func (p *picture) fit(width, height int) []string {
	p.width = width
	all := p.lines()
	if len(all) > height {
		all = append(all[:max(height-1, 0)], "…")
	}
	for i, line := range all {
		all[i] = short(line, width)
		if p.selected >= 0 && strings.HasPrefix(line, ">") {
			all[i] = "\x1b[7m" + all[i] + "\x1b[0m"
		}
	}
	return all
}

// lines is the whole picture.
func (p *picture) lines() []string {
	all := []string{p.headline()}
	all = append(all, p.routes()...)
	all = append(all, p.detail()...)
	all = append(all, p.operations()...)
	return append(all, p.groups()...)
}

func (p *picture) headline() string {
	head := "bridge"
	if p.failed != nil {
		head += "  NO ANSWER: " + printable(p.failed.Error())
	}
	if !p.now.At.IsZero() {
		head += "  " + instant(p.now.At)
	}
	var sum status.Counts
	for _, r := range p.now.Routes {
		sum.Dead += r.Counts.Dead
		sum.Parked += r.Counts.Parked
	}
	return head + fmt.Sprintf("  %s, %s parked", some64(sum.Dead, "dead letter"), count(sum.Parked))
}

const routeLine = "%s %-*s %-8s %5s %5s %6s %5s %6s %6s %5s %s"

// besideName is how wide a line is without the name of the route.
const besideName = 66

func (p *picture) routes() []string {
	wide := 5
	for _, r := range p.now.Routes {
		wide = max(wide, len([]rune(printable(r.Name))))
	}
	if p.width > 0 {
		wide = min(wide, max(p.width-besideName, 13))
	}
	line := func(cells ...any) string {
		return strings.TrimRight(fmt.Sprintf(routeLine, slices.Insert(cells, 1, any(wide))...), " ")
	}
	all := []string{"", line(" ", "ROUTE", "STATE", "IN/S", "OUT/S", "LAG", "HELD", "PARKED", "DEAD", "BLOCK", "BREAKER")}
	for i, r := range p.now.Routes {
		mark := " "
		if i == p.selected {
			mark = ">"
		}
		in, out := p.speeds(r)
		breaker, waits := r.Breaker, lag(r)
		if breaker == "closed" {
			breaker = ""
		}
		if n, err := strconv.ParseInt(waits, 10, 64); err == nil {
			waits = compact(n)
		}
		c := r.Counts
		all = append(all, line(mark, short(printable(r.Name), wide), printable(string(r.State)), in, out, waits,
			compact(c.InMemory), compact(c.Parked), compact(c.Dead), compact(blocked(r)), printable(breaker)))
	}
	return all
}

// compact is a number in five characters.
func compact(n int64) string {
	if n < 1e4 {
		return fmt.Sprint(n)
	}
	v, unit := float64(n), -1
	for v >= 1000 && unit < 3 {
		v, unit = v/1000, unit+1
	}
	decimals, shift := 0, 1.0
	switch {
	case v < 10:
		decimals, shift = 2, 100
	case v < 100:
		decimals, shift = 1, 10
	}
	return fmt.Sprintf("%.*f%c", decimals, math.Floor(v*shift)/shift, "kMGT"[unit])
}

// speeds are messages a second since the look before.
func (p *picture) speeds(r status.Route) (in, out string) {
	in, out = "-", "-"
	seconds := p.now.At.Sub(p.before.At).Seconds()
	for _, b := range p.before.Routes {
		if b.Name != r.Name || seconds <= 0 || r.Counts.Received < b.Counts.Received { // it was started anew
			continue
		}
		in = compact(int64(float64(r.Counts.Received-b.Counts.Received)/seconds + 0.5))
		out = compact(int64(float64(r.Counts.Delivered-b.Counts.Delivered)/seconds + 0.5))
	}
	return in, out
}

// blocked are the keys that wait for somebody.
func blocked(r status.Route) int64 {
	return r.Counts.Keys["quarantined"] + r.Counts.Keys["gap_blocked"] + r.Counts.Keys["locked"]
}

// detail is more of the selected route.
func (p *picture) detail() []string {
	if p.selected < 0 || p.selected >= len(p.now.Routes) {
		return nil
	}
	r := p.now.Routes[p.selected]
	state := string(r.State) + " since " + instant(r.Since)
	if r.Reason != "" {
		state += ": " + r.Reason
	}
	c := r.Counts
	return []string{
		"", "  " + printable(sources(r)+" -> "+side(r.Target)), "  " + printable(state),
		fmt.Sprintf("  %s delivered, %s redriven, %s discarded, %s archived", count(c.Delivered), count(c.Redriven), count(c.Discarded), count(c.Archived)),
	}
}

// mostGroups are shown: those for which most messages wait.
const mostGroups = 8

func (p *picture) groups() []string {
	if len(p.now.Groups) == 0 {
		return nil
	}
	worst := slices.Clone(p.now.Groups)
	slices.SortStableFunc(worst, func(a, b api.Group) int {
		return cmp.Or(cmp.Compare(b.ParkedBehind, a.ParkedBehind), cmp.Compare(b.Dead, a.Dead))
	})
	const line = "  %5s %5s %6s %-16s %s"
	all := []string{"", fmt.Sprintf(line, "DEAD", "BLOCK", "PARKED", "GROUP", "CAUSE")}
	for _, g := range worst[:min(len(worst), mostGroups)] {
		all = append(all, fmt.Sprintf(line, compact(g.Dead), compact(g.BlockedKeys), compact(g.ParkedBehind),
			short(printable(g.Fingerprint), 16), printable(g.Route+" "+g.Reason+": "+g.Error)))
	}
	if more := len(worst) - mostGroups; more > 0 {
		all = append(all, fmt.Sprintf("  … and %d more: bridge dlq groups", more))
	}
	return all
}

func (p *picture) operations() []string {
	if len(p.now.Operations) == 0 {
		return nil
	}
	all := []string{"", "  OPERATIONS"}
	for _, op := range p.now.Operations {
		text := barText(progressText(op), op.Total-op.Left, op.Total, 1<<10)
		if op.State != "running" {
			text = op.State + " " + text
			if !op.Changed.IsZero() {
				text += " for " + lasts(max(p.now.At.Sub(op.Changed), 0).Round(time.Second))
			}
		}
		all = append(all, "  "+printable(text))
	}
	return all
}
