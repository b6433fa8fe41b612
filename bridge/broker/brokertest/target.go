package brokertest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/policies"
)

// Targets says how an edge's targets are tested.
type Targets struct {
	// Topic makes a topic, empty, and gone with the test.
	Topic func(t testing.TB) Topic
	// Missing names a topic that is not there.
	Missing func(t testing.TB) Topic
	// Traits are what the edge says that it can do.
	Traits broker.Traits
	// TooLarge is a size of a body that the topics refuse and the client would
	// send. 0: there is none.
	TooLarge int
	// Sidecar is a header that says what another protocol knows, and is written as
	// it is. Default [broker.HeaderAMQP].
	Sidecar string
	// Name is what Publish calls a topic that is not the target's own. Default: the
	// name in To.
	Name func(Topic) string
	// Chosen makes topics, and a target that takes their name from the header "to".
	// Nil: the edge has none.
	Chosen func(t testing.TB) ([]Topic, config.To)
	// Breakable makes a topic whose connections can be cut. Nil: there is none.
	Breakable func(t testing.TB) Breakable
}

// Topic is a topic or queue of the broker.
type Topic interface {
	To() config.To
	// Target prepares to write to it. The suite closes what it returns.
	Target(t testing.TB, to config.To, opts broker.TargetOptions) broker.Target
	// Create makes it, if it was missing.
	Create(t testing.TB)
	// Read returns the n messages that are in it, those of one key in order, with
	// their keys in [broker.HeaderKey]. A null value is a nil payload.
	Read(t testing.TB, n int) []*message.Message
}

// Breakable is a topic that is written over connections which can be cut.
type Breakable interface {
	Topic
	// Break cuts the connections of the targets, without a word.
	Break(t testing.TB)
	// All returns all that is in the topic now, those of one key in order.
	All(t testing.TB) []*message.Message
}

// TestTargets runs the suite.
func TestTargets(t *testing.T, s Targets) {
	if s.Sidecar == "" {
		s.Sidecar = broker.HeaderAMQP
	}
	if s.Name == nil {
		s.Name = func(topic Topic) string { return topic.To().Name() }
	}
	tests := map[string]func(*testing.T, Targets){
		"Traits":              testTargetTraits,
		"Fidelity":            testFidelity,
		"ConfirmIsAwaited":    testConfirm,
		"OrderOfAKey":         testKeyOrder,
		"LargeBodies":         testLargeBodies,
		"MissingIsWaitedFor":  testMissingTopic,
		"Declare":             testDeclare,
		"WatermillForm":       testWatermill,
		"ClosedIsInterrupted": testClosed,
		"Hostile":             testHostileTarget,
		"Concurrent":          testConcurrent,
	}
	if s.TooLarge > 0 {
		tests["TooLargeFailsAlone"] = testTooLarge
	}
	if s.Chosen != nil {
		tests["UnroutableIsAnError"] = testUnroutable
	}
	if s.Breakable != nil {
		tests["NothingIsLostWithAConnection"] = testBroken
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, s)
		})
	}
}

func write(t testing.TB, topic Topic, to config.To) (broker.Target, *States) {
	t.Helper()
	st := &States{}
	target := topic.Target(t, to, broker.TargetOptions{Route: "route", State: st.Hear})
	t.Cleanup(func() {
		if err := target.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return target, st
}

// publish fails unless all is confirmed.
func publish(t testing.TB, target broker.Target, msgs ...*message.Message) {
	t.Helper()
	errs := target.PublishBatch(msgs)
	if len(errs) != len(msgs) {
		t.Fatalf("%d outcomes for %d messages", len(errs), len(msgs))
	}
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func testFidelity(t *testing.T, s Targets) {
	topic := s.Topic(t)
	target, st := write(t, topic, topic.To())
	want := []*message.Message{
		{Metadata: message.Metadata{"bridge-key": "k", "a": "1", s.Sidecar: "{}", "traceparent": "00-x"}, Payload: []byte("body")},
		{Metadata: message.Metadata{"bridge-key": "k"}, Payload: nil},
		{Metadata: message.Metadata{"bridge-key": "k", "empty": ""}, Payload: []byte{}},
		{Metadata: message.Metadata{"bridge-key": "k", "größe \xff": "\xfe"}, Payload: []byte("\x00\xff")},
		{Metadata: message.Metadata{"bridge-key": ""}, Payload: []byte("the empty key is a key")},
		{Metadata: message.Metadata{}, Payload: []byte("no key")},
	}
	publish(t, target, want...)
	st.await(t, "that it answers", 0, isNil)
	for _, got := range topic.Read(t, len(want)) {
		i := indexOf(want, got)
		if i < 0 {
			t.Errorf("came %q %q (null: %v), which was not sent", got.Metadata, got.Payload, got.Payload == nil)
			continue
		}
		want = append(want[:i], want[i+1:]...)
	}
	for _, m := range want {
		t.Errorf("%q %q (null: %v) did not come", m.Metadata, m.Payload, m.Payload == nil)
	}
}

func indexOf(msgs []*message.Message, m *message.Message) int {
	for i, want := range msgs {
		if fmt.Sprint(want.Metadata) == fmt.Sprint(m.Metadata) && string(want.Payload) == string(m.Payload) &&
			(want.Payload == nil) == (m.Payload == nil) {
			return i
		}
	}
	return -1
}

func testConfirm(t *testing.T, s Targets) {
	topic := s.Topic(t)
	target, _ := write(t, topic, topic.To())
	for i := range 20 {
		publish(t, target, keyed("k", i))
	}
	if got := len(topic.Read(t, 20)); got != 20 {
		t.Errorf("%d are there after 20 confirms", got)
	}
}

func keyed(key string, n int) *message.Message {
	return &message.Message{Metadata: message.Metadata{"bridge-key": key}, Payload: []byte(fmt.Sprint(n))}
}

func testKeyOrder(t *testing.T, s Targets) {
	topic := s.Topic(t)
	target, _ := write(t, topic, topic.To())
	const keys, rounds = 50, 40
	for i := range rounds {
		var batch []*message.Message
		for k := range keys {
			batch = append(batch, keyed(fmt.Sprint("key-", k), i))
		}
		publish(t, target, batch...)
	}
	checkOrder(t, topic.Read(t, keys*rounds), rounds)
}

func checkOrder(t testing.TB, msgs []*message.Message, rounds int) {
	t.Helper()
	next := map[string]int{}
	for _, m := range msgs {
		key := m.Metadata["bridge-key"]
		if want := fmt.Sprint(next[key]); string(m.Payload) != want {
			t.Fatalf("%s: came %s, want %s", key, m.Payload, want)
		}
		next[key]++
	}
	for key, n := range next {
		if n != rounds {
			t.Errorf("%s: %d came, want %d", key, n, rounds)
		}
	}
}

func testTooLarge(t *testing.T, s Targets) {
	topic := s.Topic(t)
	target, st := write(t, topic, topic.To())
	batch := []*message.Message{keyed("a", 0), keyed("b", 0), keyed("x", 0), keyed("c", 0), keyed("d", 0), keyed("x", 1)}
	batch[2].Payload = []byte(strings.Repeat("x", s.TooLarge))
	errs := target.PublishBatch(batch)
	for i, err := range errs {
		switch {
		case i == 2:
			if policies.ClassOf(err) != policies.Permanent || policies.ReasonOf(err) != "too_large" {
				t.Errorf("the too large one: %v (%v, %q)", err, policies.ClassOf(err), policies.ReasonOf(err))
			}
		case err != nil && i < 5:
			t.Errorf("message %d failed with it: %v", i, err)
		}
	}
	publish(t, target, keyed("x", 2)) // and the target goes on
	st.await(t, "that it answers", 0, isNil)
	st.mu.Lock()
	defer st.mu.Unlock()
	if len(st.errs) != 1 {
		t.Errorf("one poison looked like an outage: %v", st.errs)
	}
}

func testMissingTopic(t *testing.T, s Targets) {
	topic := s.Missing(t)
	target, st := write(t, topic, topic.To())
	for range 2 {
		for _, err := range target.PublishBatch([]*message.Message{keyed("k", 0), keyed("k", 1)}) {
			if policies.ClassOf(err) != policies.Unavailable || !errors.Is(err, broker.ErrMissing) {
				t.Fatalf("to a topic that is missing: %v (%v)", err, policies.ClassOf(err))
			}
		}
	}
	n := st.await(t, "that the topic is missing", 0, isError(broker.ErrMissing))
	topic.Create(t)
	eventually(t, "it can be written", func() bool { return target.Publish("", keyed("k", 0)) == nil })
	st.await(t, "that it answers", n, isNil)
	if len(topic.Read(t, 1)) != 1 {
		t.Error("it did not come")
	}
}

func testDeclare(t *testing.T, s Targets) {
	topic := s.Missing(t)
	to := topic.To()
	to.Declare.On, to.Declare.Partitions = true, 3
	target, _ := write(t, topic, to)
	eventually(t, "it can be written", func() bool { return target.Publish("", keyed("k", 0)) == nil })
	again, _ := write(t, topic, to)
	publish(t, again, keyed("k", 1))
	checkOrder(t, topic.Read(t, 2), 2)
}

func testWatermill(t *testing.T, s Targets) {
	topic, other := s.Topic(t), s.Topic(t)
	target, _ := write(t, topic, topic.To())
	if err := target.Publish("", keyed("k", 0), keyed("l", 0)); err != nil {
		t.Error(err)
	}
	if err := target.Publish(s.Name(other), keyed("k", 0)); err != nil {
		t.Error(err)
	}
	if err := target.Publish(""); err != nil {
		t.Error(err)
	}
	if a, b := len(topic.Read(t, 2)), len(other.Read(t, 1)); a != 2 || b != 1 {
		t.Errorf("%d and %d came, want 2 and 1", a, b)
	}
}

func testClosed(t *testing.T, s Targets) {
	topic := s.Topic(t)
	target, _ := write(t, topic, topic.To())
	publish(t, target, keyed("k", 0))
	if err := target.Close(); err != nil {
		t.Error(err)
	}
	err := target.Publish("", keyed("k", 1))
	if policies.ClassOf(err) != policies.Interrupted {
		t.Errorf("after Close: %v (%v)", err, policies.ClassOf(err))
	}
}

func testHostileTarget(t *testing.T, s Targets) {
	topic := s.Topic(t)
	target, _ := write(t, topic, topic.To())
	m := keyed(strings.Repeat("k", 4096), 0)
	for i := range 5000 {
		m.Metadata[fmt.Sprint("header-", i)] = "v\r\n\x00"
	}
	publish(t, target, m)
	if got := topic.Read(t, 1)[0]; len(got.Metadata) != len(m.Metadata) {
		t.Errorf("%d headers, want %d", len(got.Metadata), len(m.Metadata))
	}
}

// testConcurrent has several batches on their way at once, as carriers do.
func testConcurrent(t *testing.T, s Targets) {
	topic := s.Topic(t)
	target, _ := write(t, topic, topic.To())
	const workers, rounds = 8, 30
	done := make(chan error, workers)
	for w := range workers {
		go func() {
			var errs []error
			for i := range rounds {
				errs = append(errs, target.Publish("", keyed(fmt.Sprint("worker-", w), i)))
			}
			done <- errors.Join(errs...)
		}()
	}
	for range workers {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	checkOrder(t, topic.Read(t, workers*rounds), rounds)
}
