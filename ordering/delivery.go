package ordering

import (
	"context"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"go.opentelemetry.io/otel/trace"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/spans"
	"github.com/brokerbridge/bridge/ordering/store"
)

// Batch handles several messages at once and returns an error for each, in the
// same order; nil says that the target has it.
type Batch = func(msgs []*message.Message) []error

// Acker acknowledges deliveries to the source they came from. Tokens are those
// of [Deliveries]. It is called from one goroutine at a time and does nothing
// for a session that has ended.
type Acker interface {
	Ack(tokens []uint64)
}

// Deliveries are messages from one session of a source, and their way back.
type Deliveries struct {
	Messages []*message.Message
	Tokens   []uint64
	Acker    Acker
}

// handle is the way back of one delivery.
type handle struct {
	acker Acker
	token uint64
	link  *trace.SpanContext // by which a settle span names the message
}

// origin is where a message in memory came from.
type origin uint8

const (
	fromSource origin = iota
	fromParked
	fromDead  // a dead letter for which its lane waits
	fromLoose // another one; its lane takes it for an arrival
)

// item is a message in memory.
type item struct {
	lane  *entry // nil: it goes beside the order
	id    ID
	msg   *message.Message
	came  time.Time // it was taken, or stored; zero: it was a dead letter
	print lane.Print
	first handle
	more  []handle // of copies that joined it
	tries store.Tries
	span  *spans.Process // of the try under way, or of the last one

	origin  origin
	storing int    // changes that park it and are not durable yet
	dead    string // the id of the dead letter it came from
	refusal error  // why it could not be identified
	foreign bool   // the route does not take it
	rides   bool   // under way behind the head of its lane
	awaited bool   // its call is still under way, and only this very message finds the outcome
	verdict verdict

	sight     store.SeenPrint // by which it is recognised, where it has no revision
	concluded bool            // a change remembers it
	stamp     lane.Revision   // with which it was delivered; see Config.Stamp
}

// release moves the item's handles to acks.
func (it *item) release(acks []handle) []handle {
	if it.first.acker != nil {
		acks = append(acks, it.first)
		it.first = handle{}
	}
	acks = append(acks, it.more...)
	it.more = nil
	return acks
}

// stored is the item as it is parked.
func (it *item) stored(now time.Time) store.Message {
	return store.Message{
		Rev: it.id.Revision, ID: it.msg.UUID, Metadata: it.msg.Metadata, Payload: it.msg.Payload,
		Print: it.print, ParkedAt: now, Tries: it.tries,
	}
}

// restore is the item of a stored message. Its context is not that of its
// delivery, which has ended; it ends when Run is told to stop.
func (l *loop) restore(e *entry, m store.Message, from origin) *item {
	msg := &message.Message{UUID: m.ID, Metadata: m.Metadata, Payload: m.Payload}
	if msg.Metadata == nil {
		msg.Metadata = message.Metadata{}
	}
	msg.SetContext(l.context)
	id := ID{Key: e.key.Name, Epoch: e.key.Epoch, Revision: m.Rev}
	it := &item{lane: e, id: id, msg: msg, print: m.Print, tries: m.Tries, origin: from, foreign: isPurged(&m) || l.isStillForeign(msg)}
	if from == fromParked {
		it.came = m.ParkedAt
	}
	return it
}

// redriven has a dead letter's story begin anew: it keeps its first failure, and
// what was tried before.
func (it *item) redriven() {
	it.tries.Attempts = 0
	it.tries.Log = it.tries.Log.Redriven()
}

type (
	attemptsKey struct{}
	redrivenKey struct{}
)

// Attempts is how many tries a message has behind it, across crashes. Retry
// policies ask it.
func Attempts(m *message.Message) int {
	n, _ := m.Context().Value(attemptsKey{}).(int)
	return n
}

// Redriven reports whether a message was a dead letter and is sent through again.
func Redriven(m *message.Message) bool {
	return m.Context().Value(redrivenKey{}) != nil
}

// noteStory puts what was before where [Attempts] and [Redriven] find it.
func (it *item) noteStory() {
	if it.tries.Attempts > 0 {
		it.msg.SetContext(context.WithValue(it.msg.Context(), attemptsKey{}, it.tries.Attempts))
	}
	if it.origin == fromDead || it.origin == fromLoose {
		it.msg.SetContext(context.WithValue(it.msg.Context(), redrivenKey{}, true))
	}
}
