package stock

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	stockamqp "github.com/ThreeDotsLabs/watermill-amqp/v2/pkg/amqp"
	"github.com/ThreeDotsLabs/watermill/message"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker"
	edge "github.com/brokerbridge/bridge/bridge/broker/amqp"
	"github.com/brokerbridge/bridge/bridge/broker/internal/pace"
	"github.com/brokerbridge/bridge/bridge/config"
)

const (
	// prefetch hides the way to RabbitMQ behind the message that is in flight; the
	// client hands out one at a time.
	prefetch = 10
	// waitElsewhere is for another consumer to go.
	waitElsewhere = 2 * time.Second
	// longestBackoff is between the client's attempts to connect again.
	longestBackoff = 5 * time.Second
	// consuming is what the client logs, at level info, when it has a channel to
	// consume on.
	consuming = "Starting consuming from AMQP channel"
)

var (
	errNoDelivery = errors.New("the channel was closed: this is no delivery") // W6
	errLookedAway = errors.New("the subscription was lost")
)

// queueIn is a queue as a source.
type queueIn struct {
	queue
	opts  broker.SourceOptions
	trust config.Trust
}

func (r rabbit) source(from config.From, opts broker.SourceOptions, log *slog.Logger) (inlet, error) {
	if from.Queue == "" {
		return nil, errors.New("an AMQP source needs a queue")
	}
	return &queueIn{
		queue: queue{
			rabbit: r, queue: from.Queue, end: "from", declare: from.Declare, log: log,
			asker: "bridge " + opts.Route + " questions",
		},
		opts: opts, trust: from.Trust,
	}, nil
}

// open connects and consumes. From then on the client connects again by itself;
// what RabbitMQ refuses it, it would ask for ten times a second, so that ends the
// subscription.
func (q *queueIn) open(ctx context.Context, hear hearing) (*subscription, error) {
	s := newSockets()
	cfg, err := q.stock(s)
	if err != nil {
		return nil, err
	}
	cfg.TopologyBuilder = verifier(func() error {
		err := q.claim(0)
		var setback *pace.Setback
		if errors.As(err, &setback) {
			hear.broken(err)
		}
		return err
	})
	logger := listen(q.log, func(msg string) {
		if msg == consuming {
			hear.state(nil)
		}
	}, func(_ string, err error) {
		hear.state(fmt.Errorf("%w: %w", errLookedAway, err))
		if refused(err) {
			hear.broken(pace.Later(err))
		}
	})
	connected := s.cutWhen(ctx)
	sub, err := stockamqp.NewSubscriber(cfg, logger)
	connected()
	if err != nil {
		return nil, q.failed(err)
	}
	subCtx, cancel := context.WithCancel(context.Background())
	end := func() {
		defer s.cutAfter(endTimeout)()
		cancel() // while it is not connected, Close would wait for that
		_ = sub.Close()
	}
	out, err := sub.Subscribe(subCtx, q.queue.queue)
	if err != nil {
		end()
		return nil, err
	}
	return &subscription{out: out, end: end}, nil
}

// stock is the configuration of the stock subscriber.
func (q *queueIn) stock(s *sockets) (stockamqp.Config, error) {
	cfg, err := q.rabbit.stock("bridge "+q.opts.Route, s)
	cfg.Marshaler = delivered(q.trust)
	cfg.Consume.Qos.PrefetchCount = prefetch
	// As the own edge's, by which bridge doctor knows us. Each subscription has a
	// channel to itself, so one tag does for all.
	cfg.Consume.Consumer = fmt.Sprintf("bridge-%s-%s-1", q.opts.Route, q.opts.Owner)
	return cfg, err
}

// stock is what subscriber and publisher have in common: a queue is what its topic
// says, and the default exchange leads there.
func (r rabbit) stock(name string, s *sockets) (stockamqp.Config, error) {
	client, err := r.client(name, s)
	same := func(topic string) string { return topic }
	return stockamqp.Config{
		Connection: stockamqp.ConnectionConfig{
			AmqpURI: r.url(), AmqpConfig: client,
			Reconnect: &stockamqp.ReconnectConfig{
				BackoffInitialInterval: 200 * time.Millisecond, BackoffRandomizationFactor: 0.5,
				BackoffMultiplier: 1.5, BackoffMaxInterval: longestBackoff,
			},
		},
		Exchange: stockamqp.ExchangeConfig{GenerateName: func(string) string { return "" }},
		Queue:    stockamqp.QueueConfig{GenerateName: same},
		Publish:  stockamqp.PublishConfig{GenerateRoutingKey: same},
	}, err
}

// claim makes sure that the queue is there, and, for an ordered route, that nobody
// else reads it.
func (q *queueIn) claim(own int) error {
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	state, err := q.verify(ctx)
	if err != nil || !q.opts.Ordered || state.Consumers <= own {
		return err
	}
	return &pace.Setback{Wait: waitElsewhere, Err: fmt.Errorf(
		"%w: queue %q has %d consumers beside this route, which must be the only one to keep the order",
		broker.ErrElsewhere, q.queue.queue, state.Consumers-own)}
}

func (q *queueIn) look(context.Context) error {
	err := q.claim(1)
	var setback *pace.Setback
	if errors.As(err, &setback) {
		return err
	}
	return nil // the client finds out by itself
}

// lag is how many messages wait in the queue. Those that were sent to the client
// are not among them.
func (q *queueIn) lag(ctx context.Context) (int64, error) {
	state, err := q.inspect(ctx, q.queue.queue)
	return int64(state.Messages), err
}

// verifier stands where the client would declare a queue as it thinks right.
type verifier func() error

func (v verifier) BuildTopology(*amqp.Channel, string, string, stockamqp.Config, watermill.LoggerAdapter) error {
	return v()
}

func (v verifier) ExchangeDeclare(*amqp.Channel, string, stockamqp.Config) error { return nil }

// delivered makes messages of deliveries as the bridge's own edge does. It fails
// for none.
type delivered config.Trust

func (d delivered) Unmarshal(v amqp.Delivery) (*message.Message, error) {
	if v.Acknowledger == nil {
		return nil, errNoDelivery
	}
	return fresh(edge.Message(&v, config.Trust(d))), nil
}

func (d delivered) Marshal(*message.Message) (amqp.Publishing, error) {
	return amqp.Publishing{}, errors.New("a source publishes nothing")
}

// fresh is a message that can be acknowledged.
func fresh(m *message.Message) *message.Message {
	out := message.NewMessage(m.UUID, m.Payload)
	out.Metadata = m.Metadata
	return out
}
