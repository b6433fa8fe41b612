package kafka

import (
	"sync"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/kafka/internal/span"
	"github.com/brokerbridge/bridge/ordering/failpoint"
)

// session is one partition for as long as it is ours without interruption. When
// it is taken away, acknowledgements of it mean nothing any more, even if it
// comes back: then everything that is not committed is read again.
type session struct {
	m         *member
	partition int32
	topicID   [16]byte

	mu        sync.Mutex
	span      span.Span
	handed    int   // given out and not acknowledged
	committed int64 // the offset that Kafka has confirmed
	next      int64 // the highest offset that was written down before its commit
	unsaved   bool  // what Kafka has confirmed was not written down yet
	capped    bool  // too much is uncommitted: nothing more is taken
	leaving   bool  // being taken away: nothing more is given out
	ended     bool
}

// Ack acknowledges records, in any order. The offset follows when everything
// below is acknowledged, and what Kafka does not learn it delivers again.
func (s *session) Ack(tokens []uint64) {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return
	}
	failpoint.Hit(failpoint.BeforeAck)
	n, bytes := s.span.Settle(tokens)
	failpoint.Hit(failpoint.AfterAck)
	s.handed -= n
	behind := s.span.Uncommitted()
	s.mu.Unlock()
	if n > 0 {
		s.m.settled(n, bytes, behind)
	}
}

// take notes records and returns their tokens; what nobody gets has the size 0.
func (s *session) take(at []span.Place, sizes []int64, tokens []uint64) (_ []uint64, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return tokens, 0
	}
	for i := range at {
		if sizes[i] == 0 {
			s.span.Pass(at[i])
			continue
		}
		tokens = append(tokens, s.span.Take(at[i], sizes[i]))
		bytes += sizes[i]
	}
	return tokens, bytes
}

// gave notes that so many records were given out.
func (s *session) gave(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handed += n
}

// wanted reports whether records of the session may still be given out.
func (s *session) wanted() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.leaving && !s.ended
}

// quiet reports whether nothing is in flight.
func (s *session) quiet() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.handed <= 0 || s.ended
}

func (s *session) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaving = true
}

// end makes every later Ack do nothing, and returns what was open.
func (s *session) end() (n int, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return 0, 0
	}
	s.ended = true
	n, bytes = s.span.Open()
	s.span = span.Span{}
	return n, bytes
}

// position is behind the last record that was taken.
func (s *session) position() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.span.End().Offset
}

// uncommitted is how many records were taken since the committed offset.
func (s *session) uncommitted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.span.Uncommitted()
}

// bound notes whether the session is capped, and reports whether that is new.
func (s *session) bound(capped bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := s.capped != capped
	s.capped = capped
	return changed
}

// mark is what there is to commit and to write down.
type mark struct {
	*session
	low      span.Place
	token    uint64
	position broker.Position
	commit   bool
}

// mark returns what there is to do, or false.
func (s *session) mark() (mark, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return mark{}, false
	}
	low, token := s.span.Low()
	commit := low.Offset != s.committed
	s.next = max(s.next, low.Offset)
	return mark{
		session: s, low: low, token: token, commit: commit,
		position: broker.Position{
			Topic: s.m.from.Topic, TopicID: s.topicID, Partition: s.partition,
			Next: s.next, Committed: s.committed,
		},
	}, commit || s.unsaved
}

func (s *session) saved() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unsaved = false
}

// confirmed notes that Kafka has committed a mark.
func (s *session) confirmed(k mark, kept bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.committed = k.low.Offset
	s.span.Committed(k.token)
	s.unsaved = kept
}
