package ordering

import (
	"slices"
	"time"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// entry is a lane in memory, with what belongs to it.
type entry struct {
	key     store.Key
	lane    *lane.Lane // nil for the route itself, which collects what belongs to no lane
	version uint64     // of the committed record
	since   time.Time  // when mode last changed
	due     time.Time  // when a waiting head is tried again
	mode    lane.Mode  // as last counted
	items   []*item    // ascending: held, under way, or parked and not durable yet

	pending *change // not handed to the committer yet
	sent    *change // being committed

	ahead    []lane.Revision // the target has them, though their turn has not come
	reach    int             // how many messages a chunk may have; 0: as many as any
	cache    []store.Message // parked messages read ahead, ascending
	deadline time.Time       // as it stands in the timers
	index    int             // in the timers; -1: not there
	active   uint64          // the generation in which something last came
	last     lane.Revision   // given to what has arrived; see [Order]
	stamp    lane.Revision   // the last one that the target has; see Config.Stamp
	alone    bool            // of one message, without an order
	pace                     // see rush
}

// change is what an entry wants committed, and whom it then acknowledges.
type change struct {
	store store.Change
	acks  []handle
	told  []func(error) // who else waits for it
	taken int           // deliveries of the source that this change concludes
	parks []*item
	next  lane.Revision // the lane's checkpoint in this change

	elsewhere error // another owner was found in its place
	failed    error // the store broke before it was stored
}

// reset empties a change for another use.
func (c *change) reset() {
	clear(c.acks)
	clear(c.parks)
	clear(c.store.Park)
	clear(c.store.Dead)
	*c = change{
		acks: c.acks[:0], parks: c.parks[:0],
		store: store.Change{
			Park: c.store.Park[:0], Unpark: c.store.Unpark[:0], Skip: c.store.Skip[:0],
			Dead: c.store.Dead[:0], Gone: c.store.Gone[:0], Seen: c.store.Seen[:0],
		},
	}
}

// find returns the item with a revision, if it is in memory.
func (e *entry) find(r lane.Revision) (*item, bool) {
	i, ok := e.search(r)
	if !ok {
		return nil, false
	}
	return e.items[i], true
}

func (e *entry) search(r lane.Revision) (int, bool) {
	if n := len(e.items); n == 0 || e.items[n-1].id.Revision < r {
		return n, false
	}
	return slices.BinarySearchFunc(e.items, r, func(it *item, r lane.Revision) int {
		switch {
		case it.id.Revision < r:
			return -1
		case it.id.Revision > r:
			return 1
		}
		return 0
	})
}

// keep holds an item in memory, in the place of one with the same revision.
func (e *entry) keep(it *item) {
	i, ok := e.search(it.id.Revision)
	if ok {
		e.items[i] = it
		return
	}
	e.items = slices.Insert(e.items, i, it)
}

// drop forgets an item, unless another one has taken its place.
func (e *entry) drop(it *item) {
	switch i, ok := e.search(it.id.Revision); {
	case !ok || e.items[i] != it:
	case i == 0:
		e.items = lane.Shift(e.items)
	default:
		e.items = slices.Delete(e.items, i, i+1)
	}
}

// underway reports whether a call has an item, or may still have it.
func (e *entry) underway(it *item) bool {
	return it.rides || it.awaited || e.lane.Flying() && e.lane.Next == it.id.Revision
}

// parkedAbove returns the lowest revision above r that is parked and in memory
// too: not durable yet, or under way.
func (e *entry) parkedAbove(r lane.Revision) lane.Revision {
	for _, it := range e.items {
		if it.origin == fromParked && it.id.Revision > r {
			return it.id.Revision
		}
	}
	return 0
}

// trial is the lane as it is, to see what it would do.
func (e *entry) trial() *entry {
	t := *e
	t.lane = e.lane.Clone()
	return &t
}

// idle reports whether the entry can be forgotten.
func (e *entry) idle() bool {
	return e.lane != nil && e.pending == nil && e.sent == nil && len(e.items)+len(e.ahead) == 0 && e.lane.Idle()
}

// record is the lane as it is to be stored.
func (e *entry) record() *store.Record {
	r := &store.Record{Key: e.key, Since: e.since, Due: e.due, Stamp: e.stamp}
	if e.lane != nil {
		r.State = e.lane.State
	}
	return r
}
