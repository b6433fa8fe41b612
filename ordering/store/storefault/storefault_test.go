package storefault_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
	"github.com/brokerbridge/bridge/ordering/store/storefault"
	"github.com/brokerbridge/bridge/ordering/store/storetest"
)

// TestWithoutAPlan: a wrapped store is a store.
func TestWithoutAPlan(t *testing.T) {
	storetest.Run(t, func(testing.TB) store.Store { return storefault.Wrap(memory.New(), storefault.Plan{}) }, nil)
}

// key is the i-th lane.
func key(i int) store.Key { return store.Key{Route: "r", Name: fmt.Sprint(i)} }

// run commits to three lanes twice, building on what is stored, and writes down
// which changes failed and what is stored in the end.
func run(t *testing.T, p storefault.Plan) (s *storefault.Store, failed []int, versions []uint64, err error) {
	s = storefault.Wrap(memory.New(), p)
	if _, err := s.Open(t.Context(), store.Identity{Route: "r"}); err != nil {
		t.Fatal(err)
	}
	for round := range 2 {
		var cs []store.Change
		for i := range 3 {
			r, err := s.Load(t.Context(), key(i))
			if err != nil {
				t.Fatal(err)
			}
			cs = append(cs, store.Change{Key: key(i), Version: r.Version, Record: &store.Record{State: lane.State{}}})
		}
		for i, e := range s.Commit(t.Context(), cs...) {
			if e != nil {
				failed, err = append(failed, 3*round+i+1), e
			}
		}
	}
	for i := range 3 {
		r, _ := s.Load(t.Context(), key(i))
		versions = append(versions, r.Version)
	}
	return s, failed, versions, err
}

func TestPlans(t *testing.T) {
	for _, c := range []struct {
		plan     storefault.Plan
		failed   []int
		versions []uint64
		err      error
	}{
		{storefault.Plan{}, nil, []uint64{2, 2, 2}, nil},
		{storefault.Plan{At: 1}, []int{1, 2, 3}, []uint64{1, 1, 1}, storefault.ErrFault},
		{storefault.Plan{At: 1, How: storefault.After}, []int{1, 2, 3}, []uint64{2, 2, 2}, storefault.ErrFault},
		{storefault.Plan{At: 2, How: storefault.Conflict}, []int{4, 5, 6}, []uint64{1, 1, 1}, store.ErrConflict},
		{storefault.Plan{At: 1, Times: -1}, []int{1, 2, 3, 4, 5, 6}, []uint64{0, 0, 0}, storefault.ErrFault},
		{storefault.Plan{At: 2, Changes: true}, []int{2}, []uint64{2, 1, 2}, storefault.ErrFault},
		{storefault.Plan{At: 3, Times: 2, Changes: true, How: storefault.After}, []int{3, 4}, []uint64{2, 2, 2}, storefault.ErrFault},
		{storefault.Plan{At: 3}, nil, []uint64{2, 2, 2}, nil},
	} {
		s, failed, versions, err := run(t, c.plan)
		if !slices.Equal(failed, c.failed) || !slices.Equal(versions, c.versions) || !errors.Is(err, c.err) {
			t.Errorf("%+v: failed %v, versions %v, %v", c.plan, failed, versions, err)
		}
		if s.Commits() != 2 || s.Changes() != 6 || s.Failed() != len(c.failed) {
			t.Errorf("%+v: counted %d commits, %d changes, %d failed", c.plan, s.Commits(), s.Changes(), s.Failed())
		}
	}
}

func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if _, _, _, err := run(t, storefault.Plan{Delay: time.Minute}); err != nil {
			t.Error(err)
		}
		if d := time.Since(start); d != 2*time.Minute {
			t.Error(d)
		}
	})
}
