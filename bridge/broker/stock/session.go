package stock

import (
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering/failpoint"
)

// session acknowledges what a source has handed out. The client knows which of its
// own sessions a message belongs to: one whose connection or membership is over
// takes no acknowledgement.
type session struct {
	mu    sync.Mutex
	next  uint64
	open  map[uint64]*message.Message
	acked []*message.Message // by us; the client may not have passed it on yet
}

func newSession() *session { return &session{open: map[uint64]*message.Message{}} }

func (s *session) took(m *message.Message) (token uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	s.open[s.next] = m
	return s.next
}

// Ack acknowledges the deliveries with these tokens.
func (s *session) Ack(tokens []uint64) {
	failpoint.Hit(failpoint.BeforeAck)
	s.mu.Lock()
	s.prune()
	for _, token := range tokens {
		if m, ok := s.open[token]; ok {
			delete(s.open, token)
			m.Ack()
			s.acked = append(s.acked, m)
		}
	}
	s.mu.Unlock()
	failpoint.Hit(failpoint.AfterAck)
}

// prune forgets what the client is done with: it ends the context of a message
// when it has passed on its acknowledgement.
func (s *session) prune() {
	rest := s.acked[:0]
	for _, m := range s.acked {
		if m.Context().Err() == nil {
			rest = append(rest, m)
		}
	}
	clear(s.acked[len(rest):])
	s.acked = rest
}

// over forgets the messages of a subscription that has ended.
func (s *session) over() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.open)
	s.acked = nil
}

// settle waits until the client has passed on what was acknowledged, for so long
// at most.
func (s *session) settle(most time.Duration) {
	s.mu.Lock()
	acked := s.acked
	s.acked = nil
	s.mu.Unlock()
	late := time.After(most)
	for _, m := range acked {
		select {
		case <-m.Context().Done():
		case <-late:
			return
		}
	}
}
