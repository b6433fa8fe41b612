package e2e_test

import (
	"os"
	"slices"
	"testing"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// TestI2_SecondInstance starts a bridge on the queue of another. It says so and
// touches nothing.
func TestI2_SecondInstance(t *testing.T) {
	for _, kind := range []string{"classic", "quorum"} {
		t.Run(kind, func(t *testing.T) {
			l := underLoadOn(t, rig.QueueWith(t, map[string]any{"x-queue-type": kind}), 50, 800)
			first := e2e.Start(t, e2e.Options{Routes: l.route().String()})
			awaitDelivered(t, first, 200)
			second := e2e.Start(t, e2e.Options{Routes: l.route().String()})
			second.AwaitUnready(notice, "state_elsewhere")
			awaitDelivered(t, first, 1000)
			m, _ := second.Metrics()
			if n := m.Sum("bridge_messages_received_total"); n != 0 {
				t.Errorf("the second one took %d messages", n)
			}
			second.AwaitUnready(notice, "state_elsewhere")
			accounted(t, second)
			stopped(t, second)
			l.end(t, first, journal.Outcome{})
		})
	}
}

// TestI2_StoreLost deletes the store between two runs. The bridge sees that it
// knows none of the keys and pauses instead of guessing; told to adopt what is
// there, it goes on.
func TestI2_StoreLost(t *testing.T) {
	queue, topic := rig.Queue(t), rig.Topic(t, 6)
	before := journal.Traffic{Keys: 100, Displaced: 20, Messages: 500, Size: 64}
	after := before
	after.Messages = 1500
	sent := e2e.Publish(t, queue, before.All())
	dir := t.TempDir() + "/store"
	route := e2e.Route{Queues: []string{queue}, Topic: topic, Gap: "{ hold: 50ms, timeout: 1s }"}
	b := e2e.Start(t, e2e.Options{Routes: route.String(), Dir: dir})
	e2e.Rest{Messages: len(sent)}.Await(b, settleTimeout)
	stopped(t, b)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	more := e2e.Publish(t, queue, func(yield func(journal.Message) bool) {
		for m := range after.All() { // the same, and then the rest of it
			if !slices.Contains(sent, m.Entry()) && !yield(m) {
				return
			}
		}
	})
	b.Restart()
	b.AwaitUnready(notice, "no_state", "--adopt-once")
	accounted(t, b)
	stopped(t, b)
	b.Restart("--adopt-once")
	e2e.Rest{Messages: len(more)}.Await(b, settleTimeout)
	stopped(t, b)
	emptied(t, queue)
	judge(t, journal.Outcome{Sent: append(sent, more...), Got: e2e.Delivered(t, topic)})
}

// TestB7_OneBridgePerStore starts a second bridge on a store that is in use. It
// refuses, and the first one does not notice.
func TestB7_OneBridgePerStore(t *testing.T) {
	l := underLoad(t, 50, 800)
	dir := t.TempDir() + "/store"
	first := e2e.Start(t, e2e.Options{Routes: l.route().String(), Dir: dir})
	second := e2e.Prepare(t, e2e.Options{Routes: l.route().String(), Dir: dir})
	second.Run(nil)
	if !second.Wait(notice) || second.Code() != 3 {
		t.Fatalf("the second one: running %v, want it ended with 3", second.Running())
	}
	awaitDelivered(t, first, 200)
	l.end(t, first, journal.Outcome{})
}
