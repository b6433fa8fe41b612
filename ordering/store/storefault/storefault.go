// Package storefault wraps a store so that commits fail on demand. A test that
// wants to know what any commit's failure costs runs once without a fault,
// reads [Store.Commits], and then once for every n:
//
//	for n := 1; n <= commits; n++ {
//		s := storefault.Wrap(memory.New(), storefault.Plan{At: n, How: storefault.After})
//		…
//	}
package storefault

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/brokerbridge/bridge/ordering/store"
)

// ErrFault is what a failed change returns, except with [Conflict].
var ErrFault = errors.New("storefault: the commit failed")

// How says in which way a change fails.
type How int

// The ways to fail.
const (
	Before   How = iota // nothing is stored
	After               // it is stored, but the caller is told that it failed
	Conflict            // nothing is stored; the error is store.ErrConflict
)

// String names the way, for the names of tests.
func (h How) String() string { return [...]string{"before", "after", "conflict"}[h] }

// Plan says which commits fail. Its zero value lets all succeed.
type Plan struct {
	At      int           // the first call of Commit that fails, from 1; 0: none
	Times   int           // how many calls fail from there; 0: one; negative: all
	Changes bool          // At and Times count changes, not calls
	How     How           // in which way
	Delay   time.Duration // how long each commit takes beside what it really takes
}

// Store fails commits by plan. All else goes to the store it wraps.
type Store struct {
	store.Store

	mu      sync.Mutex
	plan    Plan
	commits int
	changes int
	failed  int
}

// Wrap returns a store that fails by plan.
func Wrap(s store.Store, p Plan) *Store { return &Store{Store: s, plan: p} }

// Set replaces the plan and counts from the start again.
func (s *Store) Set(p Plan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plan = p
	s.commits, s.changes, s.failed = 0, 0, 0
}

// Commits is how many calls of Commit there were, failed ones included.
func (s *Store) Commits() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commits
}

// Changes is how many changes these calls had.
func (s *Store) Changes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changes
}

// Failed is how many changes failed by plan.
func (s *Store) Failed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// Commit implements store.Store.
func (s *Store) Commit(ctx context.Context, changes ...store.Change) []error {
	fails, p := s.next(len(changes))
	errs := make([]error, len(changes))
	if err := wait(ctx, p.Delay); err != nil {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	var pass []store.Change
	var index []int
	for i, c := range changes {
		if !fails[i] || p.How == After {
			pass, index = append(pass, c), append(index, i)
		}
	}
	if len(pass) > 0 {
		for j, err := range s.Store.Commit(ctx, pass...) {
			errs[index[j]] = err
		}
	}
	spoil(errs, fails, p.How)
	return errs
}

// spoil puts in the errors of the changes that fail.
func spoil(errs []error, fails []bool, how How) {
	for i := range errs {
		switch {
		case !fails[i] || errs[i] != nil:
		case how == Conflict:
			errs[i] = store.ErrConflict
		default:
			errs[i] = ErrFault
		}
	}
}

// next counts a commit and says which of its changes fail.
func (s *Store) next(n int) ([]bool, Plan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commits++
	fails := make([]bool, n)
	for i := range fails {
		s.changes++
		at := s.commits
		if s.plan.Changes {
			at = s.changes
		}
		if fails[i] = s.plan.hits(at); fails[i] {
			s.failed++
		}
	}
	return fails, s.plan
}

func (p Plan) hits(n int) bool {
	if p.At == 0 || n < p.At {
		return false
	}
	return p.Times < 0 || n < p.At+max(p.Times, 1)
}

func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
