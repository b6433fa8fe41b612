package ordering

import "github.com/brokerbridge/bridge/ordering/lane"

// Order is by what messages are put in order.
type Order uint8

// The orders. Only ByRevision knows what is missing. The others tell a duplicate
// by the message's id, for as long as Config.Remember says.
const (
	// ByRevision: per key, by a gapless number that the messages carry.
	ByRevision Order = iota
	// ByArrival: per key, as they were handed in. Revisions of the Resequencer's own
	// say so, from 1. What a handler of [Resequencer.Middleware] gets is in order
	// only if its subscriber hands out one message of a key at a time, as
	// Watermill's stock ones do: the router starts a goroutine for each.
	ByArrival
	// Unordered: none. Each message is a key of its own, by a name that begins with
	// its id, and waits for nothing but its own next try.
	Unordered
)

// noJump is the MaxJump of orders in which no revision can be wrong.
const noJump = lane.MaxRevision / 2

// assign gives a message its lane and, unless it carries one, its revision.
func (l *loop) assign(it *item) (*entry, error) {
	if l.cfg.Order == Unordered {
		return l.ownLane(it), nil
	}
	e, err := l.entry(laneKey{it.id.Key, it.id.Epoch}, false)
	if err == nil && l.cfg.Order == ByArrival && it.id.Revision == 0 {
		it.id.Revision = e.turn()
	}
	return e, err
}

// turn is the next revision of a lane whose revisions are the order of arrival.
func (e *entry) turn() lane.Revision {
	e.last = max(e.last, e.lane.Highest) + 1
	return e.last
}
