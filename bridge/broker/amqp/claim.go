package amqp

import (
	"fmt"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/internal/pace"
)

// waitElsewhere is for another consumer to go.
const waitElsewhere = 2 * time.Second

// claim makes sure, for an ordered route, that nobody else reads the queue.
func (s *Source) claim(l *link) error {
	if !s.opts.Ordered {
		return nil
	}
	return s.atMost(l, 0)
}

// atMost is an error if the queue has more consumers than our own.
func (s *Source) atMost(l *link, own int) error {
	q, err := s.queue.inspect(l)
	if err == nil && q.Consumers > own {
		err = s.elsewhere(q.Consumers - own)
	}
	return err
}

func (s *Source) elsewhere(others int) error {
	return &pace.Setback{Wait: waitElsewhere, Err: fmt.Errorf("%w: queue %q has %s beside this route, which must be the only one to keep the order",
		broker.ErrElsewhere, s.from.Queue, count(others))}
}

func count(consumers int) string {
	if consumers == 1 {
		return "a consumer"
	}
	return fmt.Sprintf("%d consumers", consumers)
}

// consume starts a consumer, exclusively for an ordered route where RabbitMQ
// lets it.
func (s *Source) consume(ch *amqp.Channel, tag string, prefetch int) (<-chan amqp.Delivery, error) {
	if err := ch.Qos(prefetch, 0, false); err != nil {
		return nil, err
	}
	exclusive := s.opts.Ordered && !s.plain
	deliveries, err := ch.Consume(s.from.Queue, tag, false, exclusive, false, false, nil)
	switch {
	case err == nil:
		return deliveries, nil
	case isCode(err, amqp.AccessRefused) && strings.Contains(err.Error(), "exclusive use"):
		// Nobody was there a moment ago. Either somebody was quicker, and then the
		// next look finds them; or the queue has single-active-consumer.
		s.plain = exclusive
		return nil, s.elsewhere(1)
	}
	return nil, s.queue.refused("consume", err)
}
