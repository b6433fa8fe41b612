package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	wamqp "github.com/ThreeDotsLabs/watermill-amqp/v2/pkg/amqp"
	wkafka "github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill/message"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
	"github.com/brokerbridge/bridge/policies"
)

// TestI2_I6_HandlersThatFail runs a service on stock clients whose handler fails
// twice at one message and panics at another. The first succeeds at its third
// try; the second is a dead letter with the stack, its key waits for it, and it
// is redriven at its place. The other keys do not notice.
func TestI2_I6_HandlersThatFail(t *testing.T) {
	t.Parallel()
	from, to := rig.QueueWith(t, nil), rig.Topic(t, 3)
	s := startService(t, from, to)
	for _, rev := range []int64{2, 1, 3} {
		for _, key := range []string{"fails", "fine", "panics"} {
			rig.Publish(t, from, textual(key, rev))
		}
	}
	s.await(t, "panics 1 to be alone", map[string]string{"fails": "1 2 3", "fine": "1 2 3", "panics": "1"})
	if n := s.triesOf("fails/2"); n != 3 {
		t.Errorf("what fails twice was tried %d times", n)
	}
	var dead []store.DeadLetter
	await(t, "a dead letter, and its successor parked", func() bool {
		dead = nil
		for d, err := range s.store.DeadLetters(t.Context(), store.Query{Route: "service"}) {
			if err != nil {
				t.Fatal(err)
			}
			dead = append(dead, d)
		}
		st, err := s.order.Stats(t.Context())
		return err == nil && len(dead) == 1 && st.Ledger.Parked == 1
	})
	if d := dead[0]; d.Reason != "panic" || d.Attempts != 1 || !strings.Contains(d.Error, "handler_test.go") {
		t.Errorf("the dead letter: %s after %d attempts: %s", d.Reason, d.Attempts, d.Error)
	}
	s.mend()
	if _, err := s.order.Redrive(t.Context(), dead[0].ID, ordering.Operation{By: "a test", Reason: "mended"}); err != nil {
		t.Fatal(err)
	}
	s.await(t, "all of it", map[string]string{"fails": "1 2 3", "fine": "1 2 3", "panics": "1 2 3"})
	if st, err := s.order.Stats(t.Context()); err != nil || st.Unaccounted() != 0 {
		t.Errorf("I10: %+v %v", st, err)
	}
}

// textual is ordered for stock readers, which want strings.
func textual(key string, rev int64) amqp.Publishing {
	m := ordered(key, rev)
	m.Headers["revision"] = fmt.Sprint(rev)
	return m
}

// service is a Watermill service with a handler that has its moods.
type service struct {
	topic string
	order *ordering.Resequencer
	store store.Store

	mu     sync.Mutex
	tries  map[string]int
	mended bool
}

func startService(t *testing.T, from, to string) *service {
	t.Helper()
	s := &service{topic: to, store: memory.New(), tries: map[string]int{}}
	in := must(wamqp.NewSubscriber(wamqp.NewDurableQueueConfig(rig.AMQP(t)), watermill.NopLogger{}))(t)
	out := must(wkafka.NewPublisher(wkafka.PublisherConfig{
		Brokers:   rig.Kafka(t),
		Marshaler: wkafka.NewWithPartitioningMarshaler(func(_ string, m *message.Message) (string, error) { return m.Metadata["key"], nil }),
	}, watermill.NopLogger{}))(t)
	s.order = must(ordering.New(ordering.Config{
		Route: "service", Store: s.store, SingleInstance: true, First: 1,
		Identify: ordering.By{Key: []ordering.Field{ordering.Header("key")}, Revision: ordering.Header("revision")}.Identify,
	}))(t)
	router := must(message.NewRouter(message.RouterConfig{}, watermill.NopLogger{}))(t)
	router.AddConsumerHandler("service", from, in, func(m *message.Message) error {
		if err := s.mood(m.Metadata["key"] + "/" + m.Metadata["revision"]); err != nil {
			return err
		}
		return out.Publish(to, m)
	}).AddMiddleware(
		s.order.Middleware,
		policies.Retry{Initial: 10 * time.Millisecond, Tried: ordering.Attempts}.Middleware,
		policies.Recover{}.Middleware,
	)
	ctx, stop := context.WithCancel(context.Background())
	var both sync.WaitGroup
	both.Go(func() {
		if err := s.order.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	both.Go(func() {
		if err := router.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		stop()
		both.Wait()
		if err := errors.Join(in.Close(), out.Close(), s.store.Close()); err != nil {
			t.Error(err)
		}
	})
	<-router.Running()
	return s
}

// must fails a test for an error.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// mood is what the handler does at a message before it publishes it.
func (s *service) mood(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tries[id]++
	switch {
	case id == "fails/2" && s.tries[id] < 3:
		return fmt.Errorf("try %d fails", s.tries[id])
	case id == "panics/2" && !s.mended:
		panic("what is this?")
	}
	return nil
}

func (s *service) triesOf(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tries[id]
}

func (s *service) mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mended = true
}

// await waits until the topic has these revisions, by key and in this order.
func (s *service) await(t *testing.T, what string, want map[string]string) {
	t.Helper()
	e2e.Await(t, what, settleTimeout, func() (string, bool) {
		got := map[string][]string{}
		for _, r := range e2e.Records(t, s.topic) {
			h := e2e.Headers(r)
			got[h["key"]] = append(got[h["key"]], h["revision"])
		}
		same := maps.EqualFunc(got, want, func(a []string, b string) bool { return strings.Join(a, " ") == b })
		return fmt.Sprint(got), same
	})
}

// await waits for a condition.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	e2e.Await(t, what, settleTimeout, func() (string, bool) { return "not yet", ok() })
}
