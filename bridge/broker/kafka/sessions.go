package kafka

import (
	"maps"
	"slices"

	"github.com/brokerbridge/bridge/bridge/broker/kafka/internal/span"
)

// open begins a session of a partition whose offset is committed, in place of the
// one that it may still have.
func (m *member) open(partition int32, topicID [16]byte, at span.Place, next int64) {
	s := &session{
		m: m, partition: partition, topicID: topicID,
		span: span.Begin(at), committed: at.Offset, next: next, unsaved: m.opts.Positions != nil,
	}
	m.mu.Lock()
	old := m.sessions[partition]
	m.sessions[partition] = s
	m.mu.Unlock()
	if old != nil {
		m.close(old)
	}
	m.client.ResumeFetchPartitions(m.only(partition)) // its predecessor may have been capped
}

// close ends a session.
func (m *member) close(s *session) {
	n, bytes := s.end()
	m.load.open.Add(-int64(n))
	m.load.bytes.Add(-bytes)
}

// drop ends sessions and forgets them.
func (m *member) drop(sessions []*session) {
	for _, s := range sessions {
		m.close(s)
		m.mu.Lock()
		if m.sessions[s.partition] == s {
			delete(m.sessions, s.partition)
		}
		m.mu.Unlock()
	}
	m.feed.Wake()
}

func (m *member) all() []*session {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Values(m.sessions))
}

// pick returns the sessions of some partitions.
func (m *member) pick(partitions []int32) []*session {
	m.mu.Lock()
	defer m.mu.Unlock()
	var picked []*session
	for _, p := range partitions {
		if s := m.sessions[p]; s != nil {
			picked = append(picked, s)
		}
	}
	return picked
}

// holds is how many partitions are ours.
func (m *member) holds() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.sessions)
}

func (m *member) only(partition int32) map[string][]int32 {
	return map[string][]int32{m.from.Topic: {partition}}
}

// settled is told of acknowledgements in a session, and how many records of it
// are not committed yet.
func (m *member) settled(n int, bytes int64, uncommitted int) {
	m.load.open.Add(-int64(n))
	m.load.bytes.Add(-bytes)
	if uncommitted > uncommittedWindows/2*m.from.Window {
		signal(m.urgent)
	}
	signal(m.dirty)
	m.feed.Wake()
}

// cap stops fetching from a partition of which too much is uncommitted, because
// one record is not acknowledged: after a crash, all since would be read again.
func (m *member) cap(s *session) {
	// One more poll may follow, of a window at most.
	if s.uncommitted() <= (uncommittedWindows-1)*m.from.Window {
		return
	}
	if s.bound(true) {
		m.client.PauseFetchPartitions(m.only(s.partition))
		signal(m.urgent)
		signal(m.dirty)
	}
}

// uncap goes on when the lowest record was acknowledged.
func (m *member) uncap(s *session) {
	if s.uncommitted() > (uncommittedWindows-1)*m.from.Window {
		return
	}
	if s.bound(false) {
		m.client.ResumeFetchPartitions(m.only(s.partition))
	}
}

// signal says something that need be said only once.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
