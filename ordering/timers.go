package ordering

import (
	"container/heap"
	"time"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// dueAfter is when a stored lane is tried again. Where it waits since a time that is
// still to come, the clock was set back, and what it has to wait is counted from now.
func dueAfter(rec store.Record, now time.Time) time.Time {
	if rec.State.Mode != lane.Waiting || rec.Due.IsZero() || !rec.Since.After(now) {
		return rec.Due
	}
	return now.Add(rec.Due.Sub(rec.Since))
}

// timers is a heap of the entries that want to hear of time passing, the
// earliest first.
type timers []*entry

func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].deadline.Before(t[j].deadline) }
func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].index, t[j].index = i, j
}

// Push is for container/heap.
func (t *timers) Push(x any) {
	e, _ := x.(*entry)
	e.index = len(*t)
	*t = append(*t, e)
}

// Pop is for container/heap.
func (t *timers) Pop() any {
	last := len(*t) - 1
	e := (*t)[last]
	(*t)[last] = nil
	*t = (*t)[:last]
	e.index = -1
	return e
}

// set puts an entry where its deadline belongs; a zero deadline takes it out.
func (t *timers) set(e *entry, deadline time.Time) {
	if deadline.Equal(e.deadline) && (e.index >= 0) == !deadline.IsZero() {
		return
	}
	e.deadline = deadline
	switch {
	case deadline.IsZero() && e.index >= 0:
		heap.Remove(t, e.index)
	case deadline.IsZero():
	case e.index >= 0:
		heap.Fix(t, e.index)
	default:
		heap.Push(t, e)
	}
}
