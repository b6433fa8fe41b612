package stock

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/internal/pace"
	"github.com/brokerbridge/bridge/bridge/broker/internal/told"
	"github.com/brokerbridge/bridge/ordering/failpoint"
	"github.com/brokerbridge/bridge/policies"
)

const (
	// defaultTimeout is how long a publish waits for a connection.
	defaultTimeout = 10 * time.Second
	// endTimeout is how long Close lets what is on its way arrive.
	endTimeout = 3 * time.Second
	// calls is how many publishes of a batch are on their way at once.
	calls = 32
)

var errClosed = errors.New("the target was closed")

// outlet is where a target writes.
type outlet interface {
	// name is for people.
	name() string
	// open makes a publisher. It fails if the broker is away or the place is missing.
	open(ctx context.Context) (*publisher, error)
	close()
}

// publisher is an open one of the stock client.
type publisher struct {
	// publish returns when each message has its outcome; topic "" is the target's own.
	publish func(topic string, msgs []*message.Message) []error
	// end closes it, without waiting long for what is on its way.
	end func()
}

// Target writes to a queue or a topic through a stock publisher.
//
// A publish returns only when its outcome is known, however long that takes, and
// is never sent a second time meanwhile; whoever must not wait watches State.
type Target struct {
	b    *Broker
	out  outlet
	opts broker.TargetOptions
	news *told.Teller
	pace pace.Pace

	ctx   context.Context // ends with Close
	stop  context.CancelFunc
	ended chan struct{} // closed when nothing is waited for any more
	work  sync.WaitGroup
	lost  chan error // the place is gone

	mu      sync.Mutex
	pub     *publisher // nil: there is none now
	last    error      // why
	changed chan struct{}

	closing sync.Once
}

func newTarget(b *Broker, out outlet, opts broker.TargetOptions) *Target {
	t := &Target{
		b: b, out: out, opts: opts, ended: make(chan struct{}), lost: make(chan error, 1), changed: make(chan struct{}),
		news: told.Target(b.log.With("route", opts.Route, "target", out.name()), opts.State),
	}
	if t.opts.Timeout <= 0 {
		t.opts.Timeout = defaultTimeout
	}
	t.ctx, t.stop = context.WithCancel(context.Background())
	t.work.Go(func() { t.pace.Again(t.ctx, t.serve, t.news.Tell) })
	return t
}

// Name is the queue or topic, for people.
func (t *Target) Name() string { return t.out.name() }

// Publish publishes messages to the target's own place if the topic is "", else to
// the queue or topic of that name. It returns when all are confirmed, or the first
// error.
func (t *Target) Publish(topic string, msgs ...*message.Message) error {
	for _, err := range t.publish(topic, msgs) {
		if err != nil {
			return err
		}
	}
	return nil
}

// PublishBatch publishes messages and returns when the outcome of each is known.
// Messages of one key must not be in one batch if the second may not be delivered
// without the first.
func (t *Target) PublishBatch(msgs []*message.Message) []error { return t.publish("", msgs) }

func (t *Target) publish(topic string, msgs []*message.Message) []error {
	failpoint.Hit(failpoint.BeforePublish)
	pub, err := t.await()
	if err != nil {
		return all(len(msgs), err)
	}
	done := make(chan []error, 1)
	go func() { done <- pub.publish(topic, msgs) }()
	select {
	case errs := <-done:
		failpoint.Hit(failpoint.Confirmed)
		if t.ctx.Err() != nil {
			return t.interrupted(errs)
		}
		if topic == "" {
			t.learn(errs)
		}
		return errs
	case <-t.ended:
		return all(len(msgs), policies.As(policies.Interrupted, errClosed))
	}
}

// await returns the publisher, as soon as there is one. What an operator must put
// right is not waited for.
func (t *Target) await() (*publisher, error) {
	late := time.NewTimer(t.opts.Timeout)
	defer late.Stop()
	for {
		t.mu.Lock()
		pub, last, changed := t.pub, t.last, t.changed
		t.mu.Unlock()
		switch {
		case t.ctx.Err() != nil:
			return nil, policies.As(policies.Interrupted, errClosed)
		case pub != nil:
			return pub, nil
		case errors.Is(last, broker.ErrMissing):
			return nil, policies.As(policies.Unavailable, last)
		}
		select {
		case <-changed:
		case <-t.ctx.Done():
		case <-late.C:
			return nil, policies.As(policies.Unavailable, fmt.Errorf("not connected for %v: %w", t.opts.Timeout, orUnknown(last)))
		}
	}
}

func orUnknown(err error) error {
	if err == nil {
		return errors.New("no answer yet")
	}
	return err
}

// interrupted is what the errors of a batch come to when Close has made them.
func (t *Target) interrupted(errs []error) []error {
	for i, err := range errs {
		if err != nil {
			errs[i] = policies.As(policies.Interrupted, errors.Join(errClosed, err))
		}
	}
	return errs
}

// learn says what a batch has shown of the target.
func (t *Target) learn(errs []error) {
	answered, away := false, error(nil)
	for _, err := range errs {
		if errors.Is(err, broker.ErrMissing) {
			t.gone(err)
		}
		if err != nil && policies.ClassOf(err) == policies.Unavailable {
			away = err
		} else {
			answered = true
		}
	}
	if answered || away != nil {
		t.news.Tell(away)
	}
}

// gone has the place looked for again.
func (t *Target) gone(err error) {
	select {
	case t.lost <- err:
	default:
	}
}

// serve has one publisher open until its place is gone, or ctx ends.
func (t *Target) serve(ctx context.Context) error {
	select {
	case late := <-t.lost:
		t.b.log.Debug("found again, or looked for now", "target", t.Name(), "error", late)
	default:
	}
	pub, err := t.out.open(ctx)
	if err != nil {
		t.set(nil, err)
		return err
	}
	t.set(pub, nil)
	t.news.Tell(nil)
	select {
	case <-ctx.Done():
		pub.end()
		return nil
	case err = <-t.lost:
	}
	t.set(nil, err)
	pub.end()
	return err
}

// set tells those who wait what there is.
func (t *Target) set(pub *publisher, why error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pub, t.last = pub, why
	close(t.changed)
	t.changed = make(chan struct{})
}

// Close closes the publisher. Publishes that have no outcome soon return errors of
// class interrupted, as later ones do.
func (t *Target) Close() error {
	t.closing.Do(func() {
		t.stop()
		t.work.Wait()
		close(t.ended)
		t.out.close()
		t.b.ends.Forget(t)
	})
	return nil
}

func all(n int, err error) []error {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = err
	}
	return errs
}

// spread calls do for the parts of n, some at once, and waits.
func spread(n, parts int, do func(from, to int)) {
	parts = min(n, parts)
	var wg sync.WaitGroup
	for i := range parts {
		wg.Go(func() { do(i*n/parts, (i+1)*n/parts) })
	}
	wg.Wait()
}

var _ broker.Target = (*Target)(nil)
