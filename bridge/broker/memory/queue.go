package memory

import (
	"maps"
	"slices"

	"github.com/ThreeDotsLabs/watermill/message"
)

// queue is guarded by its broker's lock.
type queue struct {
	next    uint64 // sequence of the next message: redelivery keeps the order
	waiting []item
	readers map[*Source]struct{}
	judge   func(*message.Message) error
}

type item struct {
	seq uint64
	msg *message.Message
}

func (q *queue) put(msgs []*message.Message) {
	for _, m := range msgs {
		q.next++
		q.waiting = append(q.waiting, item{q.next, clone(m)})
	}
}

// giveBack ends a session: what it left open waits again, at its old place.
func (q *queue) giveBack(s *session) {
	s.ended = true
	for _, it := range s.open {
		q.waiting = append(q.waiting, it)
	}
	s.open = nil
	slices.SortFunc(q.waiting, func(a, b item) int { return int(a.seq) - int(b.seq) })
}

// clone keeps what is delivered apart from what is kept.
func clone(m *message.Message) *message.Message {
	return &message.Message{UUID: m.UUID, Metadata: maps.Clone(m.Metadata), Payload: m.Payload}
}
