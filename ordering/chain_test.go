package ordering_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/store/memory"
	"github.com/brokerbridge/bridge/ordering/store/storefault"
	"github.com/brokerbridge/bridge/policies"
)

// built is a router with one handler and a chain of middlewares, of which Run
// ends.
type built struct {
	queue   *serial
	calls   atomic.Int64 // of the handler
	poison  taken
	halted  error
	chained func(r *ordering.Resequencer, poison *taken) []message.HandlerMiddleware
	handle  message.NoPublishHandlerFunc
}

// taken is a publisher that counts.
type taken struct{ atomic.Int64 }

func (p *taken) Publish(_ string, m ...*message.Message) error { p.Add(int64(len(m))); return nil }
func (p *taken) Close() error                                  { return nil }

// run sends a message and waits until the route stops, or for a while if it
// does not.
func (b *built) run(t *testing.T, cfg ordering.Config, within time.Duration) {
	t.Helper()
	b.queue = &serial{queue: make(chan *message.Message, 10)}
	r, err := ordering.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: 5 * time.Second}, watermill.NopLogger{})
	if err != nil {
		t.Fatal(err)
	}
	router.AddConsumerHandler("h", "topic", b.queue, func(m *message.Message) error {
		b.calls.Add(1)
		return b.handle(m)
	}).AddMiddleware(b.chained(r, &b.poison)...)
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		b.halted = r.Run(ctx)
		cancel() // as an embedder does, when Run ends so does the router
	})
	wg.Go(func() {
		if err := router.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	b.queue.queue <- fresh("a", 1)
	wg.Wait()
}

// untouched checks that a message is the source's still.
func (b *built) untouched(t *testing.T, cfg ordering.Config) {
	t.Helper()
	if n := b.queue.acks.Load(); n != 0 {
		t.Errorf("%d messages were acknowledged", n)
	}
	if n := b.poison.Load(); n != 0 {
		t.Errorf("%d messages were given up", n)
	}
	l, err := cfg.Store.Ledger(context.WithoutCancel(t.Context()), cfg.Route)
	if err != nil || l.Parked+l.Delivered+l.Dead != 0 {
		t.Errorf("the store has %+v, %v", l, err)
	}
}

// middlewares that must not stand beside a Resequencer, by their name.
func misfits(t *testing.T, p message.Publisher) map[string]message.HandlerMiddleware {
	t.Helper()
	queue, err := middleware.PoisonQueue(p, "poison")
	if err != nil {
		t.Fatal(err)
	}
	filtered, err := middleware.PoisonQueueWithFilter(p, "poison", func(error) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	return map[string]message.HandlerMiddleware{
		"middleware.Retry":        middleware.Retry{MaxRetries: 3, InitialInterval: time.Millisecond}.Middleware,
		"middleware.PoisonQueue":  queue,
		"middleware.PoisonQueue ": filtered,
		"middleware.IgnoreErrors": middleware.NewIgnoreErrors(nil).Middleware,
		"middleware.InstantAck":   middleware.InstantAck,
		"middleware.Deduplicator": (&middleware.Deduplicator{}).Middleware,
		"policies.Retry":          policies.Retry{}.Middleware,
		"policies.DeadLetter":     policies.DeadLetter{Publisher: p}.Middleware,
		"middleware.Retry inlined": func(h message.HandlerFunc) message.HandlerFunc {
			return middleware.Retry{MaxRetries: 3, InitialInterval: time.Millisecond}.Middleware(h)
		},
	}
}

// between are middlewares that may stand anywhere.
var between = []message.HandlerMiddleware{
	middleware.Timeout(time.Minute), middleware.Recoverer, middleware.NewThrottle(1000, time.Second).Middleware, middleware.CorrelationID,
}

// TestMisfitsBefore stops the route at the first message when somebody outside
// would acknowledge, drop or give up messages, however far outside.
func TestMisfitsBefore(t *testing.T) {
	for name := range misfits(t, &taken{}) {
		for where, others := range map[string][]message.HandlerMiddleware{"right before": nil, "before others": between} {
			t.Run(name+" "+where, func(t *testing.T) {
				cfg := embedded()
				b := &built{handle: func(*message.Message) error { return nil }}
				b.chained = func(r *ordering.Resequencer, p *taken) []message.HandlerMiddleware {
					return append(append([]message.HandlerMiddleware{misfits(t, p)[name]}, others...), r.Middleware)
				}
				b.run(t, cfg, 5*time.Second)
				b.halts(t, name, "stands before it")
				if name != "middleware.InstantAck" { // which acknowledges before anybody sees the message
					b.untouched(t, cfg)
					if n := b.calls.Load(); n != 0 {
						t.Errorf("the handler was called %d times", n)
					}
				} else if n := b.calls.Load(); n != 1 {
					t.Errorf("what was acknowledged was handled %d times", n)
				}
			})
		}
	}
}

// TestMisfitsRightBehind stops it before anything is handled.
func TestMisfitsRightBehind(t *testing.T) {
	for name := range misfits(t, &taken{}) {
		if name == "policies.Retry" || strings.HasSuffix(name, "inlined") {
			continue // that is its place; the other is not seen before it does something
		}
		t.Run(name, func(t *testing.T) {
			cfg := embedded()
			b := &built{handle: func(*message.Message) error { return nil }}
			b.chained = func(r *ordering.Resequencer, p *taken) []message.HandlerMiddleware {
				return append([]message.HandlerMiddleware{r.Middleware, misfits(t, p)[name]}, between...)
			}
			b.run(t, cfg, 5*time.Second)
			b.halts(t, name, "stands behind it")
			b.untouched(t, cfg)
			if n := b.calls.Load(); n != 0 {
				t.Errorf("the handler was called %d times", n)
			}
		})
	}
}

// TestMisfitsFarBehind stops it before those that stand behind others do harm:
// Retry before it tries, PoisonQueue before it publishes.
func TestMisfitsFarBehind(t *testing.T) {
	fails := func(*message.Message) error { return errors.New("no such customer") }
	for name, calls := range map[string]int64{
		"middleware.Retry": 0, "middleware.Retry inlined": 0, "middleware.Deduplicator": 0, "middleware.PoisonQueue": 1, "middleware.PoisonQueue ": 1,
		"policies.DeadLetter": 1,
	} {
		t.Run(name, func(t *testing.T) {
			cfg := embedded()
			gives := calls == 1 // it gives up, for which it asks where the message is from
			b := &built{handle: fails}
			b.chained = func(r *ordering.Resequencer, p *taken) []message.HandlerMiddleware {
				chain := []message.HandlerMiddleware{r.Middleware}
				if gives {
					chain = append(chain, between...)
				} else {
					chain = append(chain, between[1:]...) // behind Timeout the others are not seen
				}
				if name != "policies.DeadLetter" {
					chain = append(chain, policies.Retry{}.Middleware)
				}
				return append(chain, misfits(t, p)[name])
			}
			if name == "policies.DeadLetter" {
				b.handle = func(*message.Message) error { return policies.As(policies.Permanent, errors.New("no")) }
			}
			b.run(t, cfg, 5*time.Second)
			b.halts(t, name, "stands behind it")
			b.untouched(t, cfg)
			if n := b.calls.Load(); n != calls {
				t.Errorf("the handler was called %d times, want %d", n, calls)
			}
		})
	}
}

// TestMisfitSeenFromTheHandler lets a handler that asks for its context finish:
// what it has done is settled, then the route stops.
func TestMisfitSeenFromTheHandler(t *testing.T) {
	for _, name := range []string{"middleware.IgnoreErrors", "middleware.PoisonQueue"} {
		t.Run(name, func(t *testing.T) {
			cfg := embedded()
			b := &built{}
			b.handle = func(m *message.Message) error {
				select {
				case <-m.Context().Done():
					return m.Context().Err()
				case <-time.After(time.Millisecond):
					return nil
				}
			}
			b.chained = func(r *ordering.Resequencer, p *taken) []message.HandlerMiddleware {
				return []message.HandlerMiddleware{r.Middleware, middleware.Recoverer, misfits(t, p)[name]}
			}
			b.run(t, cfg, 5*time.Second)
			b.halts(t, name, "stands behind it")
			if l, err := cfg.Store.Ledger(context.WithoutCancel(t.Context()), "r"); err != nil || l.Delivered != 1 {
				t.Errorf("the store has %+v, %v", l, err)
			}
		})
	}
}

// TestInstantAckFarBehind keeps what was acknowledged before it was handled, also
// when that fails.
func TestInstantAckFarBehind(t *testing.T) {
	for name, fail := range map[string]error{"handled": nil, "failed": errors.New("no")} {
		t.Run(name, func(t *testing.T) {
			cfg := embedded()
			b := &built{handle: func(*message.Message) error { return fail }}
			b.chained = func(r *ordering.Resequencer, _ *taken) []message.HandlerMiddleware {
				return []message.HandlerMiddleware{r.Middleware, middleware.Recoverer, middleware.InstantAck}
			}
			b.run(t, cfg, 5*time.Second)
			b.halts(t, "middleware.InstantAck", "acknowledges")
			l, err := cfg.Store.Ledger(context.WithoutCancel(t.Context()), "r")
			if err != nil || l.Delivered+l.Parked != 1 {
				t.Errorf("the store has %+v, %v", l, err)
			}
		})
	}
}

// halts checks why Run ended.
func (b *built) halts(t *testing.T, words ...string) {
	t.Helper()
	var h *ordering.HaltError
	if !errors.As(b.halted, &h) || h.Reason != ordering.HaltMiddleware || !errors.Is(b.halted, ordering.ErrMiddleware) {
		t.Fatalf("Run ended with %v", b.halted)
	}
	for _, w := range words {
		if w = strings.TrimSuffix(strings.TrimSpace(w), " inlined"); !strings.Contains(h.Error(), w) {
			t.Errorf("%q does not say %q", h, w)
		}
	}
}

// TestFittingMiddlewares lets all others stand where they like, and a handler use
// what may not stand beside the Resequencer for its own purposes.
func TestFittingMiddlewares(t *testing.T) {
	cfg := embedded()
	own := middleware.Retry{MaxRetries: 2, InitialInterval: time.Millisecond}.Middleware(
		func(m *message.Message) ([]*message.Message, error) { return nil, m.Context().Err() })
	b := &built{handle: func(m *message.Message) error { _, err := own(m); return err }}
	b.chained = func(r *ordering.Resequencer, _ *taken) []message.HandlerMiddleware {
		breaker := policies.NewBreaker(policies.BreakerConfig{})
		chain := append(append([]message.HandlerMiddleware{}, between...), policies.Recover{}.Middleware, r.Middleware)
		return append(append(chain, policies.Retry{Tried: ordering.Attempts}.Middleware, breaker.Middleware), between...)
	}
	b.run(t, cfg, time.Second)
	if b.halted != nil || b.calls.Load() != 1 || b.queue.acks.Load() != 1 {
		t.Errorf("Run ended with %v, %d calls, %d acknowledged", b.halted, b.calls.Load(), b.queue.acks.Load())
	}
}

// TestChainIsSeenOnce looks no more once a handler has asked for its context.
func TestChainIsSeenOnce(t *testing.T) {
	sub := &serial{queue: make(chan *message.Message, 10)}
	var h record
	var kinds []string
	h.fail = func(m *message.Message) error {
		kinds = append(kinds, fmt.Sprintf("%T", m.Context()))
		if name := message.HandlerNameFromCtx(m.Context()); name != "h" {
			return fmt.Errorf("the context is that of handler %q", name)
		}
		return nil
	}
	service(t, sub, embedded(), h.handle)
	for rev := range int64(3) {
		sub.queue <- fresh("a", rev+1)
	}
	await(t, "all", func() bool { return len(h.of("a")) == 3 })
	if probe := "*ordering.probe"; kinds[0] != probe || kinds[1] == probe || kinds[2] == probe {
		t.Errorf("the contexts were %v", kinds)
	}
}

// TestTwoHandlers stops the route when one Resequencer stands before two
// handlers; what comes to the second one is not acknowledged.
func TestTwoHandlers(t *testing.T) {
	cfg := embedded()
	r, err := ordering.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.Middleware(func(*message.Message) ([]*message.Message, error) { return nil, nil })
	b := &built{handle: func(*message.Message) error { return nil }}
	b.chained = func(*ordering.Resequencer, *taken) []message.HandlerMiddleware {
		return []message.HandlerMiddleware{r.Middleware}
	}
	done := make(chan error, 1)
	go func() { done <- r.Run(t.Context()) }()
	b.run(t, embedded(), 2*time.Second)
	var h *ordering.HaltError
	if err := <-done; !errors.As(err, &h) || h.Reason != ordering.HaltHandler || !errors.Is(err, ordering.ErrHandlers) {
		t.Errorf("Run ended with %v", err)
	}
	b.untouched(t, cfg)
	if n := b.queue.nacks; n > 3 {
		t.Errorf("refused %d times in 2s: a hot loop", n)
	}
}

// TestChainWithoutRun says that Run is missing, and acknowledges nothing.
func TestChainWithoutRun(t *testing.T) {
	cfg := embedded()
	cfg.NotRunningAfter = time.Millisecond
	r, err := ordering.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	h := middleware.Recoverer(r.Middleware(func(*message.Message) ([]*message.Message, error) { return nil, nil }))
	if _, err := h(fresh("a", 1)); !errors.Is(err, ordering.ErrNotRunning) {
		t.Errorf("got %v", err)
	}
}

// TestParkedIsAcknowledgedOnItsWay: a message may be durable, and acknowledged by
// the router, while the handler has it. That is nobody's InstantAck.
func TestParkedIsAcknowledgedOnItsWay(t *testing.T) {
	w := newWorld(t, 10)
	cfg := config(storefault.Wrap(memory.New(), storefault.Plan{Delay: 50 * time.Millisecond}), w)
	cfg.Hold = 0
	r, err := ordering.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	early := fresh("a", 2)
	onItsWay := make(chan bool, 1)
	h := r.Middleware(func(m *message.Message) ([]*message.Message, error) {
		if m == early {
			select {
			case <-m.Acked():
				onItsWay <- true
			case <-time.After(5 * time.Second):
				onItsWay <- false
			}
		}
		return nil, nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	var wg sync.WaitGroup
	for _, m := range []*message.Message{early, fresh("a", 1), fresh("b", 1)} {
		wg.Go(func() { // the router
			if _, err := h(m); err != nil {
				t.Error(err)
			}
			m.Ack()
		})
		time.Sleep(10 * time.Millisecond)
	}
	wg.Wait()
	if !<-onItsWay {
		t.Error("it was not acknowledged while the handler had it: the test shows nothing")
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("the route stopped: %v", err)
	}
}
