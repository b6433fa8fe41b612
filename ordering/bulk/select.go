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
	if len(op.Selection.IDs) > 0 {
		picked, err := r.pick(ctx, op, "")
		return int64(len(picked)), err
	}
	for b, err := range r.cfg.Store.Briefs(ctx, query(op)) {
		switch {
		case errors.Is(err, store.ErrNotFound):
			return 0, nil
		case err != nil:
			return 0, err
		case op.Selection.Matches(&b):
			n++
		}
	}
	return n, nil
}

// pick reads the dead letters that an operation names, from behind a place on, in
// order of their places.
func (r *Runner) pick(ctx context.Context, op *store.Operation, after string) (picked []store.DeadLetter, err error) {
	for _, id := range slices.Compact(slices.Sorted(slices.Values(op.Selection.IDs))) {
		d, err := r.cfg.Store.DeadLetter(ctx, op.Route, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		b := d.Brief()
		if d.At.Before(op.Began) && op.Selection.Matches(&b) && b.Place() > after {
			picked = append(picked, d)
		}
	}
	slices.SortFunc(picked, func(a, b store.DeadLetter) int {
		x, y := a.Brief(), b.Brief()
		return cmp.Compare(x.Place(), y.Place())
	})
	return picked, nil
}

const (
	pageLetters = 256
	pageBytes   = 8 << 20
)

// read returns the next dead letters of an operation behind a place, and the
// place up to which it has looked; over reports that there are no more.
func (r *Runner) read(ctx context.Context, op *store.Operation, after string, most int) (page []store.DeadLetter, place string, over bool, err error) {
	if len(op.Selection.IDs) > 0 {
		return r.readPicked(ctx, op, after, most)
	}
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

func (r *Runner) readPicked(ctx context.Context, op *store.Operation, after string, most int) (page []store.DeadLetter, place string, over bool, err error) {
	page, err = r.pick(ctx, op, after)
	if err != nil || len(page) == 0 {
		return nil, after, err == nil, err
	}
	over = len(page) <= most
	page = page[:min(len(page), most)]
	b := page[len(page)-1].Brief()
	return page, b.Place(), over, nil
}
