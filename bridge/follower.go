package bridge

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/policies"
)

// follower sends what the store has to a target, round by round. It says trouble
// once, and stands in nobody's way.
type follower struct {
	log *slog.Logger

	// What follows belongs to follow.
	target broker.Target
	write  policies.Batch
	said   bool // that there is trouble
	pace   backoff.BackOff

	mu  sync.Mutex
	end status.End
}

func newFollower(log *slog.Logger, end status.End) follower {
	end.Up, end.Lag = true, -1
	return follower{
		log: log, end: end,
		pace: backoff.NewExponentialBackOff(
			backoff.WithInitialInterval(time.Second), backoff.WithMaxInterval(30*time.Second), backoff.WithMaxElapsedTime(0)),
	}
}

// course is what a follower does.
type course struct {
	what  string                              // the target is for, as the log calls it
	open  func() (broker.Target, error)       // it connects by itself
	shut  string                              // what is said when it cannot be opened
	round func(context.Context) time.Duration // sends some, and says how long to wait for the next round
}

// follow goes round until ctx ends. What it returns is closed when the target is.
func (f *follower) follow(ctx context.Context, c course) (closed <-chan struct{}) {
	over := make(chan struct{})
	for err := f.open(c.open); err != nil; err = f.open(c.open) {
		select {
		case <-ctx.Done():
			close(over)
			return over
		case <-time.After(f.trouble(ctx, c.shut, err)):
		}
	}
	go func() {
		defer close(over)
		<-ctx.Done() // and what is on its way is interrupted
		closing(f.log, c.what, f.target.Close)
	}()
	for pause := time.Duration(0); ctx.Err() == nil; {
		select {
		case <-ctx.Done():
		case <-time.After(pause):
			pause = c.round(ctx)
		}
	}
	return over
}

func (f *follower) open(open func() (broker.Target, error)) error {
	t, err := open()
	if err != nil {
		return err
	}
	f.target, f.write = t, policies.Recover{}.Batch(t.PublishBatch)
	return nil
}

// name is what the target calls itself, for the status.
func (f *follower) name(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.end.Name = name
}

// trouble says once what is wrong, and how long to wait.
func (f *follower) trouble(ctx context.Context, what string, err error) time.Duration {
	f.noteState(err)
	if ctx.Err() == nil && !f.said {
		f.said = true
		f.log.Warn(what, "error", err)
	}
	return f.pace.NextBackOff()
}

// goesOn says that the trouble is over, if there was any.
func (f *follower) goesOn(what string) {
	if f.noteState(nil); f.said {
		f.said = false
		f.log.Info(what)
	}
}

// noteState hears from the target's edge whether it answers, and from follow.
func (f *follower) noteState(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.end.Up, f.end.Reason = err == nil, text(err)
}

// background has parts run until what it returns is called, which waits for them.
func background(ctx context.Context, parts ...func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for _, run := range parts {
		wg.Go(func() { run(ctx) })
	}
	return func() {
		cancel()
		wg.Wait()
	}
}
