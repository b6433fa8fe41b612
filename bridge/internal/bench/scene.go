package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
)

// scene is the two ends of one run.
type scene struct {
	name string // of the run, and of the group that reads; the target's begins with it
	way  direction
	from end
	to   end
}

// open makes a source with all messages in it and an empty target.
func (s *stage) open(ctx context.Context, p plan, way direction, c contender) (sc scene, err error) {
	ctx, cancel := context.WithTimeout(ctx, runTimeout)
	defer cancel()
	sc = scene{name: newName(), way: way}
	if sc.from, err = s.source(ctx, p, way.From, sc.name, c.source); err != nil {
		return sc, err
	}
	target := sc.name + "-to"
	if c.target != nil {
		target = c.target(sc)
	}
	sc.to = s.end(way.To, target)
	return sc, sc.to.create(ctx)
}

func newName() string { return "bench-" + strings.ToLower(rand.Text()[:10]) }

// source is a queue that is filled for this run, since reading empties it, or a
// topic that is filled once, with a group for this run. One that must have a name
// is filled for each run.
func (s *stage) source(ctx context.Context, p plan, k kind, run, name string) (end, error) {
	if k != kafka {
		q := s.end(k, cmp.Or(name, run+"-from"))
		return q, filled(ctx, q, p)
	}
	if name != "" {
		t := s.topic(name)
		t.group = run
		return t, filled(ctx, t, p)
	}
	full := s.sources[p]
	if full == nil {
		full = s.topic(newName() + "-from")
		if err := filled(ctx, full, p); err != nil {
			return full, err
		}
		full.shared = true
		s.sources[p] = full
	}
	mine := *full
	mine.group = run
	return &mine, nil
}

func filled(ctx context.Context, e end, p plan) error {
	if err := e.create(ctx); err != nil {
		return err
	}
	return e.fill(ctx, p)
}

// drop removes what is this run's.
func (sc scene) drop(ctx context.Context) (err error) {
	for _, e := range []end{sc.from, sc.to} {
		if e != nil {
			err = errors.Join(err, e.drop(ctx))
		}
	}
	return err
}

// dropSources removes the topics that several runs have read.
func (s *stage) dropSources() error {
	ctx, cancel := context.WithTimeout(context.Background(), childTimeout)
	defer cancel()
	var err error
	for n, t := range s.sources {
		t.shared = false
		if e := t.drop(ctx); e != nil {
			err = errors.Join(err, fmt.Errorf("drop topic %q: %w", t.name, e))
		}
		delete(s.sources, n)
	}
	return err
}
