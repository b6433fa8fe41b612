// Package amqp is the edge to RabbitMQ, by AMQP 0-9-1.
//
// A source has a connection of its own and keeps up to a window of messages in
// flight, so that one that waits does not block those behind it. It survives
// everything: a broker that starts later, a lost connection, a queue that is
// missing. Nothing it does asks RabbitMQ to requeue; messages that were not
// acknowledged go back when their session ends, and only then.
//
// # One consumer
//
// The source of an ordered route must be its queue's only consumer. What
// RabbitMQ 3.10 offers for it depends on the queue:
//
//   - classic: an exclusive consumer; a second one is refused with 403.
//   - classic with single-active-consumer: exclusive consumers are refused even
//     if there is no other; the source then consumes plainly.
//   - quorum, with single-active-consumer or not: "exclusive" is accepted and
//     ignored.
//
// So the source counts consumers with a passive declare before it consumes,
// consumes exclusively, and counts again, then and every ten seconds. If there
// is another it lets go, reports [broker.ErrElsewhere] and looks again every two
// seconds. On a queue with single-active-consumer it therefore does not stand
// in line behind another bridge, but follows within seconds once that is gone.
// A quorum queue may count a consumer for some seconds after its connection was
// lost: our own predecessor, too, is waited for.
package amqp

import (
	"context"
	"errors"
	"log/slog"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/internal/ends"
	"github.com/brokerbridge/bridge/bridge/broker/internal/secure"
	"github.com/brokerbridge/bridge/bridge/config"
)

// Broker is one RabbitMQ, or a cluster behind one address.
type Broker struct {
	name   string
	cfg    config.AMQP
	logger *slog.Logger
	access *secure.Access

	ends ends.Ends
}

// New prepares a broker; it does not connect. A nil logger is silent.
func New(name string, cfg config.AMQP, logger *slog.Logger) *Broker {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	logger = logger.With("broker", name)
	return &Broker{name: name, cfg: cfg, logger: logger, access: secure.New(cfg.TLS, logger)}
}

// Source prepares to read a queue.
func (b *Broker) Source(from config.From, opts broker.SourceOptions) (broker.Source, error) {
	if from.Queue == "" {
		return nil, errors.New("an AMQP source needs a queue")
	}
	s := newSource(b, from, opts)
	b.ends.Keep(s)
	return s, nil
}

// Target prepares to write to a queue or an exchange, and begins to connect.
func (b *Broker) Target(to config.To, opts broker.TargetOptions) (broker.Target, error) {
	switch {
	case (to.Queue == "") == (to.Exchange == ""):
		return nil, errors.New("an AMQP target needs a queue or an exchange")
	case to.Exchange != "" && to.RoutingKey.IsZero():
		return nil, errors.New("an AMQP exchange needs a routing key")
	case len(to.Queue) > shortString || len(to.Exchange) > shortString:
		return nil, errors.New("a name in AMQP has at most 255 bytes")
	}
	t := newTarget(b, to, opts)
	b.ends.Keep(t)
	return t, nil
}

// Ping connects and closes again.
func (b *Broker) Ping(ctx context.Context) error {
	l, err := b.dial(ctx, "bridge ping")
	if err != nil {
		return err
	}
	l.hangUp()
	return nil
}

// Close closes the sources and targets that are still open.
func (b *Broker) Close() error { return b.ends.Close() }

// Traits are what this edge can do.
func Traits() broker.Traits {
	return broker.Traits{Window: true, AcksSingly: true, Chooses: true, TellsTooLarge: true}
}
