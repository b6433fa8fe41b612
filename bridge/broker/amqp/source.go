package amqp

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/ThreeDotsLabs/watermill/message"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/internal/feed"
	"github.com/brokerbridge/bridge/bridge/broker/internal/pace"
	"github.com/brokerbridge/bridge/bridge/broker/internal/told"
	"github.com/brokerbridge/bridge/bridge/config"
)

// Source reads a queue. Its life has two ends, so that a route can settle what
// is in flight before it stops:
//
//   - when the context of Subscribe ends, the consumer is cancelled and the
//     channel of carriers closed; sessions go on to acknowledge;
//   - Close ends the session and the connection. What was not acknowledged by
//     then is delivered again to whoever reads next.
//
// Pause cancels the consumer but keeps the session. Carriers of what RabbitMQ
// had already sent may still follow; more does not.
type Source struct {
	b     *Broker
	from  config.From
	opts  broker.SourceOptions
	log   *slog.Logger
	queue entity

	feed *feed.Feed
	news *told.Teller

	paused atomic.Bool
	calls  sync.WaitGroup // to RabbitMQ, that run does not wait for

	mu     sync.Mutex
	link   *link
	closed bool

	lagMu sync.Mutex
	side  *amqp.Channel // for Lag

	// What follows belongs to run.
	pace   pace.Pace
	decode decoder
	mean   mean
	plain  bool // the last exclusive consumer was refused though there was no other
}

func newSource(b *Broker, from config.From, opts broker.SourceOptions) *Source {
	s := &Source{
		b: b, from: from, opts: opts,
		log:  b.logger.With("route", opts.Route, "queue", from.Queue),
		feed: feed.New(),
	}
	s.news = told.Source(s.log, opts.State)
	s.queue = entity{kind: kindQueue, name: from.Queue, end: "from", declare: from.Declare, log: s.log}
	if s.from.Window <= 0 {
		s.from.Window = defaultWindow
	}
	if s.from.WindowBytes <= 0 {
		s.from.WindowBytes = defaultWindowBytes
	}
	s.decode.TrustNone = from.Trust == config.TrustNone
	return s
}

// Name is the queue, for people.
func (s *Source) Name() string { return "amqp queue " + s.from.Queue }

// Subscribe begins to read, once. The topic is ignored.
func (s *Source) Subscribe(ctx context.Context, _ string) (<-chan *message.Message, error) {
	return s.feed.Subscribe(ctx, s.run)
}

// Pause stops taking messages; those in hand stay unacknowledged.
func (s *Source) Pause() {
	s.paused.Store(true)
	s.feed.Wake()
}

// Resume goes on.
func (s *Source) Resume() {
	s.paused.Store(false)
	s.feed.Wake()
}

// Close ends the session and the connection, and waits for both.
func (s *Source) Close() error {
	s.feed.Stop()
	s.mu.Lock()
	link := s.link
	s.closed = true
	s.mu.Unlock()
	link.hangUp()
	s.feed.Wait()
	s.calls.Wait()
	s.b.ends.Forget(s)
	return nil
}

// run keeps a session open until ctx ends.
func (s *Source) run(ctx context.Context) { s.pace.Again(ctx, s.serve, s.news.Tell) }

// connected returns the connection, and makes one if there is none: the death
// of a channel is not that of its connection.
func (s *Source) connected(ctx context.Context) (*link, error) {
	s.mu.Lock()
	old := s.link
	s.mu.Unlock()
	if old != nil && !old.IsClosed() {
		return old, nil
	}
	fresh, err := s.b.dial(ctx, "bridge "+s.opts.Route)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		fresh.hangUp()
		return nil, context.Canceled
	}
	s.link = fresh
	return fresh, nil
}
