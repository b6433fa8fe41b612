package main

import (
	"context"
	"fmt"
	"os"
)

// manyKeys is what it costs that the store knows more lanes than memory holds.
func manyKeys(ctx context.Context, s *stage, p plan, way direction) ([]contender, error) {
	known, err := s.seed(ctx, p, way.From)
	if err != nil {
		return nil, err
	}
	few := bridgeAs("1000 keys", func(p plan) plan { p.Keys = 1000; return p })
	return []contender{few, known.bridge("known, uniform", uniform), known.bridge("known, Zipf 1.1", zipf)}, nil
}

// bridge is the bridge on a copy of the store; the source has what follows.
func (known seeded) bridge(name string, draw drawing) contender {
	c := bridgeAs(name, func(p plan) plan {
		p.Keys, p.Draw, p.Settled = p.Lanes, draw, 1
		return p
	})
	c.source = known.source
	c.start = func(ctx context.Context, s *stage, p plan, sc scene, words *os.File) (mover, error) {
		if err := linkStore(known.dir, storeDir(s.dir, sc)); err != nil {
			return nil, fmt.Errorf("copy the store: %w", err)
		}
		return startBridge(ctx, s, p, sc, words)
	}
	return c
}
