package stock

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/internal/ends"
	"github.com/brokerbridge/bridge/bridge/broker/internal/secure"
	"github.com/brokerbridge/bridge/bridge/config"
)

// Broker is one RabbitMQ or Kafka, reached by Watermill's stock client.
type Broker struct {
	cfg  config.Broker
	log  *slog.Logger
	kind kind

	ends ends.Ends
}

// kind is what differs between RabbitMQ and Kafka.
type kind interface {
	source(from config.From, opts broker.SourceOptions, log *slog.Logger) (inlet, error)
	target(to config.To, opts broker.TargetOptions, log *slog.Logger) (outlet, error)
	ping(ctx context.Context) error
}

// New prepares a broker; it does not connect. A nil logger is silent.
func New(cfg config.Broker, log *slog.Logger) (*Broker, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	b := &Broker{cfg: cfg, log: log.With("broker", cfg.Name)}
	switch cfg.Kind() {
	case config.KindAMQP:
		b.kind = rabbit{*cfg.AMQP, secure.New(cfg.AMQP.TLS, b.log)}
	case config.KindKafka:
		b.kind = cluster{*cfg.Kafka, secure.New(cfg.Kafka.TLS, b.log)}
	default:
		return nil, fmt.Errorf("watermill has no stock client for a %s broker", cfg.Kind())
	}
	b.log.Warn("Watermill's stock client keeps less than the bridge's own; bridge validate lists what is given up")
	return b, nil
}

// Source prepares to read a queue or a topic. The settings that the client cannot
// keep are ignored here; a topology file with them is refused.
func (b *Broker) Source(from config.From, opts broker.SourceOptions) (broker.Source, error) {
	in, err := b.kind.source(from, opts, b.log.With("route", opts.Route))
	if err != nil {
		return nil, err
	}
	s := newSource(b, in, opts)
	b.ends.Keep(s)
	return s, nil
}

// Target prepares to write to a queue or a topic, and begins to connect.
func (b *Broker) Target(to config.To, opts broker.TargetOptions) (broker.Target, error) {
	out, err := b.kind.target(to, opts, b.log.With("route", opts.Route))
	if err != nil {
		return nil, err
	}
	t := newTarget(b, out, opts)
	b.ends.Keep(t)
	return t, nil
}

// Ping connects and closes again.
func (b *Broker) Ping(ctx context.Context) error { return b.kind.ping(ctx) }

// Close closes the sources and targets that are still open.
func (b *Broker) Close() error { return b.ends.Close() }

var _ broker.Broker = (*Broker)(nil)

// QueueTraits are what the edge to RabbitMQ can do. What the bridge's own edge can do
// beyond it is in [config.GivenUp] or refused.
func QueueTraits() broker.Traits { return broker.Traits{AcksSingly: true, TellsTooLarge: true} }

// TopicTraits are those of the edge to Kafka.
func TopicTraits() broker.Traits { return broker.Traits{Idempotent: true, TellsTooLarge: true} }
