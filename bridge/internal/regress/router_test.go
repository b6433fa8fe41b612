package regress_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-amqp/v2/pkg/amqp"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
	rabbit "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/internal/rig"
	"github.com/brokerbridge/bridge/policies"
)

// given is a subscriber that has these messages, all in flight at once. Their
// context is that of the subscription, as with those of brokers.
type given struct {
	all []*message.Message
	out chan *message.Message
	end func() // the subscription ends, as when a queue is gone
}

func givenAll(all ...*message.Message) *given {
	out := make(chan *message.Message, len(all))
	return &given{all, out, sync.OnceFunc(func() { close(out) })}
}

func (g *given) Subscribe(ctx context.Context, _ string) (<-chan *message.Message, error) {
	for _, m := range g.all {
		m.SetContext(ctx)
		g.out <- m
	}
	return g.out, nil
}

func (g *given) Close() error {
	g.end()
	return nil
}

// taker is a publisher that notes what it gets, or refuses it.
type taker struct {
	mu     sync.Mutex
	refuse error
	got    []*message.Message
	closed atomic.Int32
}

func (p *taker) Publish(_ string, all ...*message.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuse == nil {
		p.got = append(p.got, all...)
	}
	return p.refuse
}

func (p *taker) Close() error {
	p.closed.Add(1)
	return nil
}

func newRouter(t *testing.T) *message.Router {
	t.Helper()
	router, err := message.NewRouter(message.RouterConfig{}, watermill.NopLogger{})
	if err != nil {
		t.Fatal(err)
	}
	return router
}

// running runs a router, and returns what stops it.
func running(t *testing.T, router *message.Router) (stop func()) {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- router.Run(context.Background()) }()
	<-router.Running()
	return func() {
		if err := errors.Join(router.Close(), <-ended); err != nil {
			t.Error(err)
		}
	}
}

// R1: a failed publish of what a handler returns is seen by the middlewares of that
// handler, so that Retry tries it again.
//
// Expected: four publishes for one delivery, and then an error. Observed: one; the
// chain ends without an error, and the message is nacked behind its back. watermill
// v1.5.2; close to it: ThreeDotsLabs/watermill issue 645.
//
// Ours: TestR1_PublishInsideTheChain, TestR1_ProducingHandlerIsRefused.
func TestStock_R1_FailedPublishIsInvisible(t *testing.T) {
	m, out, router := fresh("b"), &taker{refuse: errNo}, newRouter(t)
	handled, seen := 0, make(chan error, 1)
	in := givenAll(m)
	router.AddHandler("handler", "in", in, "out", out, func(m *message.Message) ([]*message.Message, error) {
		handled++
		return message.Messages{m}, nil
	}).AddMiddleware(
		func(next message.HandlerFunc) message.HandlerFunc {
			return func(m *message.Message) ([]*message.Message, error) {
				all, err := next(m)
				seen <- err
				return all, err
			}
		},
		middleware.Retry{MaxRetries: 3, InitialInterval: time.Millisecond}.Middleware,
	)
	stop := running(t, router)
	err := <-seen
	select {
	case <-m.Nacked():
	case <-m.Acked():
		t.Error("what was not published was acknowledged")
	}
	stop()
	if err != nil || handled != 1 {
		mended(t, "R1", "the middlewares see that a publish failed")
	}
}

// R2: messages reach the handler in the order in which the subscriber gave them.
//
// Expected: 1, 2, 3, … Observed: neighbours are swapped, as each message has a
// goroutine of its own. watermill v1.5.2; ThreeDotsLabs/watermill issue 560 asks.
//
// Ours: TestR2_RouterSwapsNeighbours, TestR2_ArrivalsDoNotOvertake.
func TestStock_R2_NeighboursAreSwapped(t *testing.T) {
	const n, rounds = 1000, 50
	for range rounds { // one is nearly always enough
		if !slices.IsSorted(arrivals(t, n)) {
			return
		}
	}
	mended(t, "R2", "the router keeps the order of its subscriber")
}

// arrivals are the numbers of n messages, as they reach a handler.
func arrivals(t *testing.T, n int) (order []int) {
	var all []*message.Message
	at := map[*message.Message]int{}
	for i := range n {
		m := fresh("b")
		all, at[m] = append(all, m), i
	}
	in, router := givenAll(all...), newRouter(t)
	var mu sync.Mutex
	router.AddConsumerHandler("handler", "in", in, func(m *message.Message) error {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, at[m])
		return nil
	})
	stop := running(t, router)
	for _, m := range all {
		<-m.Acked()
	}
	stop()
	return order
}

// R3: a publisher that two handlers share works for as long as one of them does.
//
// Expected: it is open after the first has stopped. Observed: it is closed. And: a
// router whose subscriber ends goes on, since handlers can be added to it. Observed:
// it ends. watermill v1.5.2; close to it: ThreeDotsLabs/watermill issue 446.
//
// Ours: TestR3_ARouteRestartsAlone.
func TestStock_R3_SharedPublisherIsClosed(t *testing.T) {
	out, router := &taker{}, newRouter(t)
	first, second := givenAll(), givenAll()
	same := func(m *message.Message) ([]*message.Message, error) { return message.Messages{m}, nil }
	router.AddHandler("first", "in", first, "out", out, same)
	router.AddHandler("second", "in", second, "out", out, same)
	ended := make(chan error, 1)
	go func() { ended <- router.Run(context.Background()) }()
	<-router.Running()
	first.end()
	for end := time.Now().Add(quiet); out.closed.Load() == 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if out.closed.Load() == 0 {
		mended(t, "R3", "a publisher is open while one of its handlers runs")
	}
	second.end()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(quiet):
		mended(t, "R3", "a router outlives its subscribers")
		if err := errors.Join(router.Close(), <-ended); err != nil {
			t.Error(err)
		}
	}
}

// R4: a message's context is good for as long as somebody works with the message.
//
// Expected: it is, also after Ack, for who has put it aside. Observed: it ends with
// the subscriber's wait for Ack. watermill-amqp v2.1.3.
//
// Ours: TestR4_ParkedMessageHasItsOwnContext.
func TestStock_R4_ContextEndsWithTheWait(t *testing.T) {
	t.Parallel()
	queue := rig.Queue(t)
	rig.Publish(t, queue, rabbit.Publishing{Body: []byte("b")})
	m := next(t, stockQueue(t, queue, amqp.NewDurableQueueConfig(rig.AMQP(t))))
	if err := m.Context().Err(); err != nil {
		t.Fatal(err)
	}
	m.Ack()
	select {
	case <-m.Context().Done():
	case <-time.After(quiet):
		mended(t, "R4", "a message's context does not end when it is acknowledged")
	}
}

// W8: stopping a router gives no message up.
//
// Expected: a handler that was interrupted leaves its message with the broker.
// Observed: the context ends, the handler fails, and Retry and PoisonQueue publish a
// healthy message to the poison queue and acknowledge it. watermill v1.5.2;
// ThreeDotsLabs/watermill issue 568.
//
// Ours, here: [policies.DeadLetter] and [policies.Retry] in the same place.
func TestStock_W8_StoppingGivesHealthyMessagesUp(t *testing.T) {
	t.Run("stock", func(t *testing.T) {
		poison := &taker{}
		givesUp, err := middleware.PoisonQueue(poison, "poison")
		if err != nil {
			t.Fatal(err)
		}
		m := interrupted(t, givesUp, middleware.Retry{MaxRetries: 3, InitialInterval: time.Millisecond}.Middleware)
		select {
		case <-m.Acked():
		default:
			mended(t, "W8", "what a stop has interrupted is not acknowledged")
		}
		if len(poison.got) != 1 {
			mended(t, "W8", "what a stop has interrupted does not go to the poison queue")
		}
	})
	t.Run("ours", func(t *testing.T) {
		dead := &taker{}
		m := interrupted(t, policies.DeadLetter{Publisher: dead}.Middleware, policies.Retry{Attempts: 4}.Middleware)
		select {
		case <-m.Acked():
			t.Error("it was acknowledged")
		default:
		}
		if len(dead.got) != 0 {
			t.Errorf("%d healthy messages were given up", len(dead.got))
		}
	})
}

// interrupted is a message whose handler works until its context ends, in a router
// that is stopped meanwhile.
func interrupted(t *testing.T, all ...message.HandlerMiddleware) *message.Message {
	t.Helper()
	m, router, began := fresh("healthy"), newRouter(t), make(chan struct{})
	router.AddConsumerHandler("handler", "in", givenAll(m), func(m *message.Message) error {
		close(began)
		<-m.Context().Done()
		return m.Context().Err()
	}).AddMiddleware(all...)
	stop := running(t, router)
	<-began
	stop()
	return m
}
