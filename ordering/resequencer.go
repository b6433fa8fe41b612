package ordering

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// Resequencer puts the messages of one stream in order. Build it with [New],
// give it a handler with [Resequencer.Batch] or [Resequencer.Middleware], and
// call [Resequencer.Run].
type Resequencer struct {
	cfg   Config
	rules *lane.Rules

	handler  atomic.Pointer[handling]
	attached chan struct{} // closed: there is a handler
	inbox    chan []*item
	ops      chan func(now time.Time)
	nudge    chan struct{}
	started  chan struct{}
	ended    chan struct{}
	runOnce  sync.Once
	loop     *loop

	counts counters
}

// handling is how ready messages reach the handler.
type handling struct {
	next    Batch
	perCall int // messages per call, at most
	workers int
	steady  bool // it leaves the messages as they are
}

// New returns a Resequencer, or says what is wrong with its configuration.
func New(cfg Config) (*Resequencer, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	r := &Resequencer{
		cfg: cfg, rules: cfg.rules(),
		attached: make(chan struct{}),
		inbox:    make(chan []*item),
		ops:      make(chan func(time.Time)),
		nudge:    make(chan struct{}, 1),
		started:  make(chan struct{}),
		ended:    make(chan struct{}),
	}
	return r, nil
}

// mostPerCall bounds how many messages one call of a batch handler gets.
const mostPerCall = 2000

// Batch sets the handler and returns the function that takes deliveries in.
// Taking is not waiting: it returns when the deliveries are in the hands of Run,
// each of which is settled and acknowledged by itself. It blocks while Run is
// busy, and returns ErrStopped once Run has ended.
//
// next must not change the messages: what it has had for Config.OutageAfter is
// parked meanwhile.
func (r *Resequencer) Batch(next Batch) (func(context.Context, Deliveries) error, error) {
	workers := r.cfg.Workers
	orInt(&workers, 4)
	if err := r.attach(&handling{next: next, perCall: mostPerCall, workers: workers, steady: true}); err != nil {
		return nil, err
	}
	return r.take, nil
}

// attach sets the one handler.
func (r *Resequencer) attach(h *handling) error {
	if !r.handler.CompareAndSwap(nil, h) {
		return ErrHandlers
	}
	r.rules.HeadStays = !h.steady
	close(r.attached)
	return nil
}

// take identifies messages and hands them to the loop.
func (r *Resequencer) take(ctx context.Context, d Deliveries) error {
	if len(d.Messages) == 0 {
		return nil
	}
	if ctx.Err() != nil { // no message may pass another one that came too late
		return context.Cause(ctx)
	}
	items := r.identify(d)
	if err := r.awaitRun(ctx); err != nil {
		return err
	}
	select {
	case r.inbox <- items:
		return nil
	case <-r.ended:
		return ErrStopped
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// identify reads key, revision and fingerprint of each message. It runs in the
// caller's goroutine, so that the loop has less to do.
func (r *Resequencer) identify(d Deliveries) []*item {
	slab := make([]item, len(d.Messages))
	items := make([]*item, len(d.Messages))
	now := time.Now()
	for i, m := range d.Messages {
		it := &slab[i]
		it.msg, it.came = m, now
		it.first = handle{d.Acker, d.Tokens[i], r.cfg.Spans.Link(m)}
		r.read(it)
		r.sight(it)
		items[i] = it
	}
	r.counts.taken.Add(int64(len(items)))
	return items
}

// read reads what ordering has to know of a message.
func (r *Resequencer) read(it *item) {
	defer contain(&it.refusal)
	it.noteStory() // a redrive is identified as one
	if r.cfg.Identify != nil {
		it.id, it.refusal = r.cfg.Identify(it.msg)
	}
	if r.cfg.Order != ByRevision {
		it.id.Revision = 0 // given when it arrives
	}
	it.print = r.cfg.Same(it.msg)
	it.foreign = r.isForeign(it.msg)
}

// awaitRun waits for Run to be called.
func (r *Resequencer) awaitRun(ctx context.Context) error {
	select {
	case <-r.started:
		return nil
	default:
	}
	timer := time.NewTimer(r.cfg.NotRunningAfter)
	defer timer.Stop()
	select {
	case <-r.started:
		return nil
	case <-r.ended:
		return ErrStopped
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return ErrNotRunning
	}
}

// Run moves messages until ctx ends, then settles what is under way and parks
// what is held, within Config.Drain. It returns nil after an orderly stop and a
// [*HaltError] where the route must not simply be restarted. It can be called
// once, also before there is a handler: a router asks for its middlewares only
// when it starts.
func (r *Resequencer) Run(ctx context.Context) error {
	err := errors.New("ordering: Run was called before")
	r.runOnce.Do(func() {
		defer close(r.ended)
		err = r.run(ctx)
	})
	return err
}

func (r *Resequencer) run(ctx context.Context) error {
	select {
	case <-r.attached:
	case <-ctx.Done():
		return nil
	}
	if err := r.restore(ctx); err != nil {
		return unlessStopped(ctx, err)
	}
	return r.loop.run(ctx)
}

// unlessStopped is why Run could not begin, unless it was told to stop before it
// had.
func unlessStopped(ctx context.Context, err error) error {
	select {
	case <-ctx.Done():
		return nil
	default:
		return err
	}
}

// restore prepares the loop with what the store has of the route.
func (r *Resequencer) restore(ctx context.Context) error {
	ledger, err := r.cfg.Store.Open(ctx, r.cfg.Identity)
	if err != nil {
		return fmt.Errorf("open route %q in the store: %w", r.cfg.Route, err)
	}
	r.counts.base.Store(&ledger)
	l := newLoop(r, r.handler.Load())
	l.now = time.Now()
	l.forgetSeen()
	if err := l.recall(ctx); err != nil {
		return err
	}
	r.loop = l
	return nil
}

// inLoop runs f in the loop.
func (r *Resequencer) inLoop(ctx context.Context, f func(*loop)) error {
	return r.do(ctx, func(time.Time) { f(r.loop) })
}

// do runs f in the loop.
func (r *Resequencer) do(ctx context.Context, f func(now time.Time)) error {
	done := make(chan struct{})
	select {
	case r.ops <- func(now time.Time) { defer close(done); f(now) }:
	case <-r.ended:
		return ErrStopped
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	<-done
	return nil
}

// SourceUp says that the source delivers, so that gaps are timed.
func (r *Resequencer) SourceUp() { r.setSource(true) }

// SourceDown says that it does not: gap clocks stand still meanwhile.
func (r *Resequencer) SourceDown() { r.setSource(false) }

// PauseIntake stops taking messages in, or goes on. What is in hand still moves.
func (r *Resequencer) PauseIntake(on bool) {
	r.counts.paused.Store(on)
	r.wake()
}

func (r *Resequencer) setSource(up bool) {
	r.counts.sourceUp.Store(up)
	r.wake()
}

// wake makes the loop look around.
func (r *Resequencer) wake() {
	select {
	case r.nudge <- struct{}{}:
	default: // a nudge waits already
	}
}

// Lane returns a lane as it is now, in memory, and how many of its messages are
// held there; stored is false where nothing is known of the key.
func (r *Resequencer) Lane(ctx context.Context, key string, epoch uint32) (state lane.State, held int, known bool, err error) {
	err = r.do(ctx, func(time.Time) {
		if e, ok := r.loop.lanes.peek(laneKey{key, epoch}); ok {
			state, held, known = e.lane.State, len(e.items), true
		}
	})
	if err != nil || known {
		return state, held, known, err
	}
	rec, err := r.cfg.Store.Load(ctx, store.Key{Route: r.cfg.Route, Name: key, Epoch: epoch})
	return rec.State, 0, rec.Version > 0, err
}
