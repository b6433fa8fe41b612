package bulk

import (
	"context"
	"slices"

	"github.com/brokerbridge/bridge/ordering/store"
)

// mostOver is how many operations of a route are kept that have ended.
const mostOver = 1000

// ended are those of operations that have, as they did.
func ended(ops []store.Operation) []store.Operation {
	over := []store.Operation{}
	for _, op := range ops {
		if !op.Ended.IsZero() {
			over = append(over, op)
		}
	}
	slices.SortStableFunc(over, func(a, b store.Operation) int { return a.Ended.Compare(b.Ended) })
	return over
}

// forget takes out of the store the operations that ended first, where there are more
// than are kept. Those that it cannot take out now go with the next one that ends.
func (r *Runner) forget(ctx context.Context) {
	r.mu.Lock()
	surplus := slices.Clone(r.over[:max(0, len(r.over)-mostOver)])
	r.mu.Unlock()
	if len(surplus) == 0 {
		return
	}
	c := store.Change{Key: store.Key{Route: r.cfg.Route}}
	for _, op := range surplus {
		c.Over = append(c.Over, op.ID)
	}
	if err := r.cfg.Store.Commit(ctx, c)[0]; err != nil {
		r.log.Warn("operations that ended long ago cannot be forgotten", "error", err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = slices.DeleteFunc(r.over, func(op store.Operation) bool { return slices.Contains(c.Over, op.ID) })
}

// States is how many operations are in each state. While Run runs, it reads nothing.
func (r *Runner) States(ctx context.Context) (map[store.OperationState]int64, error) {
	ops, err := r.known(), error(nil)
	if ops == nil {
		if ops, err = r.stored(ctx); err != nil {
			return nil, err
		}
	}
	states := map[store.OperationState]int64{}
	for _, op := range ops {
		states[op.State]++
	}
	return states, nil
}

// known are the operations as far as they are in memory; nil: they are not.
func (r *Runner) known() []store.Operation {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over == nil {
		return nil
	}
	all := slices.Clip(r.over)
	for _, j := range r.jobs {
		all = append(all, j.row())
	}
	return all
}
