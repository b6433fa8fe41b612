package bridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/cenkalti/backoff/v4"

	"github.com/brokerbridge/bridge/bridge/alarm"
	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/bulk"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/spans"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/policies"
)

// route keeps one route of the topology running.
type route struct {
	bridge *Bridge
	cfg    config.Route
	adopt  bool
	log    *slog.Logger
	face   *face // what others see of it
	mirror *mirror
	office *bulk.Runner
	outbox *outbox
	alarms *alarm.Watch
	spans  *spans.Tracer // nil: its messages are not followed

	latency *latency
	commits *latency // how long the store took for each

	valve   valve         // of its sources
	resumed chan struct{} // an operator starts it again after a halt
	accept  atomic.Bool   // the offsets of its sources are taken as they are, at the next start

	accepted bool // whoever started the bridge said that, and it is not recorded yet
}

func newRoute(b *Bridge, cfg config.Route, adopt bool) *route {
	r := &route{
		bridge: b, cfg: cfg, adopt: adopt, log: b.log.With("route", cfg.Name), face: newFace(cfg),
		latency: newLatency(), commits: newLatency(), resumed: make(chan struct{}, 1),
	}
	r.mirror = newMirror(b, cfg, r.log)
	r.office = newOffice(b, r)
	r.outbox = newOutbox(b, cfg, r.log)
	r.alarms = newWatch(b, r)
	r.spans = newSpans(b, cfg)
	return r
}

// keepRunning runs the route until ctx ends. A run that fails is started again,
// paced, and no other route notices; one that must not simply be started again
// stays paused and says why, until an operator resumes it.
func (r *route) keepRunning(ctx context.Context) error {
	defer r.face.stop()
	defer r.mirror.start(ctx)() // it goes on while the route is paused
	defer background(ctx, r.operate)()
	defer r.outbox.start(ctx)()
	defer background(ctx, r.alarms.Run)()
	pace := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(time.Second), backoff.WithMaxInterval(30*time.Second), backoff.WithMaxElapsedTime(0))
	for {
		began := time.Now()
		resumed, err := r.runUntilResumed(ctx)
		var halt *ordering.HaltError
		switch {
		case errors.Is(err, context.Canceled) && ctx.Err() != nil: // told to stop while starting
			return nil
		case ctx.Err() != nil:
			return err
		case errors.As(err, &halt) && halt.Reason == ordering.HaltStore:
			return fmt.Errorf("route %q: %w", r.cfg.Name, err)
		case errors.As(err, &halt):
			r.face.pause(halt.Reason, halt.Err)
		case errors.Is(err, store.ErrIdentity):
			err = fmt.Errorf("%w; put it back, or give the route another name", err)
			r.log.Error("the route does not start", "error", err)
			r.face.pause("identity", err)
		case resumed:
			continue
		default:
			if time.Since(began) > time.Minute {
				pace.Reset()
			}
			if !r.rest(ctx, pace.NextBackOff(), err) {
				return nil
			}
			continue
		}
		if !r.awaitResume(ctx) {
			return nil
		}
		pace.Reset()
	}
}

// rest waits until a run that failed is started again; false if the bridge ends
// before.
func (r *route) rest(ctx context.Context, pause time.Duration, err error) bool {
	r.log.Warn("the route failed and starts again", "error", err, "in", pause.Round(time.Millisecond))
	r.face.restart(err)
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pause):
		return true
	}
}

// runOnce builds the route, runs it, and takes it apart. Its order of ending is
// that of rule "settle, then close": sources stop handing out, what is under way
// is settled, what is held is parked, and only then connections close.
func (r *route) runOnce(ctx context.Context) error {
	if err := r.register(ctx); err != nil {
		return err
	}
	target, err := r.target()
	if err != nil {
		return err
	}
	defer closing(r.log, "target", target.Close)
	sources, err := r.sources()
	if err != nil {
		return err
	}
	// The router closes them too, but does not wait for it: their last offsets
	// would meet a store that is closed.
	closeSources := func() { r.closeAll(sources) }
	defer closeSources()
	cfg := r.orderingConfig(sources)
	cfg.Abort = func() { closing(r.log, "target", target.Close) }
	if _, ok := target.(broker.Chunker); ok {
		cfg.Chunk = cfg.MaxAhead
	}
	seq, err := ordering.New(cfg)
	if err != nil {
		return err
	}
	take, breaker, err := r.chain(seq, target)
	if err != nil {
		return err
	}
	router, err := r.router(sources, take)
	if err != nil {
		return err
	}
	r.face.attach(seq, sources, breaker)
	return r.runParts(ctx, seq, router, closeSources)
}

// closeAll closes sources side by side: each may wait for a broker that does not
// answer.
func (r *route) closeAll(sources []broker.Source) {
	var wg sync.WaitGroup
	for _, source := range sources {
		wg.Go(func() { closing(r.log, "source", source.Close) })
	}
	wg.Wait()
}

// runParts runs router and Resequencer until ctx ends or one of them fails.
func (r *route) runParts(ctx context.Context, seq *ordering.Resequencer, router *message.Router, closeSources func()) error {
	routerDone, routerOver := make(chan error, 1), make(chan struct{})
	routerCtx, endRouter := context.WithCancel(context.WithoutCancel(ctx))
	defer endRouter()
	go func() {
		defer close(routerOver)
		routerDone <- router.Run(routerCtx)
	}()
	seqCtx, stop := context.WithCancel(ctx)
	defer stop()
	watcherDone := make(chan struct{})
	go func() {
		defer close(watcherDone)
		r.watchSpace(seqCtx, seq)
	}()
	shut := make(chan struct{})
	go func() {
		defer close(shut)
		<-seqCtx.Done()
		r.valve.end()
	}()
	seqDone := make(chan error, 1)
	go func() { seqDone <- seq.Run(seqCtx) }()

	var err error
	select {
	case err = <-seqDone:
	case routerErr := <-routerDone:
		stop()
		err = errors.Join(routerErr, errors.New("the router ended"), <-seqDone)
	}
	stop()
	<-watcherDone
	<-shut // else it would shut those of the next run
	select {
	case <-router.Running(): // closed before that, it would wait for handlers that cannot start
	case <-routerOver:
	}
	endRouter()    // it would take it for a failure that its sources end
	closeSources() // it would wait for them less than they may need, and take that for a failure, too
	return errors.Join(err, router.Close())
}

// chain is the path of a message behind its source, in one expression.
func (r *route) chain(seq *ordering.Resequencer, target broker.Target) (
	take func(context.Context, ordering.Deliveries) error, breaker *policies.Breaker, err error,
) {
	c := r.cfg
	retry := policies.Retry{
		Attempts: c.Retry.Attempts, Initial: c.Retry.Initial, Max: c.Retry.Max,
		Multiplier: c.Retry.Multiplier, Jitter: jitter(c.Retry.Jitter), Tried: ordering.Attempts,
		Rules: retryRules(c.Retry.Rules),
	}
	publish := policies.Batch(policies.Recover{}.Batch(r.spans.Send(target.PublishBatch, classOf)))
	if c.Breaker.Off {
		publish = policies.Timeout{After: c.Retry.Timeout}.Batch(publish)
	} else {
		breaker = policies.NewBreaker(policies.BreakerConfig{
			Name: target.Name(), Ratio: c.Breaker.Ratio, Min: c.Breaker.Min, Window: c.Breaker.Window,
			OpenFor: c.Breaker.OpenFor, Timeout: c.Retry.Timeout, OnChange: func(from, to policies.State) { r.breakerChanged(breaker, from, to) },
		})
		publish = breaker.Batch(publish)
		r.outbox.breakerIs(policies.Closed, "") // that of the run before may have ended open
		r.face.breakerIs(policies.Closed, "")
	}
	take, err = seq.Batch(retry.Batch(publish))
	return take, breaker, err
}

// breakerChanged tells operators, and those who listen to events.
func (r *route) breakerChanged(b *policies.Breaker, from, to policies.State) {
	r.face.turned(to)
	r.log.Warn("breaker", "from", from.String(), "to", to.String(), "target", r.cfg.To.Name())
	trip, _ := b.Trip()
	r.face.breakerIs(to, text(trip.Err))
	r.outbox.breakerIs(to, r.face.whyTarget())
}

// quiet keeps the router's life cycle, which is the route's own, out of the log.
var quiet = map[slog.Level]slog.Level{slog.LevelInfo: slog.LevelDebug}

// router is the Watermill router of this route: one, so that it can fail and be
// restarted alone.
func (r *route) router(sources []broker.Source, take func(context.Context, ordering.Deliveries) error) (*message.Router, error) {
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: 5 * time.Second},
		watermill.NewSlogLoggerWithLevelMapping(r.log, quiet))
	if err != nil {
		return nil, fmt.Errorf("route %q: %w", r.cfg.Name, err)
	}
	for i, source := range sources {
		name := fmt.Sprintf("%s-%d", r.cfg.Name, i)
		from := r.tracedSource(i)
		door := newTurnstile(source, r.cfg.Order.By == config.ByArrival)
		router.AddConsumerHandler(name, "", door, func(m *message.Message) error {
			defer door.pass(m)()
			c, ok := broker.Unpack(m)
			if !ok {
				return fmt.Errorf("%s delivered a message that is no carrier", source.Name())
			}
			r.face.received(len(c.Messages))
			from.Receive(c.Messages)
			err := take(m.Context(), ordering.Deliveries{Messages: c.Messages, Tokens: c.Tokens, Acker: c.Session})
			if errors.Is(err, ordering.ErrStopped) {
				return nil // not acknowledged: the source delivers again
			}
			return err
		})
	}
	return router, nil
}

// target opens the route's target.
func (r *route) target() (broker.Target, error) {
	t, err := r.bridge.brokers[r.cfg.To.Broker].Target(r.cfg.To, broker.TargetOptions{
		Route: r.cfg.Name, State: r.face.targetState, Key: recordKeyOf(r.cfg), Late: ordering.Redriven,
		Chunk: ordering.Chunk,
	})
	if err != nil {
		return nil, fmt.Errorf("route %q: %w", r.cfg.Name, err)
	}
	r.face.nameTarget(t.Name())
	return t, nil
}

// sources opens the route's sources.
func (r *route) sources() ([]broker.Source, error) {
	var all []broker.Source
	accept := r.accept.Load()
	for i, from := range r.cfg.From {
		s, err := r.bridge.brokers[from.Broker].Source(from, broker.SourceOptions{
			Route: r.cfg.Name, Owner: r.bridge.store.ID(), Ordered: r.cfg.Order.By != config.ByNone,
			Positions: r.positions(), AcceptOffset: accept,
			State: func(err error) { r.face.sourceState(i, err) },
		})
		if err != nil {
			for _, open := range all {
				closing(r.log, "source", open.Close)
			}
			return nil, fmt.Errorf("route %q: %w", r.cfg.Name, err)
		}
		r.face.nameSource(i, s.Name())
		all = append(all, s)
	}
	if accept {
		r.accept.Store(false)
	}
	r.valve.attach(all)
	return all, nil
}

// orderingConfig says what the topology file says of the order.
func (r *route) orderingConfig(sources []broker.Source) ordering.Config {
	o := r.cfg.Order
	id := newIdentifier(r.cfg)
	cfg := ordering.Config{
		Route: r.cfg.Name, Store: r.bridge.store, SingleInstance: true,
		Identify: id.identify, Same: sameness(o.Same), Identity: identity(r.cfg), Target: r.cfg.To.Name(),
		First: lane.Revision(o.First), Adopt: o.Adopt, AdoptAfter: o.AdoptAfter, AdoptOnce: r.adopt,
		Hold: o.Gap.Hold, GapTimeout: o.Gap.Timeout, OnGap: resolve(o.Gap.Then), OnFailure: resolve(r.cfg.DeadLetter.Then),
		StopAfter: ordering.StopAfter{Dead: r.cfg.DeadLetter.StopAfter.Count, Of: r.cfg.DeadLetter.StopAfter.Of},
		Window:    window(r.cfg), MaxAhead: o.MaxAhead, MaxJump: lane.Revision(o.MaxJump),
		Lag: lag(sources), Pause: r.valve.forOutage, Confirmed: r.latency.confirmed, Logger: r.bridge.log,
		Order: order(o.By), Remember: remember(o.Duplicates), MessageID: duplicateID(o.Duplicates),
		Stamp: r.cfg.To.Stamp == config.StampRevision, StampHeader: broker.HeaderRevision,
		Spans: r.spans, Correlation: correlationOf,
	}
	cfg.Committed = r.commits.confirmed
	if r.outbox != nil {
		cfg.Events, cfg.ReplyTo = true, replyTo(r.bridge.file, r.cfg)
	}
	if len(r.cfg.When) > 0 {
		cfg.Takes = id.when.takes
	}
	return cfg
}

// closing closes something whose error nobody can act on.
func closing(log *slog.Logger, what string, c func() error) {
	if err := c(); err != nil && !strings.Contains(err.Error(), "closed") {
		log.Warn("closing", "what", what, "error", err)
	}
}
