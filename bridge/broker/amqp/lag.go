package amqp

import (
	"context"
	"errors"
)

var errNotConnected = errors.New("not connected")

// Lag is how many messages wait in the queue. Those that were sent to a
// consumer and not acknowledged are not among them.
func (s *Source) Lag(ctx context.Context) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	l := s.link
	s.mu.Unlock()
	if l == nil || l.IsClosed() {
		return 0, errNotConnected
	}
	s.lagMu.Lock()
	defer s.lagMu.Unlock()
	if s.side == nil || s.side.IsClosed() {
		side, err := l.Channel()
		if err != nil {
			return 0, err
		}
		s.side = side
	}
	q, err := s.side.QueueDeclarePassive(s.from.Queue, true, false, false, false, nil)
	if err != nil {
		s.side = nil // RabbitMQ has closed it
		return 0, err
	}
	return int64(q.Messages), nil
}
