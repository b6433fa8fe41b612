package service

import (
	"context"
	"sync"

	"github.com/ThreeDotsLabs/watermill-amqp/v2/pkg/amqp"
	"github.com/ThreeDotsLabs/watermill/message"
	rabbit "github.com/rabbitmq/amqp091-go"
)

// Counts are how far a service is.
type Counts struct {
	Taken   int // deliveries by RabbitMQ
	Again   int // those of them of a message that had come before, by its message-id
	Refused int // calls of the handler that it refused
	Dead    int // dead letters
	Parked  int // messages that wait in the store
}

// Counts are those of now.
func (s *Service) Counts(ctx context.Context) (Counts, error) {
	n := s.counts.now()
	if s.resequencer == nil {
		return n, nil
	}
	st, err := s.resequencer.Stats(ctx)
	n.Dead, n.Parked = int(st.Ledger.Dead), int(st.Ledger.Parked)
	return n, err
}

// counts are written by those who take, and read by others.
type counts struct {
	mu   sync.Mutex
	n    Counts
	seen map[string]bool
}

func newCounts() *counts { return &counts{seen: map[string]bool{}} }

func (c *counts) take(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n.Taken++
	if c.seen[id] {
		c.n.Again++
	}
	c.seen[id] = true
}

func (c *counts) refuse() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n.Refused++
}

func (c *counts) give(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n.Dead += n
}

func (c *counts) now() Counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// marshaler counts what a stock subscriber decodes, or fails to.
type marshaler struct {
	amqp.Marshaler

	counts *counts
}

func (m marshaler) Unmarshal(d rabbit.Delivery) (*message.Message, error) {
	if d.DeliveryTag != 0 { // a closed channel yields deliveries that are none (W6)
		m.counts.take(d.MessageId)
	}
	return m.Marshaler.Unmarshal(d)
}

// GivenUp counts what is published with it as dead letters.
func (s *Service) GivenUp(p message.Publisher) message.Publisher { return givenUp{p, s.counts} }

type givenUp struct {
	message.Publisher

	counts *counts
}

func (g givenUp) Publish(topic string, all ...*message.Message) error {
	err := g.Publisher.Publish(topic, all...)
	if err == nil {
		g.counts.give(len(all))
	}
	return err
}
