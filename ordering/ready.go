package ordering

// ready are heads of their lanes, to be published, oldest first. Those that come
// from the store stand apart: when a hundred thousand are let go at once, what
// comes meanwhile does not wait behind them, nor they behind that.
type ready struct {
	fresh, stored []*item
	turn          bool // of the stored, to fill the next call first
}

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

// board takes as many heads as fit into a call, each with what may go along: half
// of it of one kind and the rest of the other, if there are as many.
func (l *loop) board() []*item {
	most := l.handler.Load().perCall
	items := make([]*item, 0, min(l.ready.size(), most))
	first, second := &l.ready.fresh, &l.ready.stored
	if l.ready.turn {
		first, second = second, first
	}
	l.ready.turn = !l.ready.turn
	items = l.seat(items, first, (most+1)/2)
	items = l.seat(items, second, most)
	return l.seat(items, first, most)
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
