package amqp

import (
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/ordering/failpoint"
)

// session acknowledges on one channel. It ends with the channel: delivery tags
// mean nothing on another.
type session struct {
	ch   *amqp.Channel
	line *line
	room func() // told when something was settled that may let more in

	mu     sync.Mutex
	open   unsettled
	singly []uint64 // reused
	held   bool     // nothing is acknowledged now
	later  []uint64 // what is, then
	ended  bool
}

// Ack acknowledges deliveries: by range up to the lowest open one, singly above
// it. What RabbitMQ does not learn, because the channel is gone, it delivers
// again.
func (s *session) Ack(tokens []uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended:
	case s.held:
		s.later = append(s.later, tokens...)
	default:
		s.ack(tokens)
	}
}

func (s *session) ack(tokens []uint64) {
	upTo, singly := s.open.settle(tokens, s.singly[:0])
	s.singly = singly
	if upTo == 0 && len(singly) == 0 {
		return
	}
	failpoint.Hit(failpoint.BeforeAck)
	s.send(upTo, singly)
	failpoint.Hit(failpoint.AfterAck)
	s.room()
}

func (s *session) send(upTo uint64, singly []uint64) {
	s.line.cork()
	defer s.line.uncork()
	if upTo != 0 {
		_ = s.ch.Ack(upTo, true)
	}
	for _, tag := range singly {
		_ = s.ch.Ack(tag, false)
	}
}

// took notes a delivery that arrived, and returns the bytes that are open.
func (s *session) took(tag uint64, size int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open.add(tag, size)
	return s.open.bytes
}

// load is how many deliveries are open, and their bytes.
func (s *session) load() (open int, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open.open, s.open.bytes
}

// holdFull acknowledges nothing more, until release, if so many deliveries are
// open that have this tag or a higher one. There is no tag 0: it stands for none.
func (s *session) holdFull(tag uint64, prefetch int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = tag != 0 && s.open.from(tag) == prefetch
	return s.held
}

// release acknowledges what was to be, and goes on.
func (s *session) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = false
	if !s.ended && len(s.later) > 0 {
		s.ack(s.later)
	}
	s.later = nil
}

// end makes every later Ack do nothing.
func (s *session) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.open, s.later = unsettled{}, nil
}
