// Package kafka is the edge to Kafka and what speaks its protocol.
//
// A target writes with an idempotent producer that waits for all in-sync
// replicas. The client resends by itself, without doubling, for as long as it
// takes; so a publish returns only when its outcome is known, however long
// Kafka is away, and is never cancelled: a record that was cancelled and sent
// again may be there twice. Whoever must not wait watches State.
package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/internal/ends"
	"github.com/brokerbridge/bridge/bridge/broker/internal/secure"
	"github.com/brokerbridge/bridge/bridge/config"
)

// Broker is one Kafka cluster.
type Broker struct {
	cfg    config.Kafka
	logger *slog.Logger
	access *secure.Access
	tokens tokens // for oauthbearer

	timing timing

	targets, sources ends.Ends
}

// timing is what only tests change.
type timing struct {
	session, heartbeat time.Duration
	balancer           kgo.GroupBalancer // the only one of the protocol classic, if not nil
	dial               func(ctx context.Context, network, host string) (net.Conn, error)
}

// A member that Kafka has not heard of for so long is taken for dead. A crashed
// bridge is back in its place before, if it is started again.
const (
	sessionTimeout = 30 * time.Second
	heartbeat      = 3 * time.Second
)

// New prepares a broker; it does not connect. A nil logger is silent.
func New(name string, cfg config.Kafka, logger *slog.Logger) *Broker {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	logger = logger.With("broker", name)
	access := secure.New(cfg.TLS, logger)
	return &Broker{
		cfg: cfg, logger: logger, access: access,
		tokens: tokens{cfg: cfg.SASL, access: access},
		timing: timing{session: sessionTimeout, heartbeat: heartbeat},
	}
}

// Source prepares to read a topic.
func (b *Broker) Source(from config.From, opts broker.SourceOptions) (broker.Source, error) {
	if from.Topic == "" {
		return nil, errors.New("a Kafka source needs a topic")
	}
	s := newSource(b, from, opts)
	b.sources.Keep(s)
	return s, nil
}

// Target prepares to write to a topic, and begins to look for it; or to the topics
// that messages name, which are looked for when they come.
func (b *Broker) Target(to config.To, opts broker.TargetOptions) (broker.Target, error) {
	t, err := newTarget(b, to, opts)
	if err != nil {
		return nil, err
	}
	b.targets.Keep(t)
	return t, nil
}

// Ping reports whether any of the brokers answers.
func (b *Broker) Ping(ctx context.Context) error {
	client, err := kgo.NewClient(b.connection("bridge ping")...)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.Ping(ctx); err != nil {
		return fmt.Errorf("reach Kafka at %v: %w", b.cfg.Brokers, b.why(err))
	}
	return nil
}

// Close closes the sources and targets that are still open.
func (b *Broker) Close() error { return errors.Join(b.sources.Close(), b.targets.Close()) }

// Traits are what this edge can do.
func Traits() broker.Traits {
	return broker.Traits{Window: true, Positions: true, Chunks: true, Idempotent: true, Chooses: true, TellsTooLarge: true}
}
