package e2e_test

import (
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// TestI6_TargetDownElsewhere runs two routes in one process. The target of one
// refuses everything; the other moves what it is offered as if it were alone.
// Both are offered a part of what this machine can do.
func TestI6_TargetDownElsewhere(t *testing.T) {
	for _, c := range []struct {
		name string
		to   func(testing.TB) e2e.Place
	}{
		{"a queue that is full", fullQueue},
		{"a topic that is missing", func(t testing.TB) e2e.Place { return e2e.Topic(rig.Name(t)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			healthy := underLoad(t, rabbitToKafka, 100, 1000)
			other := underLoadFrom(t, aTopic(t), c.to(t), 100, 1000)
			blocked := other.route()
			blocked.Name = "blocked"
			b := e2e.Start(t, e2e.Options{Routes: healthy.route().String() + blocked.String()})
			awaitDelivered(t, b, 500)
			b.AwaitUnready(notice, "blocked")
			keepsUp(t, b, healthy, time.Duration(size(5, 10))*time.Second)
			if n := routeCount(t, b, "bridge_messages_delivered_total", "blocked"); n != 0 {
				t.Errorf("%d messages reached a target that takes none", n)
			}
			if n := routeCount(t, b, "bridge_dead_letter_messages", "blocked"); n != 0 {
				t.Errorf("%d messages were given up because the target is away", n)
			}
			close(other.stop)
			other.feed.End()
			close(healthy.stop)
			sent := healthy.feed.End()
			b.Await("the healthy route to be done", settleTimeout, func() (string, bool) {
				n := routeCount(t, b, "bridge_messages_delivered_total", "orders")
				return e2e.Describe(nil), n == int64(distinct(sent))
			})
			stopped(t, b)
			judge(t, journal.Outcome{Sent: sent, Got: e2e.Delivered(t, healthy.to)})
		})
	}
}

// keepsUp checks that a route delivers at least 95 % of what it is sent in a
// while.
func keepsUp(t *testing.T, b *e2e.Bridge, l *load, while time.Duration) {
	t.Helper()
	const name = "bridge_messages_delivered_total"
	sent, got := l.feed.Sent(), routeCount(t, b, name, "orders")
	time.Sleep(while)
	sent, got = l.feed.Sent()-sent, routeCount(t, b, name, "orders")-got
	t.Logf("%d sent, %d delivered in %v", sent, got, while)
	if float64(got) < 0.95*0.99*float64(sent) { // a hundredth of what is sent are copies
		t.Errorf("I6: %d of %d messages were delivered beside a route whose target is away", got, sent)
	}
}

func routeCount(t *testing.T, b *e2e.Bridge, metric, route string) int64 {
	t.Helper()
	m, ok := b.Metrics()
	if !ok {
		t.Fatal("the bridge does not answer")
	}
	return m.Sum(metric, "route="+route)
}

// fullQueue refuses whatever is published to it.
func fullQueue(t testing.TB) e2e.Place {
	queue := rig.QueueWith(t, amqp.Table{"x-max-length": int64(1), "x-overflow": "reject-publish"})
	rig.Publish(t, queue, amqp.Publishing{Body: []byte("the only one")})
	return e2e.Queue(queue)
}
