package bulk_test

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"
	"testing"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

var errDisk = errors.New("the disk does not answer")

// faulty is a store that fails when it is told to.
type faulty struct {
	store.Store
	noLanes atomic.Bool  // lanes are not read
	noJobs  atomic.Bool  // operations are not read
	noReads atomic.Int64 // so many dead letters are not read
	reads   atomic.Int64 // dead letters, one by one
	listed  atomic.Int64 // dead letters, with their content
	failed  atomic.Int64 // reads

	onCommit atomic.Pointer[func(c *store.Change) error]
}

// faultyOffice is an office with such a store.
func faultyOffice(t *testing.T, change func(*ordering.Config)) (*office, *faulty) {
	t.Helper()
	o, f := newOffice(t, change), &faulty{Store: memory.New()}
	o.move(f)
	return o, f
}

func (f *faulty) Load(ctx context.Context, k store.Key) (store.Record, error) {
	if f.noLanes.Load() {
		f.failed.Add(1)
		return store.Record{}, errDisk
	}
	return f.Store.Load(ctx, k)
}

func (f *faulty) Operations(ctx context.Context, r string) ([]store.Operation, error) {
	if f.noJobs.Load() {
		f.failed.Add(1)
		return nil, errDisk
	}
	return f.Store.Operations(ctx, r)
}

func (f *faulty) DeadLetter(ctx context.Context, r, id string) (store.DeadLetter, error) {
	f.reads.Add(1)
	if f.noReads.Add(-1) >= 0 {
		f.failed.Add(1)
		return store.DeadLetter{}, errDisk
	}
	return f.Store.DeadLetter(ctx, r, id)
}

func (f *faulty) DeadLetters(ctx context.Context, q store.Query) iter.Seq2[store.DeadLetter, error] {
	return func(yield func(store.DeadLetter, error) bool) {
		for d, err := range f.Store.DeadLetters(ctx, q) {
			if f.listed.Add(1); !yield(d, err) {
				return
			}
		}
	}
}

// commits sees all changes before they are stored, and may refuse them. nil: nobody
// sees them.
func (f *faulty) commits(see func(c *store.Change) error) {
	if see == nil {
		f.onCommit.Store(nil)
		return
	}
	f.onCommit.Store(&see)
}

// Commit implements store.Store.
func (f *faulty) Commit(ctx context.Context, cs ...store.Change) []error {
	if see := f.onCommit.Load(); see != nil {
		for i := range cs {
			if err := (*see)(&cs[i]); err != nil {
				errs := make([]error, len(cs))
				for i := range errs {
					errs[i] = err
				}
				return errs
			}
		}
	}
	return f.Store.Commit(ctx, cs...)
}

// signs reports whether a change has a row for the audit with an action.
func signs(c *store.Change, action string) bool {
	return len(c.Audit) > 0 && c.Audit[0].Action == action
}
