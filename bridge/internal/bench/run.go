package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// run lets a contender move a full source, and measures and checks it.
func (s *stage) run(ctx context.Context, p plan, way direction, c contender) (m measure, err error) {
	sc, err := s.open(ctx, p, way, c)
	ctx, cancel := context.WithTimeout(ctx, runTimeout)
	defer cancel()
	defer func() {
		if err = errors.Join(err, s.drop(sc, c)); err != nil {
			err = fmt.Errorf("%s: %w", c.name, err)
		}
	}()
	if err != nil {
		return m, err
	}
	watched, err := s.move(ctx, p, c, sc, &m)
	if err != nil {
		return m, err
	}
	if m.Left, err = s.left(ctx, c, sc); err != nil {
		return m, err
	}
	if c.note != nil {
		if err := c.note(ctx, s, sc, &m); err != nil {
			return m, err
		}
	}
	return m, m.check(ctx, p, sc.to, watched)
}

func (s *stage) left(ctx context.Context, c contender, sc scene) (int, error) {
	if c.left != nil {
		return c.left(ctx, s, sc)
	}
	return sc.from.left(ctx)
}

// drop removes the scene and what the contender made for itself.
func (s *stage) drop(sc scene, c contender) error {
	ctx, cancel := context.WithTimeout(context.Background(), childTimeout)
	defer cancel()
	err := sc.drop(ctx)
	if c.clear != nil {
		err = errors.Join(err, c.clear(ctx, s, sc))
	}
	return err
}

// move has the contender work from its start to its end, and notes its cost.
func (s *stage) move(ctx context.Context, p plan, c contender, sc scene, m *measure) (watched looks, err error) {
	words, err := os.Create(filepath.Join(s.dir, sc.name+".log"))
	if err != nil {
		return watched, err
	}
	defer func() { _ = words.Close() }()
	before := s.brokersCPU(sc.way)
	mover, err := c.start(ctx, s, p, sc, words)
	if err != nil {
		return watched, err
	}
	watched, err = watch(ctx, sc.to, p.Messages, mover)
	if err == nil && p.Repeated > 0 {
		awaitRead(ctx, sc.from)
	}
	if err = errors.Join(err, mover.end(err != nil)); err != nil {
		said, _ := os.ReadFile(words.Name())
		return watched, fmt.Errorf("%w\n%s", err, said)
	}
	m.cost(p, mover.cost(), s.brokersCPU(sc.way)-before)
	return watched, nil
}

// awaitRead waits until the copies that a source has at its end are read: they add
// nothing to the target. Who leaves them is told by the check.
func awaitRead(ctx context.Context, source end) {
	for range int(childTimeout / lookEvery) {
		if left, err := source.left(ctx); err != nil || left == 0 {
			return
		}
		time.Sleep(lookEvery)
	}
}
