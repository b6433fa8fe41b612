package pubsub

import (
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/config"
)

// Publisher is a Watermill publisher on the targets of a broker.
type Publisher struct {
	broker broker.Broker
	to     func(topic string) config.To
	opts   Options

	mu      sync.Mutex
	closed  bool
	targets map[string]broker.Target
}

// NewPublisher returns a publisher; to says what a topic of Publish means: a
// queue or exchange of RabbitMQ, or a topic of Kafka. With
// config.HeadersText stock Watermill subscribers can read what it writes.
func NewPublisher(b broker.Broker, to func(topic string) config.To, opts Options) *Publisher {
	return &Publisher{broker: b, to: to, opts: opts.filled(), targets: map[string]broker.Target{}}
}

// Publish returns when the broker has confirmed every message, or with the first
// error; others of the same call may have been published. Its errors carry a
// class, see [policies.ClassOf].
func (p *Publisher) Publish(topic string, msgs ...*message.Message) error {
	target, err := p.target(topic)
	if err != nil {
		return fmt.Errorf("publish to %q: %w", topic, err)
	}
	out := make([]*message.Message, len(msgs))
	for i, m := range msgs {
		out[i] = withID(m)
	}
	for _, err := range target.PublishBatch(out) {
		if err != nil {
			return fmt.Errorf("publish to %q: %w", topic, err)
		}
	}
	return nil
}

// withID is a message whose id travels with it. The caller's stays as it is.
func withID(m *message.Message) *message.Message {
	md := make(message.Metadata, len(m.Metadata)+1)
	maps.Copy(md, m.Metadata)
	md[broker.HeaderMessageID] = m.UUID
	return &message.Message{UUID: m.UUID, Metadata: md, Payload: m.Payload}
}

func (p *Publisher) target(topic string) (broker.Target, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, ErrClosed
	}
	if t, ok := p.targets[topic]; ok {
		return t, nil
	}
	t, err := p.broker.Target(p.to(topic), broker.TargetOptions{Route: p.opts.Name, State: p.opts.state(topic)})
	if err != nil {
		return nil, err
	}
	p.targets[topic] = t
	return t, nil
}

// Close ends what is being published and closes the targets. It may be called
// twice.
func (p *Publisher) Close() error {
	p.mu.Lock()
	p.closed = true
	targets := p.targets
	p.targets = nil
	p.mu.Unlock()
	var errs []error
	for _, t := range targets {
		errs = append(errs, t.Close())
	}
	return errors.Join(errs...)
}

var _ message.Publisher = (*Publisher)(nil)
