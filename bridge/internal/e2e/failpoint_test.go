package e2e_test

import (
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
	"github.com/brokerbridge/bridge/ordering/failpoint"
)

// TestB1_KillAtEveryFailpoint crashes the bridge at each place where a crash
// costs something, at the first and at later times that it is there.
func TestB1_KillAtEveryFailpoint(t *testing.T) {
	times := []int{1, 4}
	if rig.Full() {
		times = []int{1, 2, 4, 10}
	}
	for _, point := range failpoint.All {
		for _, n := range times {
			t.Run(fmt.Sprintf("%s@%d", point, n), func(t *testing.T) {
				s := newStony(t)
				b := e2e.Prepare(t, e2e.Options{Routes: s.route.String(), Failpoints: true})
				b.Run([]string{fmt.Sprintf("BRIDGE_FAIL=%s@%d", point, n)})
				b.AwaitCrash()
				b.Restart()
				s.settle(t, b)
			})
		}
	}
}

// TestB1_EveryFailpointIsReached keeps the matrix whole: a point that nobody
// passes any more is crashed at in vain.
func TestB1_EveryFailpointIsReached(t *testing.T) {
	s := newStony(t)
	log := filepath.Join(t.TempDir(), "points")
	b := e2e.Prepare(t, e2e.Options{Routes: s.route.String(), Failpoints: true})
	b.Run([]string{"BRIDGE_FAIL_LOG=" + log})
	b.AwaitAlive()
	s.settle(t, b)
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	reached := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		reached[strings.TrimSpace(line)] = true
	}
	for _, point := range failpoint.All {
		if !reached[string(point)] {
			t.Errorf("no message passes %s", point)
		}
	}
}

// stony is traffic that takes every turn: more is missing than the window
// holds, so it is parked, and one message cannot be identified.
type stony struct {
	queue, topic string
	sent         []journal.Entry
	route        e2e.Route
}

func newStony(t *testing.T) *stony {
	t.Helper()
	s := &stony{queue: rig.Queue(t), topic: rig.Topic(t, 6)}
	s.sent = e2e.Publish(t, s.queue, stonyTraffic())
	rig.Publish(t, s.queue, amqp.Publishing{MessageId: "nameless", DeliveryMode: amqp.Persistent, Body: []byte("no key")})
	s.route = e2e.Route{Queues: []string{s.queue}, Topic: s.topic, Window: 200, Gap: "{ hold: 20ms }"}
	return s
}

func stonyTraffic() iter.Seq[journal.Message] {
	return journal.Traffic{Keys: 20, Displaced: 800, Repeated: 0.01, Size: 128, Messages: 2000, Seed: 5, NoID: true}.All()
}

// settle waits for the end and judges.
func (s *stony) settle(t *testing.T, b *e2e.Bridge) {
	t.Helper()
	e2e.Rest{Messages: distinct(s.sent), Loose: 1}.Await(b, settleTimeout)
	if dead := b.DeadLetters("orders"); len(dead) != 1 || dead[0].MessageID != "nameless" || dead[0].Reason != "key_missing" {
		t.Errorf("dead letters: %+v", dead)
	}
	stopped(t, b)
	emptied(t, s.queue)
	judge(t, journal.Outcome{Sent: s.sent, Got: e2e.Delivered(t, s.topic), Crashes: b.Crashes()})
}
