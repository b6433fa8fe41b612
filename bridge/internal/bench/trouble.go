package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/brokerbridge/bridge/bridge/internal/bench/load"
)

// trouble is what one of a hundred keys is in.
type trouble struct {
	name string
	// first changes a key's first message; false: it is not sent. nil: no trouble.
	first func(*load.Message) bool
	route string // settings of the bridge's route
}

const (
	rare       = 100       // of so many keys one is in trouble
	poisonSize = 160 << 10 // is too large for a topic that takes less
	takenSize  = 128 << 10
)

// again tries what is refused for good, for as long as a run lasts.
const again = `retry: { rules: [
      { reason: too_large, attempts: 1000, max: 1s },
      { reason: unroutable, attempts: 1000, max: 1s } ] }`

// troubles begin with none.
var troubles = []trouble{
	{name: "undisturbed"},
	{name: "quarantined", first: poison},
	{name: "retrying", first: poison, route: again},
	{name: "in a gap", first: unsent},
}

// poison is taken by no target: a topic refuses its size, and an exchange has no
// queue for it.
func poison(m *load.Message) bool {
	m.Size, m.Way = poisonSize, "nowhere"
	return true
}

func unsent(*load.Message) bool { return false }

// disturbance is what the other keys notice of a hundredth in trouble.
type disturbance struct {
	direction
	Sent float64           `json:"sent"` // messages per second
	Runs map[string][]pace `json:"runs"` // of the other keys, by what the hundredth is in
}

func measureTrouble(ctx context.Context, s *stage, p plan, ways []direction) (report, error) {
	return eachWay(ways, func(way direction) (*disturbance, error) {
		rate, err := s.half(ctx, p, way)
		if err != nil {
			return nil, err
		}
		d := &disturbance{direction: way, Sent: rate, Runs: map[string][]pace{}}
		return d, d.measure(ctx, s, p)
	})
}

// measure begins each round with another.
func (d *disturbance) measure(ctx context.Context, s *stage, p plan) error {
	p = p.waiting()
	for i := range p.Rounds {
		for j := range troubles {
			t := troubles[(i+j)%len(troubles)]
			got, err := s.troubled(ctx, p, d.direction, d.Sent, t)
			if err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
			fmt.Print(got.line(i+1, t.name))
			d.Runs[t.name] = append(d.Runs[t.name], got)
		}
	}
	return nil
}

// waiting has no key give up on what is missing.
func (p plan) waiting() plan {
	p.Order = "gap: { then: wait }"
	return p
}

// troubled is the pace of the keys that are in no trouble.
func (s *stage) troubled(ctx context.Context, p plan, way direction, rate float64, t trouble) (pace, error) {
	p.Route = t.route
	c := s.course(way)
	of := &crowd{plan: p, name: "key", way: c.narrow(), rare: rare, trouble: t}
	return on(ctx, c, func(ctx context.Context) (pace, error) {
		timed, err := c.paced(ctx, rate, theBridge, of)
		if err != nil {
			return pace{}, err
		}
		if err := c.blocked(ctx, of); err != nil {
			return pace{}, err
		}
		return c.end(ctx, of, timed)
	})
}

// table compares with the undisturbed run of the same round.
func (d *disturbance) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %.0f msg/s sent; ms\n%-12s  %-21s  %-24s  %s\n", d.direction, d.Sent, "1 % of keys", "rate : undisturbed", "p50", "p99")
	calm := d.Runs[troubles[0].name]
	rate := func(p pace) float64 { return p.Rate }
	for _, t := range troubles {
		runs := d.Runs[t.name]
		fmt.Fprintf(&b, "%-12s  %-21s  %-24s  %-24s  %s\n", t.name, middle(pairs(over(runs, rate), over(calm, rate), by)),
			millis(over(runs, latencyOf[0].of)), millis(over(runs, latencyOf[1].of)), worst(runs))
	}
	return b.String()
}
