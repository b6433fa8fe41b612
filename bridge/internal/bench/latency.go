package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// latency is what the bridge adds to the way of a message in a direction, at half
// of the rate that it can move.
type latency struct {
	direction
	Sent   float64 `json:"sent"` // messages per second
	Raw    []pace  `json:"raw_loop"`
	Bridge []pace  `json:"bridge"`
}

func measureLatency(ctx context.Context, s *stage, p plan, ways []direction) (report, error) {
	return eachWay(ways, func(way direction) (*latency, error) {
		rate, err := s.half(ctx, p, way)
		if err != nil {
			return nil, err
		}
		l := &latency{direction: way, Sent: rate}
		return l, l.measure(ctx, s, p)
	})
}

// measure runs both by turns, and each round begins with the other.
func (l *latency) measure(ctx context.Context, s *stage, p plan) error {
	for i := range p.Rounds {
		turns := []struct {
			contender
			into *[]pace
		}{{rawLoop, &l.Raw}, {theBridge, &l.Bridge}}
		if i%2 == 1 {
			slices.Reverse(turns)
		}
		for _, turn := range turns {
			got, err := s.through(ctx, l.direction, l.Sent, turn.contender, &crowd{plan: p, name: "key"})
			if err != nil {
				return fmt.Errorf("%s: %w", turn.name, err)
			}
			fmt.Print(got.line(i+1, turn.name))
			*turn.into = append(*turn.into, got)
		}
	}
	return nil
}

// through sends a crowd from end to end.
func (s *stage) through(ctx context.Context, way direction, rate float64, who contender, of *crowd) (pace, error) {
	c := s.course(way)
	return on(ctx, c, func(ctx context.Context) (pace, error) {
		timed, err := c.paced(ctx, rate, who, of)
		if err != nil {
			return pace{}, err
		}
		return c.end(ctx, of, timed)
	})
}

// latencyOf are the figures of a pace, as the table has them.
var latencyOf = []struct {
	name string
	of   func(pace) float64
}{
	{"p50", func(p pace) float64 { return p.P50 }},
	{"p99", func(p pace) float64 { return p.P99 }},
	{"p99.9", func(p pace) float64 { return p.P999 }},
	{"max", func(p pace) float64 { return p.Max }},
}

func (l *latency) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %.0f msg/s sent; ms\n%-6s  %-24s  %-24s  %s\n", l.direction, l.Sent, "", rawLoop.name, theBridge.name, "added")
	for _, f := range latencyOf {
		raw, bridge := over(l.Raw, f.of), over(l.Bridge, f.of)
		fmt.Fprintf(&b, "%-6s  %-24s  %-24s  %s\n", f.name, millis(raw), millis(bridge), millis(pairs(bridge, raw, minus)))
	}
	b.WriteString(worst(append(slices.Clone(l.Raw), l.Bridge...)) + "\n")
	return b.String()
}

// unharmed is what a check finds where nothing is wrong.
var unharmed = measure{}.outcome()

// worst is what the checks found: the first that is wrong, if there is one.
func worst(all []pace) string {
	for _, p := range all {
		if p.Found != unharmed {
			return p.Found
		}
	}
	return unharmed
}

func over(all []pace, of func(pace) float64) []float64 {
	values := make([]float64, len(all))
	for i, p := range all {
		values[i] = of(p)
	}
	return values
}

// pairs compares round by round.
func pairs(a, b []float64, how func(a, b float64) float64) []float64 {
	values := make([]float64, len(a))
	for i := range a {
		values[i] = how(a[i], b[i])
	}
	return values
}

func minus(a, b float64) float64 { return a - b }
func by(a, b float64) float64    { return a / b }

// middle is the spread of values that may be zero.
func middle(values []float64) spread {
	values = slices.Clone(values)
	for i := range values {
		if values[i] == 0 {
			values[i] = 1e-9 // known, and none
		}
	}
	return spreadOf(values)
}

// millis are milliseconds, of any size and sign.
func millis(values []float64) string {
	s := middle(values)
	return fmt.Sprintf("%.2f (%.2f..%.2f)", s.Median, s.Min, s.Max)
}
