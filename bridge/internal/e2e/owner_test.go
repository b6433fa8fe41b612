package e2e_test

import (
	"os"
	"slices"
	"testing"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// TestI2_SecondInstance starts a bridge on the source of another. It says so and
// touches nothing.
func TestI2_SecondInstance(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]func(testing.TB) e2e.Place{
		"classic queue": func(t testing.TB) e2e.Place {
			return e2e.Queue(rig.QueueWith(t, map[string]any{"x-queue-type": "classic"}))
		},
		"quorum queue": func(t testing.TB) e2e.Place {
			return e2e.Queue(rig.QueueWith(t, map[string]any{"x-queue-type": "quorum"}))
		},
		"topic": aTopic,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := underLoadFrom(t, source(t), aTopic(t), 50, 800)
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
// there, it goes on. With a topic it sees already that the offset of the group is
// not its own.
func TestI2_StoreLost(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		from func(testing.TB) e2e.Place
		says []string // in turn, what /readyz says
		told []string // in turn, what the bridge is told then
	}{
		{"queue", aQueue, []string{"no_state"}, []string{"--adopt-once"}},
		{"topic", aTopic, []string{"state_elsewhere", "no_state"}, []string{"--accept-offset", "--adopt-once"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			from, to := c.from(t), aTopic(t)
			before := journal.Traffic{Keys: 100, Displaced: 20, Messages: 500, Size: 64}
			after := before
			after.Messages = 1500
			sent := e2e.Publish(t, from, before.All())
			dir := t.TempDir() + "/store"
			route := e2e.Route{From: []e2e.Place{from}, To: to, Gap: "{ hold: 50ms, timeout: 1s }"}
			b := e2e.Start(t, e2e.Options{Routes: route.String(), Dir: dir})
			e2e.Rest{Messages: len(sent)}.Await(b, settleTimeout)
			stopped(t, b)
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
			more := e2e.Publish(t, from, func(yield func(journal.Message) bool) {
				for m := range after.All() { // the same, and then the rest of it
					if !slices.Contains(sent, m.Entry()) && !yield(m) {
						return
					}
				}
			})
			b.Restart()
			for i, told := range c.told {
				b.AwaitUnready(2*notice, c.says[i], told) // Kafka knows the old member for half a minute
				accounted(t, b)
				stopped(t, b)
				b.Restart(told)
			}
			e2e.Rest{Messages: len(more)}.Await(b, settleTimeout)
			stopped(t, b)
			emptied(t, from)
			judge(t, journal.Outcome{Sent: append(sent, more...), Got: e2e.Delivered(t, to)})
		})
	}
}

// TestB7_OneBridgePerStore starts a second bridge on a store that is in use. It
// refuses, and the first one does not notice.
func TestB7_OneBridgePerStore(t *testing.T) {
	t.Parallel()
	l := underLoad(t, rabbitToKafka, 50, 800)
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
