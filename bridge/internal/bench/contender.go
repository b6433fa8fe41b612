package main

import (
	"context"
	"os"
)

// contender is one that is measured.
type contender struct {
	name  string
	probe int // messages of its first calibration: about a second's
	// vary is its plan in the place of the common one; nil: the common one.
	vary func(plan) plan
	// start begins to move the scene's messages. What it says goes to words.
	start func(ctx context.Context, s *stage, p plan, sc scene, words *os.File) (mover, error)
	// source is the name that its source must have; "": any will do.
	source string
	// target names its target, where it has no choice; nil: any name will do.
	target func(sc scene) string
	// left counts what it has not acknowledged, where the source does not know;
	// nil: the source knows.
	left func(ctx context.Context, s *stage, sc scene) (int, error)
	// note adds to a run what only it knows, after its end; nil: nothing.
	note func(ctx context.Context, s *stage, sc scene, m *measure) error
	// clear removes what it has made for itself; nil: nothing.
	clear func(ctx context.Context, s *stage, sc scene) error
	// peer says that the second contender is compared to it too.
	peer bool
}

// plan is what it is to do.
func (c contender) plan(p plan) plan {
	if c.vary != nil {
		return c.vary(p)
	}
	return p
}

var rawLoop = contender{name: "raw loop", probe: 60_000, start: startRaw}

func startRaw(_ context.Context, s *stage, p plan, sc scene, words *os.File) (mover, error) {
	return startProcess(sc, words, s.self, "-raw", sc.errand(p).String())
}
