package service

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/brokerbridge/bridge/examples/internal/table"
)

// tick is how often deadlines are looked at, and the outbox after a failure.
const tick = 50 * time.Millisecond

// Tx is one update of a service's table, with the messages that belong to it.
type Tx struct {
	*table.Tx
	service *Service
	said    []func()
}

// letter is a row of the outbox.
type letter struct {
	To      string
	Message Message
}

// Send puts a message into the outbox and returns its id. Its revision is given
// here, in the same update, so that there is no gap and none is given twice.
func (tx *Tx) Send(to, order, kind string, body any) (id string, err error) {
	m, err := New(tx.service.cfg.Name, to, order, kind, tx.Count("sent/"+to+"/"+order, 1), body)
	if err != nil {
		return "", err
	}
	tx.Put("outbox/"+m.ID, letter{To: to, Message: m})
	return m.ID, nil
}

// Say tells what was done, once it is durable.
func (tx *Tx) Say(order, format string, args ...any) {
	tx.said = append(tx.said, func() { tx.service.cfg.Say(tx.service.cfg.Name, order, fmt.Sprintf(format, args...)) })
}

// Alarm calls a person at once: rather twice than, after a crash, never.
func (tx *Tx) Alarm(format string, args ...any) {
	tx.service.cfg.Alarm(tx.service.cfg.Name, fmt.Sprintf(format, args...))
}

// update changes the table, and then wakes the relay.
func (s *Service) update(change func(*Tx) error) error {
	var said []func()
	if err := s.table.Update(func(t *table.Tx) error {
		tx := &Tx{Tx: t, service: s}
		err := change(tx)
		said = tx.said
		return err
	}); err != nil {
		return err
	}
	for _, say := range said {
		say()
	}
	select {
	case s.wake <- struct{}{}:
	default: // awake already
	}
	return nil
}

// relay publishes what is in the outbox, until the context ends. What fails is
// tried again at the next tick: a broker that is away loses nothing.
func (s *Service) relay(ctx context.Context) error {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		case now := <-ticker.C:
			if s.cfg.Tick != nil {
				if err := s.update(func(tx *Tx) error { return s.cfg.Tick(tx, now) }); err != nil {
					return err
				}
			}
		}
		err := s.publish()
		if err != nil && !failing && ctx.Err() == nil {
			slog.Warn("what is in the outbox is published later", "service", s.cfg.Name, "error", err)
		}
		failing = err != nil
	}
}

// publish sends each letter and then forgets it.
func (s *Service) publish() error {
	letters, err := s.outbox()
	if err != nil {
		return err
	}
	for _, l := range letters {
		s.reached("sending", l.Message.ID)
		if err := s.cfg.Publisher.Publish(l.To, l.Message.Encode()); err != nil {
			return fmt.Errorf("publish %s: %w", l.Message.ID, err)
		}
		s.reached("published", l.Message.ID)
		if err := s.table.Update(func(tx *table.Tx) error { tx.Delete("outbox/" + l.Message.ID); return nil }); err != nil {
			return err
		}
		s.reached("forgotten", l.Message.ID)
	}
	return nil
}

func (s *Service) outbox() (letters []letter, err error) {
	err = s.table.View(func(tx *table.Tx) {
		for _, key := range tx.Keys("outbox/") {
			var l letter
			tx.Get(key, &l)
			letters = append(letters, l)
		}
	})
	return letters, err
}

// View shows the table.
func (s *Service) View(look func(*table.Tx)) error { return s.table.View(look) }

// reached tells tests where the process is.
func (s *Service) reached(moment, id string) {
	if s.cfg.Reached != nil {
		s.cfg.Reached(strings.Join([]string{s.cfg.Name, moment, id}, "/"))
	}
}
