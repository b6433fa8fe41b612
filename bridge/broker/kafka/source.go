package kafka

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/internal/feed"
	"github.com/brokerbridge/bridge/bridge/broker/internal/pace"
	"github.com/brokerbridge/bridge/bridge/broker/internal/told"
	"github.com/brokerbridge/bridge/bridge/config"
)

const (
	defaultWindow      = 2000
	defaultWindowBytes = 64 << 20
	// What was taken beyond the committed offset is read again after a crash.
	uncommittedWindows = 10
)

// Source reads a topic as a member of a consumer group. Its life has two ends,
// so that a route can settle what is in flight before it stops:
//
//   - when the context of Subscribe ends, nothing more is taken and the channel
//     of carriers is closed; the member stays, and sessions go on to acknowledge;
//   - Close commits what was acknowledged and ends the membership. The rest is
//     read again by whoever gets the partitions next.
//
// Pause stops taking and keeps the membership, for as long as it lasts.
type Source struct {
	b     *Broker
	from  config.From
	opts  broker.SourceOptions
	log   *slog.Logger
	group string
	owner owner

	feed *feed.Feed
	news *told.Teller

	paused atomic.Bool
	accept atomic.Bool // the offsets of the group, at the next assignment

	mu     sync.Mutex
	member *member // nil: in no group
	side   *kgo.Client
	closed bool

	closing sync.Once

	// What follows belongs to run.
	pace   pace.Pace
	fenced bool // our place in the group was taken by one that calls itself as we do
}

func newSource(b *Broker, from config.From, opts broker.SourceOptions) *Source {
	s := &Source{
		b: b, from: from, opts: opts, group: from.Group,
		log:  b.logger.With("route", opts.Route, "topic", from.Topic),
		feed: feed.New(),
	}
	if s.group == "" {
		s.group = "bridge-" + opts.Route
	}
	if s.from.Window <= 0 {
		s.from.Window = defaultWindow
	}
	if s.from.WindowBytes <= 0 {
		s.from.WindowBytes = defaultWindowBytes
	}
	s.news = told.Source(s.log, opts.State)
	s.owner = newOwner(opts, from.Topic)
	s.accept.Store(opts.AcceptOffset)
	return s
}

// Name is the topic, for people.
func (s *Source) Name() string { return "kafka topic " + s.from.Topic }

// Subscribe begins to read, once. The topic is ignored.
func (s *Source) Subscribe(ctx context.Context, _ string) (<-chan *message.Message, error) {
	return s.feed.Subscribe(ctx, s.run)
}

// Pause stops taking messages; those in hand stay unacknowledged.
func (s *Source) Pause() {
	s.paused.Store(true)
	s.interrupt()
}

// Resume goes on.
func (s *Source) Resume() {
	s.paused.Store(false)
	s.feed.Wake()
}

// interrupt is changed for what cannot wait until the next records come.
func (s *Source) interrupt() {
	s.feed.Wake()
	s.mu.Lock()
	m := s.member
	s.mu.Unlock()
	if m != nil {
		m.poll.interrupt()
	}
}

// Close ends the membership and the connections, and waits for both, whoever else
// has called it: the last offsets need the store.
func (s *Source) Close() error {
	s.closing.Do(s.end)
	return nil
}

func (s *Source) end() {
	s.feed.Stop()
	s.feed.Wait()
	s.mu.Lock()
	m := s.member
	s.member, s.closed = nil, true
	s.mu.Unlock()
	if m != nil {
		m.end(false)
	}
	if s.side != nil {
		s.side.Close()
	}
	s.b.sources.Forget(s)
}

// run is a member of the group again and again, until ctx ends.
func (s *Source) run(ctx context.Context) { s.pace.Again(ctx, s.serve, s.tell) }

func (s *Source) tell(err error) { s.news.Tell(s.b.why(err)) }

// serve is one membership, from looking for the topic to whatever ends it. When
// that is ctx, the member stays, to acknowledge.
func (s *Source) serve(ctx context.Context) error {
	admin, err := s.admin()
	if err != nil {
		return err
	}
	if err := s.verify(ctx, admin); err != nil {
		return err
	}
	if s.opts.Ordered {
		if err := s.claim(ctx, admin); err != nil {
			return err
		}
	}
	m, err := s.join(admin)
	if err != nil {
		return err
	}
	err = m.flow(ctx)
	s.fenced = s.fenced || errors.Is(err, errFenced)
	if ctx.Err() != nil {
		m.rest()
		return nil //nolint:nilerr // told to stop
	}
	s.mu.Lock()
	s.member = nil
	s.mu.Unlock()
	m.end(leaves(err))
	return err
}

// admin is a connection beside that of the member, for questions.
func (s *Source) admin() (*kadm.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, kgo.ErrClientClosed
	}
	if s.side == nil {
		opts := s.b.connection("bridge-" + s.opts.Route)
		// A question that takes long is asked again by whoever asks.
		client, err := kgo.NewClient(append(opts, kgo.RetryTimeout(lookTimeout))...)
		if err != nil {
			return nil, err
		}
		s.side = client
	}
	return kadm.NewClient(s.side), nil
}

var _ broker.Source = (*Source)(nil)
