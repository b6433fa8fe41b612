package ordering

import (
	"slices"
	"strings"

	"github.com/brokerbridge/bridge/ordering/store"
)

// Which dead letters come and go. All of that is in changes of the loop, so it
// knows what has changed since somebody read them.

// bury has a change write a dead letter, behind all that were written before: they
// are listed and redriven in that order.
func (l *loop) bury(c *change, d store.DeadLetter) {
	if d.At = l.now; !d.At.After(l.buried) {
		d.At = l.buried.Add(1)
	}
	l.buried = d.At
	c.store.Dead = append(c.store.Dead, d)
	l.move(d.ID)
}

// takeOut has a change take something out of the archive.
func (l *loop) takeOut(c *change, id string) {
	c.store.Restore = append(c.store.Restore, id)
	l.move(id)
}

// unearth has a change take a dead letter away.
func (l *loop) unearth(c *change, id string) {
	c.store.Gone = append(c.store.Gone, id)
	l.move(id)
}

func (l *loop) move(id string) {
	l.moving[id]++
	if l.touched != nil {
		l.touched[id] = true
	}
}

// laid tells of the dead letters of a change that is durable.
func (l *loop) laid(c *change) {
	for i := range c.store.Dead {
		l.moved(c.store.Dead[i].ID, GivenUpAgain)
	}
	for _, id := range c.store.Gone {
		l.moved(id, Settled)
	}
	for _, id := range c.store.Restore {
		l.moved(id, Settled)
	}
}

// burying reports whether a dead letter of a key is on its way into the store.
func (l *loop) burying(key string) bool {
	of := func(c *change) bool {
		return c != nil && slices.ContainsFunc(c.store.Dead, func(d store.DeadLetter) bool { return d.Key == key })
	}
	return slices.ContainsFunc(l.dirty, func(e *entry) bool { return of(e.pending) }) ||
		slices.ContainsFunc(l.sent, func(e *entry) bool { return of(e.sent) })
}

func (l *loop) moved(id string, how How) {
	if l.moving[id]--; l.moving[id] <= 0 {
		delete(l.moving, id)
	}
	l.tellEnd(id, how, "")
}

// tellEnd answers those who wait for the end of what they sent.
func (l *loop) tellEnd(id string, how How, says string) {
	waiting := l.ends[id]
	if len(waiting) == 0 || how == Stayed && l.stopping {
		return
	}
	delete(l.ends, id)
	for i, s := range waiting {
		if i > 0 && how == Settled {
			how, says = Elsewhere, "another operation has dealt with it"
		}
		l.noteEnd(s, Ended{ID: id, How: how, Says: says})
	}
}

// noteEnd keeps an end, to be told with the others of this turn of the loop.
func (l *loop) noteEnd(s *send, e Ended) {
	if len(s.ends) == 0 {
		l.answers = append(l.answers, s)
	}
	s.ends = append(s.ends, e)
}

// answer tells what has ended.
func (l *loop) answer() {
	for _, s := range l.answers {
		s.ended(s.ends)
		s.ends = nil
	}
	clear(l.answers)
	l.answers = l.answers[:0]
}

// told is an error as it is said to an operator.
func told(err error) string {
	return strings.TrimPrefix(strings.TrimPrefix(err.Error(), "ordering: "), "store: ")
}
