package regress_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill-amqp/v2/pkg/amqp"
	"github.com/ThreeDotsLabs/watermill/message"
	rabbit "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// decodings counts what the default marshaler is asked to decode.
type decodings struct {
	amqp.DefaultMarshaler
	n atomic.Int64
}

func (d *decodings) Unmarshal(m rabbit.Delivery) (*message.Message, error) {
	d.n.Add(1)
	return d.DefaultMarshaler.Unmarshal(m)
}

// W1: a message with a header that is a number comes like any other.
//
// Expected: it does, and so does the one behind it. Observed: decoding fails, and it
// is nacked with requeue, again and again, thousands of times a second; no handler
// or middleware sees it, and nothing behind it comes. watermill-amqp v2.1.3;
// ThreeDotsLabs/watermill issue 65, ThreeDotsLabs/watermill-amqp pull requests 23 and 34.
func TestStock_W1_HeaderThatIsANumber(t *testing.T) {
	t.Parallel()
	filled := func(t *testing.T) string {
		queue := rig.Queue(t)
		rig.Publish(t, queue,
			rabbit.Publishing{Headers: rabbit.Table{"attempt": int32(2)}, Body: []byte("numbered")},
			rabbit.Publishing{Body: []byte("behind it")})
		return queue
	}
	t.Run("stock", func(t *testing.T) {
		t.Parallel()
		c, d := amqp.NewDurableQueueConfig(rig.AMQP(t)), &decodings{}
		c.Marshaler = d
		in := stockQueue(t, filled(t), c)
		eventually(t, "a hot loop", func() bool {
			select {
			case m := <-in:
				mended(t, "W1", fmt.Sprintf("%q comes", m.Payload))
				return true
			default:
				return d.n.Load() > 100
			}
		})
	})
	t.Run("ours", func(t *testing.T) {
		t.Parallel()
		in := ourQueue(t, filled(t))
		for _, want := range []string{"numbered", "behind it"} {
			m := next(t, in)
			if m.Ack(); string(m.Payload) != want {
				t.Errorf("came %q, want %q", m.Payload, want)
			}
		}
	})
}

// W6: when a queue is deleted under its consumer, no message comes of that.
//
// Expected: nothing comes. Observed: the deliveries' channel is closed, its zero
// value is decoded, and the handler gets a message without id, body and metadata.
// watermill-amqp v2.1.3.
func TestStock_W6_DeletedQueueYieldsAMessage(t *testing.T) {
	t.Parallel()
	deleted := func(t *testing.T, queue string) {
		ch := rig.Channel(t)
		eventually(t, "a consumer", func() bool {
			q, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
			return err == nil && q.Consumers == 1
		})
		if _, err := ch.QueueDelete(queue, false, false, false); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("stock", func(t *testing.T) {
		t.Parallel()
		queue := rig.Queue(t)
		in := stockQueue(t, queue, amqp.NewDurableQueueConfig(rig.AMQP(t)))
		deleted(t, queue)
		if m := more(in); m == nil {
			mended(t, "W6", "nothing comes of a queue that is gone")
		} else if m.Nack(); m.UUID != "" || len(m.Payload) > 0 {
			t.Errorf("came %q", m.Payload)
		}
	})
	t.Run("ours", func(t *testing.T) {
		t.Parallel()
		queue := rig.Queue(t)
		in := ourQueue(t, queue)
		deleted(t, queue)
		if m := more(in); m != nil {
			t.Errorf("came %q of a queue that is gone", m.Payload)
		}
	})
}

// W9: as many messages are in flight as the consumer prefetches.
//
// Expected: with a prefetch of 100 the second comes while the first is worked on.
// Observed: it waits for the first one's Ack, whatever is prefetched; who keeps a
// message back until the one before it comes waits for ever. watermill-amqp v2.1.3.
func TestStock_W9_OneMessageOfAQueueIsInFlight(t *testing.T) {
	t.Parallel()
	filled := func(t *testing.T) string {
		queue := rig.Queue(t)
		rig.Publish(t, queue, rabbit.Publishing{Body: []byte("1")}, rabbit.Publishing{Body: []byte("2")})
		return queue
	}
	t.Run("stock", func(t *testing.T) {
		t.Parallel()
		c := amqp.NewDurableQueueConfig(rig.AMQP(t))
		c.Consume.Qos.PrefetchCount = window
		in := stockQueue(t, filled(t), c)
		first := next(t, in)
		if more(in) != nil {
			mended(t, "W9", "watermill-amqp hands over what it has prefetched")
			return
		}
		first.Ack()
		next(t, in).Ack()
	})
	t.Run("ours", func(t *testing.T) {
		t.Parallel()
		in := ourQueue(t, filled(t))
		first, second := next(t, in), next(t, in)
		second.Ack()
		first.Ack()
	})
}

// W10: what a message says of itself in AMQP's own properties comes with it.
//
// Expected: its message-id, its content-type and the others are in the message, and
// go on when it is published. Observed: they are gone. watermill-amqp v2.1.3; of the
// correlation-id, ThreeDotsLabs/watermill issue 265.
func TestStock_W10_PropertiesAreDropped(t *testing.T) {
	t.Parallel()
	sent := rabbit.Publishing{MessageId: "id-1", ContentType: "application/json", Type: "created", Body: []byte("{}")}
	c := amqp.NewDurableQueueConfig(rig.AMQP(t))
	c.Publish.ConfirmDelivery = true
	// through reads a message, and publishes it to another queue.
	through := func(t *testing.T, in <-chan *message.Message, out message.Publisher) (*message.Message, rabbit.Delivery) {
		to, m := rig.Queue(t), next(t, in)
		if err := out.Publish(to, m); err != nil {
			t.Fatal(err)
		}
		m.Ack()
		return m, rig.Take(t, to, 1, patience)[0]
	}
	t.Run("stock", func(t *testing.T) {
		t.Parallel()
		queue := rig.Queue(t)
		rig.Publish(t, queue, sent)
		m, d := through(t, stockQueue(t, queue, c), stockQueues(t, c))
		if m.UUID != "" || len(m.Metadata) > 0 || d.MessageId != "" || d.ContentType != "" || d.Type != "" {
			mended(t, "W10", fmt.Sprintf("the message has %q %v, and goes on with %q, %q, %q", m.UUID, m.Metadata, d.MessageId, d.ContentType, d.Type))
		}
	})
	t.Run("ours", func(t *testing.T) {
		t.Parallel()
		queue := rig.Queue(t)
		rig.Publish(t, queue, sent)
		m, d := through(t, ourQueue(t, queue), ourQueues(t))
		if kind, _ := broker.Property(m.Metadata, "content-type"); m.UUID != "id-1" || kind != sent.ContentType {
			t.Errorf("came %q %v", m.UUID, m.Metadata)
		}
		if d.MessageId != "id-1" || d.ContentType != sent.ContentType || d.Type != sent.Type {
			t.Errorf("went on with %q, %q, %q", d.MessageId, d.ContentType, d.Type)
		}
	})
}

// The loop of nack(requeue=true), which is what any handler's error is with
// watermill-amqp. It is what the docs of RabbitMQ warn of, and no fault of the
// client: -case roulette of bridge/internal/bench has its figures.
//
// Ours: a message that was nacked comes again in process, after a pause.
func TestStock_RequeueIsAHotLoop(t *testing.T) {
	t.Parallel()
	const within = 2 * time.Second
	tries := func(in <-chan *message.Message) (n int) {
		for end := time.After(within); ; n++ {
			select {
			case m := <-in:
				m.Nack()
			case <-end:
				return n
			}
		}
	}
	t.Run("stock", func(t *testing.T) {
		t.Parallel()
		queue := rig.Queue(t)
		rig.Publish(t, queue, rabbit.Publishing{Body: []byte("b")})
		if n := tries(stockQueue(t, queue, amqp.NewDurableQueueConfig(rig.AMQP(t)))); n < 100 {
			t.Errorf("%d tries in %v: is that a loop?", n, within)
		}
	})
	t.Run("ours", func(t *testing.T) {
		t.Parallel()
		queue := rig.Queue(t)
		rig.Publish(t, queue, rabbit.Publishing{Body: []byte("b")})
		if n := tries(ourQueue(t, queue)); n == 0 || n > 6 { // pauses of 100 ms, 200 ms, and so on
			t.Errorf("%d tries in %v", n, within)
		}
	})
}
