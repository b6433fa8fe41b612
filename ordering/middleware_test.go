package ordering_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// serial is a subscriber as the stock ones for AMQP and Kafka are: it keeps one
// message in flight and sends a refused one again at once.
type serial struct {
	queue chan *message.Message
	nacks int
	acks  atomic.Int64
}

func (s *serial) Subscribe(ctx context.Context, _ string) (<-chan *message.Message, error) {
	out := make(chan *message.Message)
	go func() {
		defer close(out)
		for {
			select {
			case <-ctx.Done():
				return
			case m := <-s.queue:
				if !s.deliver(ctx, out, m) {
					return
				}
			}
		}
	}()
	return out, nil
}

// deliver hands a message out until it is acknowledged.
func (s *serial) deliver(ctx context.Context, out chan<- *message.Message, m *message.Message) bool {
	for {
		c := m.Copy()
		deliveryCtx, end := context.WithCancel(ctx)
		c.SetContext(deliveryCtx)
		select {
		case <-ctx.Done():
			end()
			return false
		case out <- c:
		}
		select {
		case <-ctx.Done():
			end()
			return false
		case <-c.Acked():
			s.acks.Add(1)
			end()
			return true
		case <-c.Nacked():
			s.nacks++
			end()
		}
	}
}

func (s *serial) Close() error { return nil }

// service is a router with one handler behind a Resequencer.
func service(t *testing.T, sub message.Subscriber, cfg ordering.Config, h message.NoPublishHandlerFunc) *ordering.Resequencer {
	t.Helper()
	r, err := ordering.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	router, err := message.NewRouter(message.RouterConfig{}, watermill.NopLogger{})
	if err != nil {
		t.Fatal(err)
	}
	router.AddConsumerHandler("h", "topic", sub, h).AddMiddleware(r.Middleware)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = router.Run(ctx) })
	wg.Go(func() { _ = r.Run(ctx) })
	<-router.Running()
	r.SourceUp()
	t.Cleanup(func() { cancel(); wg.Wait() })
	return r
}

// embedded is a configuration as an embedder would write it.
func embedded() ordering.Config {
	return ordering.Config{
		Route: "r", Store: memory.New(), SingleInstance: true, First: 1,
		Identify: ordering.By{Key: []ordering.Field{ordering.Header("key")}, Revision: ordering.Header("revision")}.Identify,
		Logger:   slog.New(slog.DiscardHandler),
	}
}

// record is a handler that notes what it gets.
type record struct {
	mu   sync.Mutex
	got  map[string][]int64
	fail func(*message.Message) error
}

func (r *record) handle(m *message.Message) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		if err := r.fail(m); err != nil {
			return err
		}
	}
	var rev int64
	_, _ = fmt.Sscan(m.Metadata["revision"], &rev)
	if r.got == nil {
		r.got = map[string][]int64{}
	}
	r.got[m.Metadata["key"]] = append(r.got[m.Metadata["key"]], rev)
	return nil
}

func (r *record) of(key string) []int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got[key])
}

// fresh is a message with acknowledgement channels, as subscribers make them.
func fresh(key string, rev int64) *message.Message {
	m := message.NewMessage(fmt.Sprintf("%s-%d", key, rev), []byte(fmt.Sprintf("%s-%d", key, rev)))
	m.Metadata["key"], m.Metadata["revision"] = key, fmt.Sprint(rev)
	return m
}

// TestW9_StockSubscribersDoNotDeadlock has one message in flight: a revision
// that waits is parked at once, then acknowledged, so that the one it waits for
// can come.
func TestW9_StockSubscribersDoNotDeadlock(t *testing.T) {
	sub := &serial{queue: make(chan *message.Message, 10)}
	var h record
	service(t, sub, embedded(), h.handle)
	for _, rev := range []int64{2, 6, 1, 4, 3} {
		sub.queue <- fresh("a", rev)
	}
	await(t, "1 to 4", func() bool { return len(h.of("a")) == 4 })
	if got := h.of("a"); !slices.Equal(got, []int64{1, 2, 3, 4}) {
		t.Fatalf("got %v; 6 was to wait", got)
	}
	sub.queue <- fresh("a", 5)
	await(t, "the rest", func() bool { return slices.Equal(h.of("a"), []int64{1, 2, 3, 4, 5, 6}) })
	if sub.nacks != 0 {
		t.Errorf("%d messages were sent back to the broker", sub.nacks)
	}
}

// TestW9_HoldOnAStockSubscriber holds what waits although nothing else can come
// meanwhile: each gap costs Hold, and then it is parked and all goes on.
func TestW9_HoldOnAStockSubscriber(t *testing.T) {
	sub := &serial{queue: make(chan *message.Message, 10)}
	cfg := embedded()
	cfg.Hold = 200 * time.Millisecond
	var h record
	service(t, sub, cfg, h.handle)
	began := time.Now()
	sub.queue <- fresh("a", 2)
	sub.queue <- fresh("a", 1)
	await(t, "both", func() bool { return slices.Equal(h.of("a"), []int64{1, 2}) })
	if took := time.Since(began); took < cfg.Hold {
		t.Errorf("2 was parked after %v, before it was time", took)
	}
	if sub.nacks != 0 {
		t.Errorf("%d messages were sent back to the broker", sub.nacks)
	}
}

// TestR2_RouterSwapsNeighbours has many in flight, which the router hands to the
// middleware in any order.
func TestR2_RouterSwapsNeighbours(t *testing.T) {
	pubsub := gochannel.NewGoChannel(gochannel.Config{OutputChannelBuffer: 1000}, watermill.NopLogger{})
	var h record
	service(t, pubsub, embedded(), h.handle)
	var ms []*message.Message
	for rev := range int64(500) {
		ms = append(ms, fresh("a", rev+1))
	}
	if err := pubsub.Publish("topic", ms...); err != nil {
		t.Fatal(err)
	}
	await(t, "all", func() bool { return len(h.of("a")) == 500 })
	if got := h.of("a"); !slices.IsSorted(got) {
		t.Error("out of order")
	}
}

// TestR4_ParkedMessageHasItsOwnContext delivers a parked message after its
// delivery has ended, with a context that has not.
func TestR4_ParkedMessageHasItsOwnContext(t *testing.T) {
	sub := &serial{queue: make(chan *message.Message, 10)}
	var h record
	var ended []error
	h.fail = func(m *message.Message) error { ended = append(ended, m.Context().Err()); return nil }
	service(t, sub, embedded(), h.handle)
	sub.queue <- fresh("a", 2)
	await(t, "2 to be taken", func() bool { return len(sub.queue) == 0 })
	sub.queue <- fresh("a", 1)
	await(t, "both", func() bool { return len(h.of("a")) == 2 })
	if slices.ContainsFunc(ended, func(err error) bool { return err != nil }) {
		t.Errorf("contexts: %v", ended)
	}
}

// TestR1_ProducingHandlerIsRefused stops a handler whose messages the router
// would publish after the checkpoint. The message stays with the source: whoever
// mends the handler, or takes the Resequencer out again, gets it anew.
func TestR1_ProducingHandlerIsRefused(t *testing.T) {
	cfg := embedded()
	cfg.Hold = time.Minute
	r, err := ordering.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	h := r.Middleware(func(m *message.Message) ([]*message.Message, error) { return []*message.Message{m}, nil })
	done := make(chan error, 1)
	go func() { done <- r.Run(t.Context()) }()
	if _, err := h(fresh("a", 1)); err == nil {
		t.Error("the message was to be acknowledged")
	}
	var halt *ordering.HaltError
	err = <-done
	if !errors.As(err, &halt) || halt.Reason != ordering.HaltHandler || !errors.Is(err, ordering.ErrProduces) {
		t.Errorf("Run ended with %v", err)
	}
	if !strings.Contains(err.Error(), "AddConsumerHandler") {
		t.Errorf("%q does not say what to do", err)
	}
	if l, err := cfg.Store.Ledger(t.Context(), "r"); err != nil || l.Parked+l.Delivered+l.Dead != 0 {
		t.Errorf("the message was taken over: %+v, %v", l, err)
	}
}

// TestB9_PanicIsContained makes the panicking message a dead letter with the
// stack, and only it.
func TestB9_PanicIsContained(t *testing.T) {
	sub := &serial{queue: make(chan *message.Message, 10)}
	cfg := embedded()
	var h record
	h.fail = func(m *message.Message) error {
		if m.Metadata["key"] == "bad" {
			panic("ouch")
		}
		return nil
	}
	r := service(t, sub, cfg, h.handle)
	sub.queue <- fresh("bad", 1)
	sub.queue <- fresh("good", 1)
	await(t, "the good one", func() bool { return len(h.of("good")) == 1 })
	await(t, "the dead letter", func() bool { return letters(t, cfg.Store)["bad/1"] == "panic" })
	s, _, _, err := r.Lane(t.Context(), "bad", 0)
	if err != nil || s.Mode != lane.Quarantined {
		t.Errorf("the key is %s, %v", s.Mode, err)
	}
}

// TestW8_StoppingGivesNothingUp stops a service while its handler fails because
// of that: no try is spent, nothing becomes a dead letter.
func TestW8_StoppingGivesNothingUp(t *testing.T) {
	cfg := embedded()
	r, err := ordering.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	began := make(chan struct{})
	h := r.Middleware(func(*message.Message) ([]*message.Message, error) {
		close(began)
		<-ctx.Done()
		return nil, fmt.Errorf("publish: %w", ctx.Err())
	})
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	answer := make(chan error, 1)
	go func() { _, err := h(fresh("a", 1)); answer <- err }()
	<-began
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := <-answer; err != nil && !errors.Is(err, ordering.ErrStopped) {
		t.Error(err)
	}
	if got := letters(t, cfg.Store); len(got) != 0 {
		t.Errorf("given up: %v", got)
	}
	if err := restarted(t, cfg); err != nil {
		t.Error(err)
	}
}

// restarted runs a second Resequencer on the same store and waits until it has
// delivered what the first one left.
func restarted(t *testing.T, cfg ordering.Config) error {
	t.Helper()
	r, err := ordering.New(cfg)
	if err != nil {
		return err
	}
	got := make(chan int, 10)
	r.Middleware(func(m *message.Message) ([]*message.Message, error) { got <- ordering.Attempts(m); return nil, nil })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { _ = r.Run(ctx) }()
	select {
	case n := <-got:
		if n != 0 {
			return fmt.Errorf("%d tries were spent", n)
		}
		return nil
	case <-time.After(5 * time.Second):
		return errors.New("what was parked was not delivered")
	}
}
