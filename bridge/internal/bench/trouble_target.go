package main

import (
	"context"
	"fmt"
)

// narrow has the target refuse some messages: it is a topic that takes no large
// ones, or an exchange with one queue, whose routing key it returns.
func (c *course) narrow() (way string) {
	switch to := c.to.(type) {
	case *topic:
		to.limit = takenSize
	case *queue:
		c.to, way = routed{to}, to.name
	}
	return way
}

// exchange is there in every RabbitMQ.
const exchange = "amq.direct"

// routed is a queue that a message reaches by the way it names.
type routed struct{ *queue }

func (r routed) create(ctx context.Context) error {
	if err := r.queue.create(ctx); err != nil {
		return err
	}
	return r.side.QueueBind(r.name, r.name, exchange, false, nil)
}

func (r routed) to() string {
	return fmt.Sprintf("broker: shop, exchange: %s, routing_key: header.way", exchange)
}
