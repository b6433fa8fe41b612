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
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/config"
)

// Broker is one Kafka cluster.
type Broker struct {
	cfg    config.Kafka
	logger *slog.Logger

	mu      sync.Mutex
	targets []*Target
}

// New prepares a broker; it does not connect. A nil logger is silent.
func New(name string, cfg config.Kafka, logger *slog.Logger) *Broker {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &Broker{cfg: cfg, logger: logger.With("broker", name)}
}

// Source is not in this release.
func (b *Broker) Source(config.From, broker.SourceOptions) (broker.Source, error) {
	return nil, errors.New("reading from Kafka is not in this release")
}

// Target prepares to write to a topic, and begins to look for it.
func (b *Broker) Target(to config.To, opts broker.TargetOptions) (broker.Target, error) {
	if !to.Topic.IsFixed() {
		return nil, errors.New("a Kafka target needs a fixed topic in this release")
	}
	t, err := newTarget(b, to, opts)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.targets = append(b.targets, t)
	return t, nil
}

// Ping reports whether any of the brokers answers.
func (b *Broker) Ping(ctx context.Context) error {
	opts, err := b.connection("bridge ping")
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.Ping(ctx); err != nil {
		return fmt.Errorf("reach Kafka at %v: %w", b.cfg.Brokers, err)
	}
	return nil
}

// Close closes the targets that are still open.
func (b *Broker) Close() error {
	b.mu.Lock()
	targets := b.targets
	b.targets = nil
	b.mu.Unlock()
	var errs []error
	for _, t := range targets {
		errs = append(errs, t.Close())
	}
	return errors.Join(errs...)
}

func (b *Broker) forget(t *Target) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.targets {
		if b.targets[i] == t {
			b.targets = append(b.targets[:i:i], b.targets[i+1:]...)
			return
		}
	}
}
