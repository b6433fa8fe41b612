package bridge

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/events"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/policies"
)

const (
	outboxIdle     = 250 * time.Millisecond // between two looks for what is to be sent
	outboxBatch    = 256                    // events looked at at once, at most
	outboxAttempts = 10                     // until one that fails alone is left out
	outboxFarewell = 5 * time.Second        // for the mark of what was sent when the route ended
	outboxNotes    = 100                    // transitions of the breaker that wait for the store, at most
)

// outbox sends what the store of a route has to tell: events to where programs
// listen, and replies to who asked for one. Each has a line of its own, so that
// neither waits for the other; what both have passed is marked as sent. What a
// crash leaves unmarked is sent again, with the same id.
type outbox struct {
	route string
	store store.Store
	log   *slog.Logger
	lines []*line

	wake chan struct{} // there are notes

	marking sync.Mutex
	sent    uint64 // and marked

	mu    sync.Mutex
	notes []store.Event
	open  bool // the breaker, as far as others were told
}

// newOutbox returns the outbox of a route, nil if nobody wants to be told.
func newOutbox(b *Bridge, r config.Route, log *slog.Logger) *outbox {
	o := &outbox{route: r.Name, store: b.store, log: log, wake: make(chan struct{}, 1)}
	if r.Events.To != nil {
		o.lines = append(o.lines, eventsLine(b, r, o))
	}
	if r.DeadLetter.Reply {
		o.lines = append(o.lines, repliesLine(b, r, o))
	}
	if len(o.lines) == 0 {
		return nil
	}
	return o
}

// start begins to send and returns what ends that.
func (o *outbox) start(ctx context.Context) (stop func()) {
	if o == nil {
		return func() {}
	}
	parts := []func(context.Context){o.write}
	for _, l := range o.lines {
		parts = append(parts, l.run)
	}
	end := background(ctx, parts...)
	return func() {
		end()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), outboxFarewell)
		defer cancel()
		_ = o.mark(last) // else it is sent again, which is all
	}
}

// mark has the store forget what all lines have passed.
func (o *outbox) mark(ctx context.Context) error {
	o.marking.Lock()
	defer o.marking.Unlock()
	passed := o.lines[0].passed.Load()
	for _, l := range o.lines {
		passed = min(passed, l.passed.Load())
	}
	if passed <= o.sent {
		return nil
	}
	if err := o.store.Commit(ctx, store.Change{Key: store.Key{Route: o.route}, Sent: passed})[0]; err != nil {
		return err
	}
	o.sent = passed
	return nil
}

// breakerIs hears from the breaker, which must not wait. Others are told when it
// opens and when it has closed, not of each probe in between.
func (o *outbox) breakerIs(s policies.State, why string) {
	if o == nil || !slices.ContainsFunc(o.lines, func(l *line) bool { return l.what == lineEvents }) {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	ev := store.Event{Type: eventBreaker, At: time.Now(), Reason: s.String()}
	switch {
	case s == policies.Open && !o.open:
		ev.Error = why
	case s == policies.Closed && o.open:
	default:
		return
	}
	o.open = s == policies.Open
	if len(o.notes) < outboxNotes {
		o.notes = append(o.notes, ev)
	}
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// eventBreaker is the one event that is not ordering's.
const eventBreaker = "breaker"

// write stores what the breaker said, until ctx ends.
func (o *outbox) write(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-o.wake:
		}
		for !o.written(ctx) {
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Second):
			}
		}
	}
}

func (o *outbox) written(ctx context.Context) bool {
	o.mu.Lock()
	notes := o.notes
	o.mu.Unlock()
	if len(notes) == 0 {
		return true
	}
	if o.store.Commit(ctx, store.Change{Key: store.Key{Route: o.route}, Events: notes})[0] != nil {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.notes = slices.Clone(o.notes[len(notes):])
	return len(o.notes) == 0
}

// status tells of the lines.
func (o *outbox) status(s *status.Route) {
	if o == nil {
		return
	}
	for _, l := range o.lines {
		l.mu.Lock()
		out := &status.Outlet{End: l.end, Dropped: l.dropped}
		l.mu.Unlock()
		if l.what == lineEvents {
			s.Events = out
		} else {
			s.Replies = out
		}
	}
}

// eventsLine is the way to where programs listen.
func eventsLine(b *Bridge, r config.Route, o *outbox) *line {
	to := *r.Events.To
	kind := kindOf(b.file, to.Broker)
	source := events.Source(b.store.ID(), r.Name)
	return newLine(o, status.End{Broker: to.Broker, Name: to.Name()}, &line{
		what: lineEvents,
		compose: func(e *store.Event) (*letter, error) {
			ev := events.Of(source, r.Name, r.Owner.Name, e)
			encode := ev.Kafka
			if kind == config.KindAMQP {
				encode = func() (*message.Message, error) { return ev.AMQP(broker.HeaderAMQP) }
			}
			m, err := encode()
			return &letter{Message: m}, err
		},
		dial: func(opts broker.TargetOptions) (broker.Target, error) {
			opts.Timeout = r.Retry.Timeout
			return b.brokers[to.Broker].Target(to, opts)
		},
	})
}

// kindOf is the kind of a broker of the file.
func kindOf(f *config.File, name string) config.Kind {
	b, _ := f.Broker(name)
	return b.Kind()
}
