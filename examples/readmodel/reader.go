package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/brokerbridge/bridge/ordering/lane"
)

// reader reads the balances again and again, as users of the read model do.
type reader struct {
	tables  *tables
	last    map[string]lane.Revision
	reads   int
	changes int // of version 1
	cancel  context.CancelFunc
	ended   chan error
}

// read starts a reader.
func read(ctx context.Context, db *tables) *reader {
	r := &reader{tables: db, last: map[string]lane.Revision{}, ended: make(chan error, 1)}
	ctx, r.cancel = context.WithCancel(ctx)
	go func() {
		var err error
		for err == nil && ctx.Err() == nil {
			err = r.once(context.WithoutCancel(ctx))
		}
		r.ended <- err
	}()
	return r
}

// stop ends the reader after one more look, and returns what was wrong.
func (r *reader) stop() error {
	r.cancel()
	return errors.Join(<-r.ended, r.once(context.Background()))
}

// once reads all balances; none may be older than it was.
func (r *reader) once(ctx context.Context) error {
	all, err := r.tables.balances(ctx)
	if err != nil {
		return err
	}
	r.reads++
	for _, b := range all {
		last := r.last[b.account]
		if b.revision < last {
			return fmt.Errorf("a reader saw %s at revision %d, then at %d", b.account, last, b.revision)
		}
		if b.version == 1 && b.revision > last {
			r.changes++
		}
		r.last[b.account] = b.revision
	}
	return nil
}
