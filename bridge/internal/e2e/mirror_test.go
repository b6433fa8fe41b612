package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// TestI1_Mirror copies dead letters to a topic while the bridge is killed. Each is
// there at least once, with its story, and is in the store all the same.
func TestI1_Mirror(t *testing.T) {
	t.Parallel()
	limit := "50000"
	from, to := rig.Queue(t), rig.TopicWith(t, 3, map[string]*string{"max.message.bytes": &limit})
	mirror := rig.Topic(t, 3)
	keys := size(40, 400)
	e2e.Publish(t, e2e.Queue(from), eachWithLarge(keys, 2))
	route := e2e.Route{
		From: e2e.Queues(from), To: e2e.Topic(to),
		Rest: fmt.Sprintf("dead_letter: { to: { broker: lake, topic: %q } }", mirror),
	}
	b := e2e.Prepare(t, e2e.Options{Routes: route.String()})
	b.Run(nil)
	rng := rand.New(rand.NewPCG(4, 9))
	for range size(3, 6) {
		time.Sleep(time.Duration(rng.IntN(600)) * time.Millisecond)
		_ = b.Signal(syscall.SIGKILL)
		b.AwaitCrash()
		b.Run(nil)
	}
	b.AwaitAlive()
	e2e.Rest{Messages: 2 * keys, Dead: keys}.Await(b, settleTimeout)
	var copies map[string]int
	b.Await("the copies", settleTimeout, func() (string, bool) {
		copies = map[string]int{}
		for _, r := range e2e.Records(t, mirror) {
			h := e2e.Headers(r)
			if h["bridge-dlq-reason"] != "too_large" || h["bridge-dlq-route"] != "orders" || len(r.Value) != 60_000 {
				t.Fatalf("a copy of %d bytes with the headers %v", len(r.Value), h)
			}
			copies[string(r.Key)+"/"+h["bridge-message-id"]]++
		}
		return fmt.Sprint(len(copies), " of ", keys), len(copies) == keys
	})
	twice := 0
	for id, n := range copies {
		twice += n - 1
		if n > 1+b.Crashes() {
			t.Errorf("I3: %s was copied %d times", id, n)
		}
		if key, _, _ := strings.Cut(id, "/"); !strings.HasPrefix(key, "k") {
			t.Errorf("a copy has the record key %q", key)
		}
	}
	t.Logf("%d dead letters, %d copied twice, %d crashes", len(copies), twice, b.Crashes())
	stopped(t, b)
}

// TestA9_RefusedByRights starts a bridge that has no right to write. Nobody's
// message is to blame: none is given up, and all goes on when the right is there.
func TestA9_RefusedByRights(t *testing.T) {
	t.Parallel()
	name := strings.ToLower(rig.Name(t))
	name = name[max(0, len(name)-20):]
	rig.Brokers(t, "ctl", "add_user", name, "secret")
	t.Cleanup(func() { rig.Brokers(t, "ctl", "delete_user", name) })
	rights := func(write string) { rig.Brokers(t, "ctl", "set_permissions", name, ".*", write, ".*") }
	rights("^$")
	addr := strings.Replace(rig.AMQP(t), "guest:guest@", name+":secret@", 1)
	l := underLoad(t, kafkaToRabbit, 50, 300)
	b := e2e.Start(t, e2e.Options{Routes: l.route().String(), AMQP: addr})
	b.AwaitUnready(notice, "target: ", "ACCESS_REFUSED")
	m, _ := b.Metrics()
	if n := m.Sum("bridge_dead_letter_messages") + m.Sum("bridge_messages_delivered_total"); n != 0 {
		t.Errorf("%d messages were given up or got through", n)
	}
	rights(".*")
	b.AwaitReady(recovery)
	l.end(t, b, journal.Outcome{Crashes: 1})
}
