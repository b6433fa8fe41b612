package main

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/policies"
)

// identify reads account and revision of a message.
var identify = ordering.By{
	Key:      []ordering.Field{ordering.Header("account")},
	Revision: ordering.Header("revision"),
}.Identify

// consumer fills a version of the read model from the log. Each version is a route
// of its own, so that a new one has no checkpoints and begins where the log does.
type consumer struct {
	*ordering.Resequencer
	version int
	route   string
	lanes   store.Store
	tables  *tables
	cents   func(string) (int, error) // reads an amount: what the versions differ in
	say     func(format string, args ...any)
	// committed is called between a commit and the checkpoint, if it is not nil.
	committed func(account string, r lane.Revision) error

	acked atomic.Int64
	stop  context.CancelFunc
	ended chan error
}

// start lets the consumer read the log from its beginning, until close.
func (c *consumer) start(ctx context.Context, log *log) (err error) {
	c.route = "version-" + strconv.Itoa(c.version)
	c.Resequencer, err = ordering.New(ordering.Config{
		Route: c.route, First: 1, Store: c.lanes, SingleInstance: true, Identify: identify,
		GapTimeout: 100 * time.Millisecond, // so that nobody has to wait; what is merely late should not be skipped
		OnGap:      lane.Skip, OnFailure: lane.Continue,
		Lag:    func(context.Context) (int64, error) { return log.length.Load() - c.acked.Load(), nil },
		Logger: slog.New(slog.DiscardHandler), // the story says it
	})
	if err != nil {
		return err
	}
	router, err := message.NewRouter(message.RouterConfig{}, watermill.NopLogger{})
	if err != nil {
		return err
	}
	router.AddConsumerHandler(c.route, "movements", log, c.handle).AddMiddleware(
		c.count,
		c.Middleware,
		policies.Retry{Tried: ordering.Attempts}.Middleware,
	)
	ctx, c.stop = context.WithCancel(ctx)
	c.ended = make(chan error, 2)
	var parts sync.WaitGroup
	parts.Go(func() { c.ended <- c.Run(ctx); c.stop() })
	parts.Go(func() { c.ended <- router.Run(ctx); c.stop() })
	go func() { parts.Wait(); close(c.ended) }()
	<-router.Running()
	return nil
}

// close stops the consumer and says how it ended. It may be called twice.
func (c *consumer) close() (err error) {
	c.stop()
	for ended := range c.ended {
		err = errors.Join(err, ended)
	}
	return err
}

// count counts what is acknowledged, for Lag: the log is not empty while a message
// is on its way.
func (c *consumer) count(next message.HandlerFunc) message.HandlerFunc {
	return func(m *message.Message) ([]*message.Message, error) {
		produced, err := next(m)
		if err == nil {
			c.acked.Add(1)
		}
		return produced, err
	}
}

// handle sees the movements of an account in the order of their revisions, and then
// those that were skipped and come after all.
func (c *consumer) handle(m *message.Message) error {
	id, err := identify(m)
	if err != nil {
		return policies.As(policies.Permanent, err)
	}
	cents, err := c.cents(string(m.Payload))
	if err != nil {
		c.say("%s %d is given up: %v", id.Key, id.Revision, err)
		return policies.As(policies.Permanent, err)
	}
	why := func(missing lane.Revision) (string, error) { return c.why(m.Context(), id.Key, missing) }
	told, err := c.tables.apply(m.Context(), c.version, movement{id.Key, id.Revision, cents}, why)
	if told != "" {
		c.say("%s %d %s", id.Key, id.Revision, told)
	}
	if err != nil || c.committed == nil {
		return err
	}
	return c.committed(id.Key, id.Revision)
}

// why says for what reason a revision was passed, which is durable before any
// later one is delivered.
func (c *consumer) why(ctx context.Context, account string, missing lane.Revision) (string, error) {
	found, err := c.lanes.Find(ctx, store.Key{Route: c.route, Name: account}, missing)
	if err != nil || found.Skipped {
		return "gap", err
	}
	return "dead letter", nil
}

// deadLetter waits for a dead letter of an account.
func (c *consumer) deadLetter(ctx context.Context, account string) (d store.DeadLetter, err error) {
	err = await(ctx, func() (found bool, err error) {
		for d, err = range c.lanes.DeadLetters(ctx, store.Query{Route: c.route, Key: account}) {
			found = err == nil
		}
		return found, err
	})
	return d, err
}

// reaches waits until an account has been applied up to a revision.
func (c *consumer) reaches(ctx context.Context, account string, r lane.Revision) error {
	return await(ctx, func() (bool, error) {
		state, _, _, err := c.Lane(ctx, account, 0)
		return state.Next > r, err
	})
}

// redriven waits until a dead letter is none any more.
func (c *consumer) redriven(ctx context.Context, id string) error {
	return await(ctx, func() (bool, error) {
		_, err := c.lanes.DeadLetter(ctx, c.route, id)
		if errors.Is(err, store.ErrNotFound) {
			return true, nil
		}
		return false, err
	})
}

// await asks until the answer is yes.
func await(ctx context.Context, ask func() (bool, error)) error {
	for {
		yes, err := ask()
		if yes || err != nil {
			return err
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
