package amqp

import (
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
)

const (
	carrierSize = 1000
	// What a message waits for company, at most. Measured on two cores: without
	// it a carrier holds 2 messages of a full queue, with it 40 and more, and the
	// source alone is faster by a third; the client hands over one at a time.
	gatherFor = 500 * time.Microsecond
)

// gather packs deliveries into carriers. A carrier is offered when it is full
// or its first message has waited long enough; while it is offered in vain, it
// grows.
type gather struct {
	session *session
	timer   *time.Timer
	current *broker.Carrier
	packed  *message.Message // current, once it was offered
	due     bool
	full    []*message.Message // oldest first
}

func newGather(s *session) *gather {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return &gather{session: s, timer: t}
}

func (g *gather) add(m *message.Message, tag uint64) {
	if g.current == nil {
		g.current = &broker.Carrier{
			Session:  g.session,
			Messages: make([]*message.Message, 0, 64),
			Tokens:   make([]uint64, 0, 64),
		}
		g.due = false
		g.timer.Reset(gatherFor)
	}
	g.current.Messages = append(g.current.Messages, m)
	g.current.Tokens = append(g.current.Tokens, tag)
	if len(g.current.Messages) == carrierSize {
		g.pack()
	}
}

func (g *gather) pack() {
	g.full = append(g.full, g.offer())
	g.current, g.packed = nil, nil
	g.timer.Stop()
}

// next is the carrier to offer, or nil.
func (g *gather) next() *message.Message {
	if len(g.full) > 0 {
		return g.full[0]
	}
	if g.current != nil && g.due {
		return g.offer()
	}
	return nil
}

// offer is current as a message, the same one until it is sent: until then
// nobody else has it, and it may grow.
func (g *gather) offer() *message.Message {
	if g.packed == nil {
		g.packed = broker.Pack(g.current)
	}
	return g.packed
}

// sent removes what next returned.
func (g *gather) sent() {
	if len(g.full) == 0 {
		g.current, g.packed = nil, nil
		return
	}
	g.full[0] = nil
	g.full = g.full[1:]
}
