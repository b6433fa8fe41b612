package bulk

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/brokerbridge/bridge/ordering/store"
)

// query selects what an operation is about, but for the reason and the ids.
func query(op *store.Operation) store.Query {
	s := &op.Selection
	q := store.Query{Route: op.Route, Key: s.Key, Group: s.Fingerprint, Since: s.Since, Until: op.Began}
	if !s.Until.IsZero() && s.Until.Before(op.Began) {
		q.Until = s.Until
	}
	return q
}

// count says how many dead letters an operation is about.
func (r *Runner) count(ctx context.Context, op *store.Operation) (n int64, err error) {
	err = r.each(ctx, op, func(*store.Brief) bool { n++; return true })
	return n, err
}

// each shows the dead letters that an operation is about, without their content, until
// see returns false; those that it names are shown all.
func (r *Runner) each(ctx context.Context, op *store.Operation, see func(*store.Brief) bool) error {
	if len(op.Selection.IDs) > 0 {
		_, err := r.pickEach(ctx, op, func(b *store.Brief) { see(b) })
		return err
	}
	for b, err := range r.cfg.Store.Briefs(ctx, query(op)) {
		switch {
		case errors.Is(err, store.ErrNotFound):
			return nil
		case err != nil:
			return err
		case op.Selection.Matches(&b) && !see(&b):
			return nil
		}
	}
	return nil
}

// place is where a dead letter stands that an operation names.
type place struct{ at, id string }

// pick finds the dead letters that an operation names, in order of their places.
func (r *Runner) pick(ctx context.Context, op *store.Operation) ([]place, error) {
	return r.pickEach(ctx, op, func(*store.Brief) {})
}

func (r *Runner) pickEach(ctx context.Context, op *store.Operation, see func(*store.Brief)) ([]place, error) {
	others := op.Selection // what else it says
	others.IDs = nil
	picked := []place{}
	for _, id := range slices.Compact(slices.Sorted(slices.Values(op.Selection.IDs))) {
		d, err := r.cfg.Store.DeadLetter(ctx, op.Route, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if b := d.Brief(); d.At.Before(op.Began) && others.Matches(&b) {
			see(&b)
			picked = append(picked, place{b.Place(), id})
		}
	}
	slices.SortFunc(picked, func(a, b place) int { return cmp.Compare(a.at, b.at) })
	return picked, nil
}

const (
	pageLetters = 256
	pageBytes   = 8 << 20
)

// read returns the next dead letters of an operation behind a place, and the
// place up to which it has looked; over reports that there are no more.
func (r *Runner) read(ctx context.Context, op *store.Operation, after string, most int) (page []store.DeadLetter, place string, over bool, err error) {
	q := query(op)
	q.After = after
	place = after
	size, looked := int64(0), time.Now()
	for d, err := range r.cfg.Store.DeadLetters(ctx, q) {
		if err != nil {
			return nil, after, false, err
		}
		b := d.Brief()
		place = b.Place()
		if op.Selection.Matches(&b) {
			page = append(page, d)
			size += d.Size()
		}
		if len(page) == most || size >= pageBytes || time.Since(looked) > time.Second {
			return page, place, false, nil
		}
	}
	return page, place, true, nil
}

// readPicked is read for dead letters that an operation names.
func (r *Runner) readPicked(ctx context.Context, op *store.Operation, picked []place, after string, most int) (page []store.DeadLetter, upTo string, over bool, err error) {
	from, found := slices.BinarySearchFunc(picked, after, func(p place, after string) int { return cmp.Compare(p.at, after) })
	if found {
		from++
	}
	upTo = after
	size := int64(0)
	for _, p := range picked[from:] {
		if len(page) == most || size >= pageBytes {
			return page, upTo, false, nil
		}
		d, err := r.cfg.Store.DeadLetter(ctx, op.Route, p.id)
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return nil, after, false, err
		default:
			if b := d.Brief(); b.Place() == p.at { // else it was given up anew
				page = append(page, d)
				size += d.Size()
			}
		}
		upTo = p.at
	}
	return page, upTo, true, nil
}
