package stock

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/internal/feed"
	"github.com/brokerbridge/bridge/bridge/broker/internal/pace"
	"github.com/brokerbridge/bridge/bridge/broker/internal/told"
	"github.com/brokerbridge/bridge/ordering/failpoint"
)

const (
	// settleTimeout is how long Close lets the client pass on acknowledgements.
	settleTimeout = 2 * time.Second
	// The first look whether a source is alone, and the next ones: of two that begin
	// at once each sees the other only when both have.
	firstLook = time.Second
	lookEvery = 10 * time.Second
)

var errEnded = errors.New("the subscription ended")

// inlet is where a source reads.
type inlet interface {
	// name is for people.
	name() string
	// open subscribes. It fails if the broker is away, the place is missing or
	// somebody else reads it. ctx is of the opening only.
	open(ctx context.Context, hear hearing) (*subscription, error)
	// look reports whether somebody else reads, or the place is gone; no other error.
	look(ctx context.Context) error
	lag(ctx context.Context) (int64, error)
	close()
}

// hearing is what an inlet tells of an open subscription, from any goroutine.
type hearing struct {
	state  func(error) // it delivers (nil), or does not
	broken func(error) // it has to be opened anew
}

// subscription is an open one of the stock client.
type subscription struct {
	out <-chan *message.Message
	end func()
}

// Source reads a queue or a topic through a stock subscriber. Its life has two
// ends, so that a route can settle what is in flight before it stops: when the
// context of Subscribe ends, nothing more is taken; Close closes the subscriber,
// and what was not acknowledged comes to whoever reads next.
type Source struct {
	b       *Broker
	in      inlet
	session *session

	feed   *feed.Feed
	news   *told.Teller
	paused atomic.Bool
	broken chan error

	closing sync.Once
	ended   atomic.Bool // Close was called: what the client says now is no news

	// What follows belongs to run, and to Close when run has ended.
	pace pace.Pace
	sub  *subscription
}

func newSource(b *Broker, in inlet, opts broker.SourceOptions) *Source {
	log := b.log.With("route", opts.Route, "source", in.name())
	return &Source{
		b: b, in: in, session: newSession(), feed: feed.New(), news: told.Source(log, opts.State),
		broken: make(chan error, 1),
	}
}

// Name is the queue or topic, for people.
func (s *Source) Name() string { return s.in.name() }

// Subscribe begins to read, once. The topic is ignored.
func (s *Source) Subscribe(ctx context.Context, _ string) (<-chan *message.Message, error) {
	return s.feed.Subscribe(ctx, func(ctx context.Context) { s.pace.Again(ctx, s.serve, s.news.Tell) })
}

// Pause stops taking messages; those in hand stay unacknowledged.
func (s *Source) Pause() { s.setPaused(true) }

// Resume goes on.
func (s *Source) Resume() { s.setPaused(false) }

func (s *Source) setPaused(paused bool) {
	s.paused.Store(paused)
	s.feed.Wake()
}

// Lag is how many messages wait in the source and were not taken yet.
func (s *Source) Lag(ctx context.Context) (int64, error) { return s.in.lag(ctx) }

// Close lets what was acknowledged arrive and closes the subscriber.
func (s *Source) Close() error {
	s.closing.Do(func() {
		s.feed.Stop()
		s.feed.Wait()
		s.ended.Store(true)
		s.session.settle(settleTimeout)
		s.drop()
		s.in.close()
		s.b.ends.Forget(s)
	})
	return nil
}

// serve is one subscription, until it breaks. When ctx ends it stays open, to
// acknowledge.
func (s *Source) serve(ctx context.Context) error {
	select {
	case late := <-s.broken:
		s.b.log.Debug("of the last subscription", "source", s.Name(), "error", late)
	default:
	}
	sub, err := s.in.open(ctx, hearing{state: s.hear, broken: s.breaks})
	if err != nil {
		return err
	}
	s.sub = sub
	if err := s.flow(ctx); ctx.Err() == nil {
		s.drop()
		return err
	}
	return nil
}

func (s *Source) drop() {
	if s.sub != nil {
		s.sub.end()
		s.sub = nil
		s.session.over()
	}
}

func (s *Source) hear(err error) {
	if !s.ended.Load() {
		s.news.Tell(err)
	}
}

func (s *Source) breaks(err error) {
	select {
	case s.broken <- err:
	default: // one reason is enough
	}
}

// flow hands out what comes, and looks from time to time whether it may.
func (s *Source) flow(ctx context.Context) error {
	look := time.NewTimer(firstLook)
	defer look.Stop()
	for {
		in := s.sub.out
		if s.paused.Load() {
			in = nil
		}
		select {
		case <-ctx.Done():
			return nil
		case err := <-s.broken:
			return err
		case <-s.feed.Woken:
		case <-look.C:
			if err := s.in.look(ctx); err != nil {
				return err
			}
			look.Reset(lookEvery)
		case m, ok := <-in:
			if !ok {
				return errEnded
			}
			s.hand(ctx, m)
		}
	}
}

// hand hands out a message, in a carrier of one.
func (s *Source) hand(ctx context.Context, m *message.Message) {
	failpoint.Hit(failpoint.Recv)
	own := &message.Message{UUID: m.UUID, Metadata: m.Metadata, Payload: m.Payload}
	failpoint.Hit(failpoint.Decoded)
	c := &broker.Carrier{Messages: []*message.Message{own}, Tokens: []uint64{s.session.took(m)}, Session: s.session}
	select {
	case s.feed.Out <- broker.Pack(c):
	case <-ctx.Done():
	}
}

var _ broker.Source = (*Source)(nil)
