package brokertest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/policies"
)

func testLargeBodies(t *testing.T, s Targets) {
	topic := s.Topic(t)
	target, _ := write(t, topic, topic.To())
	var msgs []*message.Message
	for _, size := range []int{0, 1, 4095, 4096, 131_063, 131_064, 131_065, 900_000} {
		m := keyed("k", size)
		m.Payload = make([]byte, size)
		for i := range m.Payload {
			m.Payload[i] = byte(rand.Uint32())
		}
		msgs = append(msgs, m)
		publish(t, target, m)
	}
	for i, m := range topic.Read(t, len(msgs)) {
		if string(m.Payload) != string(msgs[i].Payload) {
			t.Errorf("%d bytes became %d, or others", len(msgs[i].Payload), len(m.Payload))
		}
	}
}

// testUnroutable: W2, and outage is not poison the other way round: a name of
// the message's own that leads nowhere is the message's fault.
func testUnroutable(t *testing.T, s Targets) {
	topics, to := s.Chosen(t)
	target, st := write(t, topics[0], to)
	var batch []*message.Message
	for i := range 20 {
		m := keyed(fmt.Sprint("key-", i), 0)
		switch i % 4 {
		case 0, 1:
			m.Metadata["to"] = s.Name(topics[i%4])
		case 2:
			m.Metadata["to"] = "nowhere-" + s.Name(topics[0])
		}
		batch = append(batch, m)
	}
	for i, err := range target.PublishBatch(batch) {
		if i%4 < 2 && err != nil {
			t.Errorf("message %d failed: %v", i, err)
		}
		if i%4 >= 2 && (policies.ClassOf(err) != policies.Permanent || policies.ReasonOf(err) != "unroutable") {
			t.Errorf("message %d leads nowhere: %v (%v, %q)", i, err, policies.ClassOf(err), policies.ReasonOf(err))
		}
	}
	for _, topic := range topics[:2] {
		if got := len(topic.Read(t, 5)); got != 5 {
			t.Errorf("%d came, want 5", got)
		}
	}
	st.await(t, "that it answers", 0, isNil)
}

// testBroken cuts connections while four callers publish, as the ordering layer
// does: one message of a key at a time, and again while the target is
// unavailable.
func testBroken(t *testing.T, s Targets) {
	topic := s.Breakable(t)
	target, _ := write(t, topic, topic.To())
	const callers, keys, rounds = 4, 50, 25
	done := make(chan error, callers)
	for c := range callers {
		go func() {
			var errs []error
			for i := range rounds {
				var batch []*message.Message
				for k := range keys {
					batch = append(batch, keyed(fmt.Sprint("key-", c, "-", k), i))
				}
				errs = append(errs, insist(target, batch))
			}
			done <- errors.Join(errs...)
		}()
	}
	for left := callers; left > 0; {
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			left--
		case <-time.After(time.Duration(20+rand.IntN(300)) * time.Millisecond):
			topic.Break(t)
		}
	}
	all := topic.All(t)
	checkFirsts(t, all, callers*keys, rounds)
	again := len(all) - callers*keys*rounds
	t.Logf("%d messages, %d of them again", len(all), again)
	if s.Traits.Idempotent && again > 0 {
		t.Errorf("it says that it doubles nothing, and there are %d copies", again)
	}
}

// insist publishes until nothing is unavailable any more.
func insist(target broker.Target, msgs []*message.Message) error {
	for len(msgs) > 0 {
		var again []*message.Message
		for i, err := range target.PublishBatch(msgs) {
			switch {
			case policies.ClassOf(err) == policies.Unavailable:
				again = append(again, msgs[i])
			case err != nil:
				return err
			}
		}
		msgs = again
	}
	return nil
}

// checkFirsts fails unless each key has all, and first deliveries rise.
func checkFirsts(t testing.TB, msgs []*message.Message, keys, rounds int) {
	t.Helper()
	next := map[string]int{}
	for _, m := range msgs {
		key := m.Metadata[broker.HeaderKey]
		var n int
		if _, err := fmt.Sscan(string(m.Payload), &n); err != nil {
			t.Fatalf("%s: came %q", key, m.Payload)
		}
		switch {
		case n == next[key]:
			next[key]++
		case n > next[key]:
			t.Fatalf("%s: came %d, want %d", key, n, next[key])
		}
	}
	if len(next) != keys {
		t.Errorf("%d keys came, want %d", len(next), keys)
	}
	for key, n := range next {
		if n != rounds {
			t.Errorf("%s: %d came, want %d", key, n, rounds)
		}
	}
}
