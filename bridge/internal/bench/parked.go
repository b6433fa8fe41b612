package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/brokerbridge/bridge/bridge/internal/bench/load"
)

const (
	manyParked = 10_000 // keys whose messages are parked
	otherBase  = 1 << 40
	restFor    = 2 * time.Second        // after the last was parked
	askEvery   = 200 * time.Millisecond // how many are parked
)

// parking is many messages in the store, because the first of each key is missing,
// and their drain when it comes.
type parking struct {
	direction
	Many   []drain  `json:"many_keys"`
	One    []drain  `json:"one_key"`
	Beside []beside `json:"beside"`
}

func measureParked(ctx context.Context, s *stage, p plan, ways []direction) (report, error) {
	return eachWay(ways, func(way direction) (*parking, error) {
		k := &parking{direction: way}
		return k, k.measure(ctx, s, p.waiting())
	})
}

func (k *parking) measure(ctx context.Context, s *stage, p plan) (err error) {
	for i := range p.Rounds {
		if k.Many, err = s.drains(ctx, p, k.direction, manyParked, i, k.Many); err != nil {
			return err
		}
		if k.One, err = s.drains(ctx, p, k.direction, 1, i, k.One); err != nil {
			return err
		}
		rate := float64(p.Rate)
		if rate == 0 {
			rate = k.Many[i].Fresh / 2
		}
		b, err := s.beside(ctx, p, k.direction, rate)
		if err != nil {
			return fmt.Errorf("beside a drain: %w", err)
		}
		fmt.Print(b.Before.line(i+1, "others, before"), b.Beside.line(i+1, "others, beside"))
		fmt.Printf("%5d  the drain beside them: over before them %v, %s\n", i+1, b.Over, b.Found)
		k.Beside = append(k.Beside, b)
	}
	return nil
}

// drains adds a drain, and fresh messages of as many keys behind it.
func (s *stage) drains(ctx context.Context, p plan, way direction, keys, round int, all []drain) ([]drain, error) {
	d, err := s.drained(ctx, p, way, keys)
	if err == nil {
		d.Fresh, err = s.fresh(ctx, p, way, keys)
	}
	if err != nil {
		return all, fmt.Errorf("%d keys: %w", keys, err)
	}
	fmt.Print(d.line(round + 1))
	return append(all, d), nil
}

// parkedCrowd has the first message of each key, and as many more as are to be
// parked.
func parkedCrowd(p plan, keys int) *crowd {
	p.Keys = min(keys, p.Park)
	p.Messages = p.Keys + p.rounded(p.Park)
	return &crowd{plan: p, name: "key"}
}

// parked is how many of them are parked.
func (c *crowd) parked() int { return c.Messages - c.Keys }

// park fills the source with all but the first message of each key, and says how
// long the bridge took to park them.
func (c *course) park(ctx context.Context, of *crowd) (*bridge, time.Duration, error) {
	fmt.Printf("%s: %d messages of %d keys are to be parked\n", c.way, of.parked(), of.Keys)
	if err := c.send(ctx, of, of.Keys, of.parked(), load.Schedule{}); err != nil {
		return nil, 0, err
	}
	began := time.Now()
	if err := c.begin(ctx, of.plan, theBridge); err != nil {
		return nil, 0, err
	}
	b := c.mover.(*bridge)
	for now := 0; now < of.parked(); time.Sleep(askEvery) {
		var err error
		if b.ready > 0 {
			now, err = b.gauge(ctx, "bridge_parked_messages")
		}
		if err = errors.Join(err, b.look(false), ctx.Err()); err != nil {
			return b, 0, fmt.Errorf("%d of %d messages are parked: %w", now, of.parked(), err)
		}
	}
	return b, time.Since(began), nil
}

// table has a line for each number of keys, and for what goes beside.
func (k *parking) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%-17s  parked/s  MiB: at rest  at most  draining   drain/s   fresh/s   drain : fresh\n", k.direction, "parked, keys")
	for _, all := range [][]drain{k.Many, k.One} {
		if len(all) > 0 {
			b.WriteString(tableOf(all))
		}
	}
	rate := func(p pace) float64 { return p.Rate }
	before, beside := k.pace(func(b beside) pace { return b.Before }), k.pace(func(b beside) pace { return b.Beside })
	fmt.Fprintf(&b, "others, rate : at rest %s\n", middle(pairs(over(beside, rate), over(before, rate), by)))
	for _, f := range latencyOf[:2] {
		fmt.Fprintf(&b, "others, %s: %s ms, at rest %s ms\n", f.name, millis(over(beside, f.of)), millis(over(before, f.of)))
	}
	return b.String()
}

func (k *parking) pace(of func(beside) pace) []pace {
	all := make([]pace, len(k.Beside))
	for i, b := range k.Beside {
		all[i] = of(b)
	}
	return all
}
