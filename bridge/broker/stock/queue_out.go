package stock

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	stockamqp "github.com/ThreeDotsLabs/watermill-amqp/v2/pkg/amqp"
	"github.com/ThreeDotsLabs/watermill/message"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker"
	edge "github.com/brokerbridge/bridge/bridge/broker/amqp"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/policies"
)

// notSentPause is how long a publish waits before it says that nothing was sent: so
// long that whoever tries again does so at a pace.
const notSentPause = 100 * time.Millisecond

// queueOut is a queue as a target.
type queueOut struct {
	queue
	opts broker.TargetOptions
}

func (r rabbit) target(to config.To, opts broker.TargetOptions, log *slog.Logger) (outlet, error) {
	if to.Queue == "" {
		return nil, errors.New("the stock client publishes to a queue only: it does not say what an exchange routes nowhere")
	}
	return &queueOut{queue: queue{
		rabbit: r, queue: to.Queue, end: "to", declare: to.Declare, log: log,
		asker: "bridge " + opts.Route + " target questions",
	}, opts: opts}, nil
}

// open connects. From then on the client connects again by itself.
func (q *queueOut) open(ctx context.Context) (*publisher, error) {
	if _, err := q.verify(ctx); err != nil {
		return nil, err
	}
	s := newSockets()
	cfg, err := q.stock("bridge "+q.opts.Route+" target", s)
	if err != nil {
		return nil, err
	}
	cfg.Marshaler = published{}
	cfg.Publish.ConfirmDelivery, cfg.Publish.Mandatory = true, true
	connected := s.cutWhen(ctx)
	stock, err := stockamqp.NewPublisher(cfg, listen(q.log, nil, nil))
	connected()
	if err != nil {
		return nil, q.failed(err)
	}
	w := &queueWriter{q: q, stock: stock}
	return &publisher{publish: w.publish, end: func() { w.end(s) }}, nil
}

// queueWriter publishes through a stock publisher.
type queueWriter struct {
	q     *queueOut
	stock *stockamqp.Publisher

	mu    sync.RWMutex // read: something is on its way
	ended bool
}

// end closes the publisher once nothing is on its way, or cuts its connection.
func (w *queueWriter) end(s *sockets) {
	defer s.cutAfter(endTimeout)()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	_ = w.stock.Close()
}

func (w *queueWriter) publish(topic string, msgs []*message.Message) []error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.ended {
		return all(len(msgs), policies.As(policies.Unavailable, errCut))
	}
	if topic == "" {
		topic = w.q.queue.queue
	}
	errs := make([]error, len(msgs))
	var ps []parcel
	for i, m := range msgs {
		p, err := edge.Publishing(m, config.HeadersText)
		if err != nil {
			errs[i] = err
			continue
		}
		ps = append(ps, parcel{Publishing: p, id: m.UUID, result: &errs[i]})
	}
	spread(len(ps), calls, func(from, to int) { w.send(topic, ps[from:to]) })
	w.verify(topic, ps)
	return errs
}

// parcel is a message on its way.
type parcel struct {
	amqp.Publishing
	id     string
	result *error
}

// send publishes parcels one after the other.
func (w *queueWriter) send(topic string, ps []parcel) {
	for len(ps) > 0 {
		c := &call{ps: ps}
		err := w.stock.Publish(topic, c.messages()...)
		if err == nil {
			return
		}
		err = policies.As(policies.Unavailable, err)
		if c.begun == 0 {
			time.Sleep(notSentPause)
			for _, p := range ps {
				*p.result = err
			}
			return
		}
		*ps[c.begun-1].result = err // those before it are confirmed
		ps = ps[c.begun:]
	}
}

// verify looks for the queue once everything is confirmed, and before that counts:
// RabbitMQ also confirms what no queue has taken, and the client does not pass on
// that it came back (W2). A queue that is there now was there then, unless it was
// deleted meanwhile with all that was in it.
func (w *queueWriter) verify(topic string, ps []parcel) {
	confirmed := ps[:0:0]
	for _, p := range ps {
		if *p.result == nil {
			confirmed = append(confirmed, p)
		}
	}
	if len(confirmed) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	_, err := w.q.inspect(ctx, topic)
	switch {
	case err == nil:
		return
	case isCode(err, amqp.NotFound):
		err = w.q.missing(topic)
	default:
		err = fmt.Errorf("confirmed, but whether by a queue is not known: %w", err)
	}
	for _, p := range confirmed {
		*p.result = policies.As(policies.Unavailable, err)
	}
}

// call is one Publish. The client asks for each publishing right before it sends
// it, and it does so when all those before are confirmed: that tells which one an
// error is of.
type call struct {
	ps    []parcel
	begun int
}

type callKey struct{}

func (c *call) messages() []*message.Message {
	ctx := context.WithValue(context.Background(), callKey{}, c)
	msgs := make([]*message.Message, len(c.ps))
	for i, p := range c.ps {
		msgs[i] = message.NewMessage(p.id, p.Body)
		msgs[i].SetContext(ctx)
	}
	return msgs
}

// published makes publishings as the bridge's own edge does, with headers as text.
type published struct{}

func (published) Marshal(m *message.Message) (amqp.Publishing, error) {
	c, ok := m.Context().Value(callKey{}).(*call)
	if !ok || c.begun == len(c.ps) {
		return amqp.Publishing{}, errors.New("this message is of no call")
	}
	c.begun++
	return c.ps[c.begun-1].Publishing, nil
}

func (published) Unmarshal(amqp.Delivery) (*message.Message, error) {
	return nil, errors.New("a target reads nothing")
}
