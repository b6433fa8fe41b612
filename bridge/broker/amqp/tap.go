package amqp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/ordering/failpoint"
)

// guardEvery is how often an ordered source looks for other consumers.
const guardEvery = 10 * time.Second

// tap is one session's consumer: opened, closed and widened as the window
// allows. The AMQP client reads ahead without a bound of its own, so a slow
// reader does not hold RabbitMQ back; only the prefetch and cancelling do.
type tap struct {
	*Source
	link    *link
	ch      *amqp.Channel
	session *session
	gather  *gather

	lost       chan *amqp.Error // the channel ended
	cancelled  chan string      // RabbitMQ ended the consumer
	deliveries <-chan amqp.Delivery
	tag        string
	prefetch   int
	first      uint64 // tag of the consumer's first delivery; 0: none came yet
	closing    bool   // we cancelled; what was sent before still comes
	choked     bool   // too many bytes are open
	consumed   int    // consumers started in this session
	own        int    // of them, those that RabbitMQ may still count
}

// serve runs one session until it or ctx ends.
func (s *Source) serve(ctx context.Context) error {
	l, err := s.connected(ctx)
	if err != nil {
		return err
	}
	if err := s.queue.verify(l); err != nil {
		return err
	}
	if err := s.claim(l); err != nil {
		return err
	}
	ch, err := l.Channel()
	if err != nil {
		return err
	}
	t := s.newTap(l, ch)
	err = t.flow(ctx)
	t.gather.timer.Stop()
	if ctx.Err() != nil {
		return nil //nolint:nilerr // told to stop; the session stays, to acknowledge
	}
	t.session.end()
	_ = ch.Close()
	return err
}

func (s *Source) newTap(l *link, ch *amqp.Channel) *tap {
	sess := &session{ch: ch, line: l.line, room: s.feed.Wake}
	return &tap{
		Source: s, link: l, ch: ch, session: sess, gather: newGather(sess),
		lost:      ch.NotifyClose(make(chan *amqp.Error, 1)),
		cancelled: ch.NotifyCancel(make(chan string, 1)),
	}
}

func (t *tap) flow(ctx context.Context) error {
	guard := time.NewTicker(guardEvery)
	defer guard.Stop()
	for {
		if err := t.adjust(); err != nil {
			return err
		}
		var out chan<- *message.Message
		next := t.gather.next()
		if next != nil {
			out = t.feed.Out
		}
		select {
		case d, ok := <-t.deliveries:
			if !ok {
				if err := t.ended(); err != nil {
					return err
				}
				continue
			}
			if err := t.refuseStream(&d); err != nil {
				return err
			}
			t.take(&d)
			t.drain()
		case out <- next:
			t.gather.sent()
		case <-t.gather.timer.C:
			t.gather.due = true
		case <-t.feed.Woken:
		case <-guard.C:
			if err := t.guard(); err != nil {
				return err
			}
		case err := <-t.lost:
			return lostChannel(err)
		case <-ctx.Done():
			t.quit()
			t.session.release()
			return nil
		}
	}
}

// take takes a delivery in, and returns how many bytes are open now. What has
// no tag is not one: the client yields it from a closed channel.
func (t *tap) take(d *amqp.Delivery) (openBytes int64) {
	if d.DeliveryTag == 0 {
		return 0
	}
	failpoint.Hit(failpoint.Recv)
	size := int64(len(d.Body)) + perDelivery
	t.mean.add(size)
	if t.first == 0 {
		t.first = d.DeliveryTag
	}
	open := t.session.took(d.DeliveryTag, size)
	t.gather.add(t.decode.message(d), d.DeliveryTag)
	failpoint.Hit(failpoint.Decoded)
	return open
}

// drain takes what is there, without the price of a wide select.
func (t *tap) drain() {
	for range carrierSize {
		select {
		case d, ok := <-t.deliveries:
			if !ok {
				return // the next look finds it closed again
			}
			if t.take(&d) > t.from.WindowBytes {
				return
			}
		default:
			return
		}
	}
}

// ended is told that no more deliveries come from the consumer.
func (t *tap) ended() error {
	t.deliveries = nil
	if t.closing {
		t.closing = false
		t.session.release()
		return nil
	}
	select {
	case <-t.cancelled:
		return errors.New("RabbitMQ cancelled the consumer: the queue was deleted or has moved")
	case err := <-t.lost:
		return lostChannel(err)
	case <-time.After(time.Second):
		return errors.New("the consumer ended")
	}
}

func lostChannel(err *amqp.Error) error {
	if err == nil {
		return errors.New("the channel was closed")
	}
	return fmt.Errorf("the channel was closed: %w", err)
}

// quit stops consuming for good. Deliveries on their way are dropped; they are
// not acknowledged, so they are not lost.
func (t *tap) quit() {
	if t.deliveries != nil && !t.closing {
		_ = t.ch.Cancel(t.tag, true)
	}
}

// guard looks for other consumers. How many of ours RabbitMQ counts can only
// shrink: quorum queues count a cancelled one while deliveries of it are open.
func (t *tap) guard() error {
	if !t.opts.Ordered || t.deliveries == nil {
		return nil
	}
	q, err := t.queue.inspect(t.link)
	if err != nil {
		return err
	}
	n := q.Consumers
	if n > t.own {
		return t.elsewhere(n - t.own)
	}
	t.own = max(1, n)
	return nil
}

var _ broker.Source = (*Source)(nil)
