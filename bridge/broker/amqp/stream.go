package amqp

import (
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker/internal/pace"
)

// streamOffset says of a message from a stream where in it it is. RabbitMQ does not
// tell what type a queue is, so a stream is known by the first message that it
// hands out.
const streamOffset = "x-stream-offset"

// refuseStream is an error if the first delivery of a consumer says that the queue
// is a stream. Whoever publishes may say so, too; a stream is the only kind that
// hands out nothing to who asks for one message.
func (t *tap) refuseStream(d *amqp.Delivery) error {
	if _, marked := d.Headers[streamOffset].(int64); !marked || t.first != 0 {
		return nil
	}
	ch, err := t.link.Channel()
	if err != nil {
		return err
	}
	defer func() { _ = ch.Close() }() // a message that it got goes back
	if _, _, err = ch.Get(t.from.Queue, false); !isCode(err, amqp.NotImplemented) {
		return nil // no stream, whatever else it is
	}
	return pace.Later(fmt.Errorf("queue %q is a stream, which keeps what is acknowledged, and of which the bridge cannot say "+
		"how far it was read; bind a quorum queue to the same exchange, and read that", t.from.Queue))
}
