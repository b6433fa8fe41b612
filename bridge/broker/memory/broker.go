// Package memory is a broker inside this process, for demos and tests. It keeps
// the contracts of the others: windows, sessions, redelivery, one consumer on
// ordered routes. Nothing outlives the process.
//
// Targets write to queues too; what nobody reads from one is a record of what
// was written. A queue exists once something was put into it, it was created, or
// a route declared it.
package memory

import (
	"context"
	"log/slog"
	"sync"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/config"
)

// Broker holds queues.
type Broker struct {
	logger *slog.Logger

	mu      sync.Mutex
	queues  map[string]*queue
	sources map[*Source]struct{}
}

// New makes an empty broker. A nil logger is silent.
func New(name string, logger *slog.Logger) *Broker {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &Broker{
		logger:  logger.With("broker", name),
		queues:  map[string]*queue{},
		sources: map[*Source]struct{}{},
	}
}

// Source prepares to read a queue.
func (b *Broker) Source(from config.From, opts broker.SourceOptions) (broker.Source, error) {
	s := newSource(b, from, opts)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sources[s] = struct{}{}
	return s, nil
}

// Target prepares to write to a queue.
func (b *Broker) Target(to config.To, opts broker.TargetOptions) (broker.Target, error) {
	t := &Target{b: b, name: to.Name(), topic: to.Topic, opts: opts, declare: to.Declare.On}
	if to.OriginQueue() {
		t.topic = config.Dynamic{Origin: true} // a queue here is as good as a topic
	}
	return t, nil
}

// Ping always succeeds.
func (b *Broker) Ping(context.Context) error { return nil }

// Close closes the sources that are still open. The queues stay.
func (b *Broker) Close() error {
	b.mu.Lock()
	var open []*Source
	for s := range b.sources {
		open = append(open, s)
	}
	b.mu.Unlock()
	for _, s := range open {
		_ = s.Close()
	}
	return nil
}

// Create makes a queue, if it is not there.
func (b *Broker) Create(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.create(name)
}

func (b *Broker) create(name string) *queue {
	q := b.queues[name]
	if q == nil {
		q = &queue{readers: map[*Source]struct{}{}}
		b.queues[name] = q
		b.changed()
	}
	return q
}

// changed wakes every source. Called with the lock held.
func (b *Broker) changed() {
	for s := range b.sources {
		s.feed.Wake()
	}
}

// Put appends messages to a queue, and creates it. They are copied.
func (b *Broker) Put(name string, msgs ...*message.Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.create(name).put(msgs)
	b.changed()
}

// Messages are those that wait in a queue, in order: not what was taken.
func (b *Broker) Messages(name string) []*message.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.queues[name]
	if q == nil {
		return nil
	}
	msgs := make([]*message.Message, len(q.waiting))
	for i, it := range q.waiting {
		msgs[i] = clone(it.msg)
	}
	return msgs
}

// Empty throws away what waits in a queue.
func (b *Broker) Empty(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if q := b.queues[name]; q != nil {
		q.waiting = nil
	}
}

// Break ends the sessions of a queue's sources, as a lost connection does: what
// was not acknowledged is delivered again.
func (b *Broker) Break(name string) {
	b.mu.Lock()
	var broken []*Source
	if q := b.queues[name]; q != nil {
		for s := range q.readers {
			q.giveBack(s.session)
			s.session = newSession(s)
			broken = append(broken, s)
		}
	}
	b.mu.Unlock()
	for _, s := range broken {
		s.news.Tell(errBroken)
		s.feed.Wake() // and only now may it say that it delivers again
	}
}

// Fail has a target's publishes to a queue judged: what judge returns for a
// message is its outcome, and only with nil it is written. A nil judge ends it.
func (b *Broker) Fail(name string, judge func(*message.Message) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.create(name).judge = judge
}

// Traits are what this edge can do.
func Traits() broker.Traits {
	return broker.Traits{Window: true, AcksSingly: true, Chooses: true}
}
