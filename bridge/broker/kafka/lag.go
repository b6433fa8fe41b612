package kafka

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kadm"
)

var errNotJoined = errors.New("in no group yet")

// Lag is how many messages wait in the partitions that are ours: up to the end,
// or to the first open transaction. Offsets without a message, where a topic was
// compacted, count as messages.
func (s *Source) Lag(ctx context.Context) (int64, error) {
	s.mu.Lock()
	m, side := s.member, s.side
	s.mu.Unlock()
	if m == nil || side == nil || !m.isJoined() {
		return 0, errNotJoined
	}
	ends, err := bounds(kadm.NewClient(side).ListCommittedOffsets(ctx, s.from.Topic))
	if err != nil {
		return 0, err
	}
	sessions := m.all()
	if s.opts.Ordered && len(sessions) < len(ends[s.from.Topic]) {
		return 0, errNotJoined // some are on their way to us
	}
	var lag int64
	for _, session := range sessions {
		end, err := offsetOf(ends, s.from.Topic, session.partition)
		if err != nil {
			return 0, err
		}
		lag += max(0, end-session.position())
	}
	return lag, nil
}
