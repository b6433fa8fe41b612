package service

import (
	"context"
	"errors"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/policies"
)

// alarm calls a person for what retry has given up. It stands inside the
// Resequencer, which stores the dead letter: the alarm comes first, so that no
// crash silences it.
func (s *Service) alarm(next message.HandlerFunc) message.HandlerFunc {
	return func(m *message.Message) ([]*message.Message, error) {
		out, err := next(m)
		var verdict *policies.Verdict
		if errors.As(err, &verdict) && verdict.Final {
			s.cfg.Alarm(s.cfg.Name, m.Metadata["kind"]+" of order "+m.Metadata["order"]+" is a dead letter: "+err.Error())
			s.reached("given up", m.UUID)
		}
		return out, err
	}
}

// checkpointed stands outside the Resequencer: what it lets pass is acknowledged.
func (s *Service) checkpointed(next message.HandlerFunc) message.HandlerFunc {
	return func(m *message.Message) ([]*message.Message, error) {
		out, err := next(m)
		if err == nil {
			s.reached("checkpointed", m.UUID)
		}
		return out, err
	}
}

// DeadLetters are those of an order that stand now.
func (s *Service) DeadLetters(ctx context.Context, order string) (dead []store.DeadLetter, err error) {
	for d, err := range s.store.DeadLetters(ctx, store.Query{Route: s.cfg.Name}) {
		switch {
		case errors.Is(err, store.ErrNotFound):
			return nil, nil // the route is not open yet
		case err != nil:
			return nil, err
		}
		if d.Metadata["order"] == order {
			dead = append(dead, d)
		}
	}
	return dead, nil
}

// Redrive sends a dead letter through again, at its place; what waits behind it
// follows. It is false where that was asked before.
func (s *Service) Redrive(ctx context.Context, id, reason string) (bool, error) {
	out, err := s.order.Redrive(ctx, id, ordering.Operation{By: "the example", Reason: reason})
	if errors.Is(err, store.ErrNotFound) {
		return false, nil // and it is through by now
	}
	return out.Done, err
}

// AtRest reports whether nothing is under way here: no message in hand, none
// parked, none a dead letter, none to be sent.
func (s *Service) AtRest(ctx context.Context) (bool, error) {
	letters, err := s.outbox()
	if err != nil {
		return false, err
	}
	stats, err := s.order.Stats(ctx)
	return len(letters) == 0 && stats.InMemory+stats.Ledger.Parked+stats.Ledger.Dead == 0, err
}
