package bridgetest

import (
	"context"
	"slices"
	"sync"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering"
)

// line is what waits in front of a service. It outlives the Sources that hand it
// out, so that crashes can be played.
type line struct {
	opts Options
	all  []*entry // in the order of the plan

	mu      sync.Mutex
	waiting []*entry      // neither handed out nor dropped, in the order of the plan
	changed chan struct{} // closed, and made anew, when something has changed
}

// entry is a message to be delivered; a copy of it is another one. What changes
// is guarded by the line's lock.
type entry struct {
	seq   int // its place in the plan
	msg   *message.Message
	id    ordering.ID
	known bool // the id could be read

	dropped, acked bool
}

func newLine(o Options) *line {
	l := &line{opts: o, all: plan(&o), changed: make(chan struct{})}
	for _, e := range l.all {
		if !e.dropped {
			l.waiting = append(l.waiting, e)
		}
	}
	return l
}

// next waits for an entry; nil: ctx has ended.
func (l *line) next(ctx context.Context) *entry {
	for ctx.Err() == nil {
		e, changed := l.take()
		if e != nil {
			return e
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
	return nil
}

// take returns the first that waits, or what to wait for.
func (l *line) take() (*entry, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		return nil, l.changed
	}
	e := l.waiting[0]
	l.waiting = l.waiting[1:]
	return e, nil
}

// giveBack lets an entry wait again, at its place.
func (l *line) giveBack(e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.put(e)
	l.tell()
}

// put is called with the lock held.
func (l *line) put(e *entry) {
	i, _ := slices.BinarySearchFunc(l.waiting, e, bySeq)
	l.waiting = slices.Insert(l.waiting, i, e)
}

// tell wakes all who wait for a change. Called with the lock held.
func (l *line) tell() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// settle notes that an entry was acknowledged.
func (l *line) settle(e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.acked = true
	l.tell()
}

// sendDropped lets the dropped wait, and returns how many there were.
func (l *line) sendDropped() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.all {
		if e.dropped {
			e.dropped = false
			l.put(e)
			n++
		}
	}
	l.tell()
	return n
}

// open counts what is neither acknowledged nor dropped.
func (l *line) open() (n int, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.all {
		if !e.acked && !e.dropped {
			n++
		}
	}
	return n, l.changed
}

// fate is what the line knows of a message, its copies together.
type fate struct{ sent, acked bool }

// fates are those of all messages that have an id.
func (l *line) fates() map[ordering.ID]fate {
	l.mu.Lock()
	defer l.mu.Unlock()
	fates := make(map[ordering.ID]fate, len(l.all))
	for _, e := range l.all {
		if e.known {
			f := fates[e.id]
			fates[e.id] = fate{sent: f.sent || !e.dropped, acked: f.acked || e.acked}
		}
	}
	return fates
}
