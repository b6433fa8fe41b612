package e2e_test

import (
	"testing"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// load is a route with traffic that flows until it is told to end, a little
// displaced and repeated.
type load struct {
	queue, topic string
	feed         *e2e.Feed
	stop         chan struct{}
}

// underLoad starts the traffic.
func underLoad(t *testing.T, keys, rate int) *load {
	t.Helper()
	return underLoadOn(t, rig.Queue(t), keys, rate)
}

// underLoadOn starts it on a queue.
func underLoadOn(t *testing.T, queue string, keys, rate int) *load {
	t.Helper()
	l := &load{queue: queue, topic: rig.Topic(t, 6), stop: make(chan struct{})}
	traffic := journal.Traffic{
		Keys: keys, Displaced: 100, Repeated: 0.01, Size: 256, Seed: 11, Messages: 10_000_000, Stop: l.stop,
	}
	l.feed = e2e.StartFeed(t, []string{l.queue}, traffic.All(), rate)
	return l
}

func (l *load) route() e2e.Route {
	return e2e.Route{Queues: []string{l.queue}, Topic: l.topic}
}

// end ends the traffic, waits until all of it has settled, stops the bridge and
// judges.
func (l *load) end(t *testing.T, b *e2e.Bridge, o journal.Outcome) {
	t.Helper()
	close(l.stop)
	o.Sent = l.feed.End()
	n := distinct(o.Sent)
	e2e.Rest{Messages: n}.Await(b, settleTimeout)
	stopped(t, b)
	emptied(t, l.queue)
	o.Got = e2e.Delivered(t, l.topic)
	judge(t, o)
	t.Logf("%d messages, %d of them twice, %d crashes", n, len(o.Got)-n, o.Crashes)
}

// awaitDelivered waits until so many more messages have been delivered.
func awaitDelivered(t *testing.T, b *e2e.Bridge, more int) {
	t.Helper()
	from := int64(-1)
	b.Await("messages to move", settleTimeout, func() (string, bool) {
		m, ok := b.Metrics()
		if !ok || !m.Has("bridge_messages_delivered_total") {
			return "no metrics", false
		}
		now := m.Sum("bridge_messages_delivered_total")
		if from < 0 {
			from = now
		}
		return e2e.Describe(m), now >= from+int64(more)
	})
}
