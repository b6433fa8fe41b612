package ordering

import "time"

// ready are heads of their lanes, to be published, oldest first. Those that come
// from the store stand apart: when a hundred thousand are let go at once, what
// comes meanwhile does not wait behind them, nor they behind that.
type ready struct {
	fresh, stored []*item
	calls         int       // since the stored were first to board
	came          time.Time // when the source last had something
}

const (
	// storedShare is the part of a call that is for the stored while fresh ones
	// come, an eighth. They cost several times what the fresh do, and what is in a
	// commit with many of them waits for them all.
	storedShare = 8
	// freshFor is how long after the last fresh one the stored have whole calls.
	freshFor = time.Second
)

func (q *ready) size() int { return len(q.fresh) + len(q.stored) }

func (q *ready) queue(it *item) *[]*item {
	if it.origin == fromSource {
		return &q.fresh
	}
	return &q.stored
}

func (q *ready) push(it *item) {
	of := q.queue(it)
	*of = append(*of, it)
}

// again puts items before all others.
func (q *ready) again(items []*item) {
	rest := q.clear()
	for _, it := range items {
		q.push(it)
	}
	for _, it := range rest {
		q.push(it)
	}
}

// clear takes all.
func (q *ready) clear() []*item {
	all := append(q.fresh, q.stored...)
	q.fresh, q.stored = nil, nil
	return all
}

// board takes as many heads as fit into a call, each with what may go along: the
// fresh first, and the stored in their share.
func (l *loop) board() []*item {
	most := l.handler.Load().perCall
	q := &l.ready
	share := q.share(most)
	items := make([]*item, 0, min(q.size(), most))
	items = l.seat(items, &q.fresh, most-share)
	upTo := most
	if l.now.Sub(q.came) < freshFor {
		upTo = min(len(items)+share, most)
	}
	items = l.seat(items, &q.stored, upTo)
	if items = l.seat(items, &q.fresh, most); len(items) == 0 {
		items = l.seat(items, &q.stored, most) // a small call, and no fresh one for it
	}
	return items
}

// share is how many messages of a call are for the stored while fresh ones come.
// Of small calls they have some instead of a part of each.
func (q *ready) share(most int) int {
	if most >= storedShare {
		return most / storedShare
	}
	q.calls++
	if q.calls < storedShare {
		return 0
	}
	q.calls = 0
	return most
}

// seat moves heads from a queue to a call until it has so many messages.
func (l *loop) seat(items []*item, queue *[]*item, most int) []*item {
	q, n := *queue, 0
	for ; n < len(q) && len(items) < most; n++ {
		items = l.gather(items, q[n])
	}
	rest := copy(q, q[n:])
	clear(q[rest:])
	*queue = q[:rest]
	return items
}
