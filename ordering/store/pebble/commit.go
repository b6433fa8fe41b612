package pebble

import (
	"context"
	"fmt"
	"slices"

	pdb "github.com/cockroachdb/pebble/v2"

	"github.com/brokerbridge/bridge/ordering/store"
)

// Commit implements store.Store. The changes of one route that stand next to
// each other share an fsync.
func (s *Store) Commit(ctx context.Context, changes ...store.Change) []error {
	errs := make([]error, len(changes))
	for i, n := 0, 0; i < len(changes); i = n {
		for n = i + 1; n < len(changes) && changes[n].Key.Route == changes[i].Key.Route; n++ {
		}
		if err := s.commit(ctx, changes[i:n], errs[i:n]); err != nil {
			spread(errs[i:n], err)
		}
	}
	return errs
}

// spread gives an error to all that have none of their own.
func spread(errs []error, err error) {
	for i := range errs {
		if errs[i] == nil {
			errs[i] = err
		}
	}
}

// commit stores changes of one route. What a change does wrong by itself goes
// into errs; what is returned holds for all others.
func (s *Store) commit(ctx context.Context, changes []store.Change, errs []error) error {
	if err := s.begin(); err != nil {
		return err
	}
	defer s.calls.end()
	r, err := s.route(changes[0].Key.Route)
	if err != nil {
		return err
	}
	if s.keepsRoom(changes) {
		return store.ErrFull
	}
	if err := s.takeTurn(ctx, r, changes); err != nil {
		return err
	}
	w := &r.work
	w.begin(s, r)
	for i := range changes {
		errs[i] = w.add(changes, i)
	}
	if w.end(); len(w.batches) == 0 {
		s.giveTurn(r)
		return nil
	}
	r.takeOff()
	return s.await(ctx, func() error { return s.land(r) }, func() {
		s.foldGrown(r)
		s.giveTurn(r)
	})
}

// takeTurn takes the right to commit these changes to a route.
func (s *Store) takeTurn(ctx context.Context, r *route, changes []store.Change) error {
	if err := s.take(ctx, r.turn); err != nil {
		return err
	}
	r.work.audits = false
	if !slices.ContainsFunc(changes, func(c store.Change) bool { return len(c.Audit) > 0 }) {
		return nil
	}
	if err := s.take(ctx, s.auditing); err != nil {
		r.turn <- struct{}{}
		return err
	}
	r.work.audits, r.work.audited = true, s.audited
	return nil
}

// giveTurn gives back what takeTurn took.
func (s *Store) giveTurn(r *route) {
	if r.work.audits {
		s.auditing <- struct{}{}
	}
	r.turn <- struct{}{}
}

// token returns a channel that holds one.
func token() chan struct{} {
	c := make(chan struct{}, 1)
	c <- struct{}{}
	return c
}

// take takes a token, which is the right to write something.
func (s *Store) take(ctx context.Context, token chan struct{}) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.files.Full() {
		return store.ErrFull
	}
	select {
	case <-token:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.files.Failed():
		return s.failure()
	}
	if err := s.failure(); err != nil {
		token <- struct{}{}
		return err
	}
	return nil
}

// await runs what writes to the disk, and what is to be done after that, for
// which the caller does not wait. It may leave even before the disk is done; what
// it gave is encoded by then.
func (s *Store) await(ctx context.Context, write func() error, after func()) error {
	done := make(chan error, 1)
	s.calls.more()
	go func() {
		defer s.calls.end()
		done <- write()
		after()
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("store: the write is still under way: %w", ctx.Err())
	case <-s.files.Failed(): // Pebble may hang with its locks held
		return s.failure()
	}
}

// land makes a flight durable and ends it.
func (s *Store) land(r *route) error {
	w := &r.work
	var err error
	for i, b := range w.batches {
		// The log is sequential: the last fsync is good for all.
		if err = s.write(b, i == len(w.batches)-1); err != nil {
			break
		}
	}
	if err == nil && w.audits {
		s.audited = w.audited
	}
	r.touchDown(err == nil)
	return err
}

// takeOff shows readers which lanes are about to change.
func (r *route) takeOff() {
	f := &flight{lanes: r.work.lanes, landed: make(chan struct{})}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flight = f
}

// touchDown ends the flight; what it changed is remembered only if it is
// durable.
func (r *route) touchDown(durable bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if durable {
		r.ledger = r.work.ledger
		r.work.remember()
	}
	close(r.flight.landed)
	r.flight = nil
}

// write writes a batch. Any error here ends the store: Pebble's memory and its
// log may differ now.
func (s *Store) write(b *pdb.Batch, sync bool) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.files.Fail(fmt.Errorf("pebble: %v", p))
			err = s.failure()
		}
	}()
	if err := s.db.Apply(b, &pdb.WriteOptions{Sync: sync}); err != nil {
		s.files.Fail(err)
	}
	// Apply reports success after an error it calls fatal.
	if err := s.failure(); err != nil {
		return err
	}
	return b.Close()
}
