package memory

import "github.com/brokerbridge/bridge/ordering/failpoint"

// session is guarded by its broker's lock.
type session struct {
	source *Source
	next   uint64
	open   map[uint64]item
	bytes  int64
	ended  bool
}

func newSession(s *Source) *session {
	return &session{source: s, open: map[uint64]item{}}
}

func (s *session) took(it item) (token uint64) {
	s.next++
	s.open[s.next] = it
	s.bytes += int64(len(it.msg.Payload))
	return s.next
}

// Ack takes deliveries out of the window, unless the session has ended.
func (s *session) Ack(tokens []uint64) {
	failpoint.Hit(failpoint.BeforeAck)
	s.source.b.mu.Lock()
	defer s.source.b.mu.Unlock()
	if s.ended {
		return
	}
	for _, token := range tokens {
		if it, ok := s.open[token]; ok {
			s.bytes -= int64(len(it.msg.Payload))
			delete(s.open, token)
		}
	}
	s.source.feed.Wake()
	failpoint.Hit(failpoint.AfterAck)
}
