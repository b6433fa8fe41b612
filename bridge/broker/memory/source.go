package memory

import (
	"context"
	"errors"
	"fmt"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/internal/feed"
	"github.com/brokerbridge/bridge/bridge/broker/internal/told"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/ordering/failpoint"
)

const (
	defaultWindow      = 2000
	defaultWindowBytes = 64 << 20
	carrierSize        = 1000
)

var errBroken = errors.New("the session was broken")

// Source reads a queue. When the context of Subscribe ends it stops taking;
// its session acknowledges until Close.
type Source struct {
	b    *Broker
	name string
	from config.From
	opts broker.SourceOptions

	feed *feed.Feed
	news *told.Teller

	// Guarded by the broker's lock.
	paused  bool
	session *session
}

func newSource(b *Broker, from config.From, opts broker.SourceOptions) *Source {
	s := &Source{
		b: b, name: from.Name(), from: from, opts: opts,
		feed: feed.New(), news: told.Source(b.logger.With("queue", from.Name()), opts.State),
	}
	if s.from.Window <= 0 {
		s.from.Window = defaultWindow
	}
	if s.from.WindowBytes <= 0 {
		s.from.WindowBytes = defaultWindowBytes
	}
	s.session = newSession(s)
	return s
}

// Name is the queue, for people.
func (s *Source) Name() string { return "memory queue " + s.name }

// Subscribe begins to read, once. The topic is ignored.
func (s *Source) Subscribe(ctx context.Context, _ string) (<-chan *message.Message, error) {
	return s.feed.Subscribe(ctx, s.run)
}

func (s *Source) run(ctx context.Context) {
	for {
		carrier, err := s.take()
		s.news.Tell(err)
		if carrier == nil {
			select {
			case <-s.feed.Woken:
				continue
			case <-ctx.Done():
				return
			}
		}
		select {
		case s.feed.Out <- broker.Pack(carrier):
		case <-ctx.Done():
			return
		}
	}
}

// take takes what the window has room for, or nil.
func (s *Source) take() (*broker.Carrier, error) {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	q, err := s.attach()
	if err != nil || s.paused {
		return nil, err
	}
	n := min(len(q.waiting), s.from.Window-len(s.session.open), carrierSize)
	c := &broker.Carrier{Session: s.session}
	for len(c.Tokens) < n && s.session.bytes < s.from.WindowBytes {
		failpoint.Hit(failpoint.Recv)
		it := q.waiting[0]
		q.waiting[0] = item{}
		q.waiting = q.waiting[1:]
		c.Messages = append(c.Messages, clone(it.msg))
		c.Tokens = append(c.Tokens, s.session.took(it))
		failpoint.Hit(failpoint.Decoded)
	}
	if len(c.Tokens) == 0 {
		return nil, nil
	}
	return c, nil
}

// attach makes the source a reader of its queue.
func (s *Source) attach() (*queue, error) {
	q := s.b.queues[s.name]
	if q == nil && s.from.Declare.On {
		q = s.b.create(s.name)
	}
	if q == nil {
		return nil, fmt.Errorf(`queue %q %w; create it, or add "declare: true" to the route's "from"`, s.name, broker.ErrMissing)
	}
	if _, ok := q.readers[s]; ok {
		return q, nil
	}
	for other := range q.readers {
		if s.opts.Ordered || other.opts.Ordered {
			return nil, fmt.Errorf("%w: queue %q has a consumer beside this route", broker.ErrElsewhere, s.name)
		}
	}
	q.readers[s] = struct{}{}
	return q, nil
}

// Pause stops taking messages; those in hand stay unacknowledged.
func (s *Source) Pause() { s.setPaused(true) }

// Resume goes on.
func (s *Source) Resume() { s.setPaused(false) }

func (s *Source) setPaused(paused bool) {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	s.paused = paused
	s.feed.Wake()
}

// Lag is how many messages wait.
func (s *Source) Lag(context.Context) (int64, error) {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	q := s.b.queues[s.name]
	if q == nil {
		return 0, fmt.Errorf("queue %q %w", s.name, broker.ErrMissing)
	}
	return int64(len(q.waiting)), nil
}

// Close ends the session and gives back what was not acknowledged.
func (s *Source) Close() error {
	s.feed.Stop()
	s.feed.Wait()
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	if q := s.b.queues[s.name]; q != nil {
		q.giveBack(s.session)
		delete(q.readers, s)
	}
	delete(s.b.sources, s)
	s.b.changed()
	return nil
}

var _ broker.Source = (*Source)(nil)
