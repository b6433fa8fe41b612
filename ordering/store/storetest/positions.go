package storetest

import (
	"math"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/brokerbridge/bridge/ordering/store"
)

// position is one of the topic whose id starts with t.
func position(t byte, partition int32, next int64) store.Position {
	return store.Position{Topic: "orders", TopicID: [16]byte{t, 15: 1}, Partition: partition, Next: next, Committed: next - 1}
}

func positionsAreKept(t *testing.T, s *subject) {
	equal(t, len(s.positions(t, orders)), 0)
	must(t, s.SavePositions(t.Context(), orders))
	equal(t, len(s.positions(t, orders)), 0)
	want := []store.Position{
		{},
		{Partition: 1, Next: -1, Committed: -1},
		position(1, 0, 5), position(1, 2, 7), position(1, 10, 1), position(1, math.MaxInt32, 3), position(1, 255, 8),
		{Topic: "o\x00\xff", TopicID: [16]byte{255, 255}, Partition: 3, Next: math.MaxInt64, Committed: math.MinInt64},
	}
	must(t, s.SavePositions(t.Context(), orders, want[7], want[3], want[2], want[5], want[1], want[0]))
	must(t, s.SavePositions(t.Context(), orders, want[6], want[4]))
	want[5], want[6] = want[6], want[5] // in order of partitions
	equal(t, s.positions(t, orders), want)
}

func positionsAreReplaced(t *testing.T, s *subject) {
	save := func(ps ...store.Position) { must(t, s.SavePositions(t.Context(), orders, ps...)) }
	save(position(1, 0, 5), position(1, 1, 5), position(2, 0, 5))
	save(position(1, 0, 9))
	save(position(1, 1, 2)) // back: the caller knows
	renamed := position(2, 0, 6)
	renamed.Topic = "renamed"
	save(position(2, 0, 5), renamed) // the later of one call
	equal(t, s.positions(t, orders), []store.Position{position(1, 0, 9), position(1, 1, 2), renamed})
}

func positionsOfARouteAreItsOwn(t *testing.T, s *subject) {
	_, err := s.Open(t.Context(), identity("other"))
	must(t, err)
	must(t, s.SavePositions(t.Context(), orders, position(1, 0, 5)))
	must(t, s.SavePositions(t.Context(), "other", position(1, 0, 7), position(1, 1, 7)))
	equal(t, s.positions(t, orders), []store.Position{position(1, 0, 5)})
	equal(t, s.positions(t, "other"), []store.Position{position(1, 0, 7), position(1, 1, 7)})
}

// concurrentPositionsNeverGoBack has the sources of a route save the partitions
// of their own while lanes are committed.
func concurrentPositionsNeverGoBack(t *testing.T, s *subject) {
	const savers, rounds = 4, 60
	var done atomic.Bool
	var wg, reader sync.WaitGroup
	reader.Go(func() {
		var seen [savers]int64
		for !done.Load() {
			ps, err := s.Positions(t.Context(), orders)
			if err != nil {
				t.Error(err)
				return
			}
			for _, p := range ps {
				if p.Next < seen[p.Partition] || p.Committed != p.Next-1 {
					t.Errorf("partition %d at %d after %d", p.Partition, p.Next, seen[p.Partition])
				}
				seen[p.Partition] = p.Next
			}
		}
	})
	for i := range savers {
		wg.Go(func() {
			for n := range int64(rounds) {
				if err := s.SavePositions(t.Context(), orders, position(1, int32(i), n+1)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for v := range uint64(rounds) {
		s.commit(t, step(key("a"), v))
	}
	wg.Wait()
	done.Store(true)
	reader.Wait()
	for i, p := range s.positions(t, orders) {
		equal(t, p, position(1, int32(i), rounds))
	}
}
