package main

import (
	"context"
	"errors"
	"fmt"
)

// lineup says who runs in a direction; all are compared with the first.
type lineup func(ctx context.Context, s *stage, p plan, way direction) ([]contender, error)

// compare is an experiment in which contenders take turns.
func compare(who lineup) func(context.Context, *stage, plan, []direction) (report, error) {
	return func(ctx context.Context, s *stage, p plan, ways []direction) (report, error) {
		return eachWay(ways, func(way direction) (*result, error) {
			all, err := who(ctx, s, p, way)
			if err != nil {
				return nil, err
			}
			return s.measure(ctx, p, way, all)
		})
	}
}

// measure lets all run in one direction, in turns.
func (s *stage) measure(ctx context.Context, p plan, way direction, all []contender) (r *result, err error) {
	defer func() { err = errors.Join(err, s.dropSources()) }()
	fmt.Printf("%s: messages of %d bytes, %d rounds\n", way, p.Size, p.Rounds)
	r = &result{direction: way}
	for _, c := range all {
		n, err := s.calibrate(ctx, p, way, c)
		if err != nil {
			return r, err
		}
		mine := c.plan(p)
		fmt.Printf("%s: %d messages, %d keys\n", c.name, n, mine.Keys)
		r.Contenders = append(r.Contenders, series{Name: c.name, Plan: mine, Messages: n, peer: c.peer})
	}
	if err := s.dropSources(); err != nil { // those of the calibration
		return r, err
	}
	if err := s.rounds(ctx, p.Rounds, all, r); err != nil {
		return r, err
	}
	r.summarise()
	return r, nil
}

// rounds begins each with another contender: who follows whom matters little, who
// is first may.
func (s *stage) rounds(ctx context.Context, n int, all []contender, r *result) error {
	fmt.Printf("\n"+runHead, "")
	for i := range n {
		for j := range all {
			k := (i + j) % len(all)
			c, runs := all[k], &r.Contenders[k]
			mine := runs.Plan
			mine.Messages = runs.Messages
			m, err := s.run(ctx, mine, r.direction, c)
			if err != nil {
				return err
			}
			runs.Runs = append(runs.Runs, m)
			fmt.Print(m.line(i+1, c.name))
		}
	}
	return nil
}
