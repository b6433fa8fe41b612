package e2e_test

import (
	"testing"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
)

// load is a route with traffic that flows until it is told to end, a little
// displaced and repeated.
type load struct {
	from, to e2e.Place
	feed     *e2e.Feed
	stop     chan struct{}
}

// underLoad starts the traffic in a direction.
func underLoad(t *testing.T, d direction, keys, rate int) *load {
	t.Helper()
	return underLoadFrom(t, d.from(t), d.to(t), keys, rate)
}

// underLoadFrom starts it between two places.
func underLoadFrom(t *testing.T, from, to e2e.Place, keys, rate int) *load {
	t.Helper()
	l := &load{from: from, to: to, stop: make(chan struct{})}
	traffic := journal.Traffic{
		Keys: keys, Displaced: 100, Repeated: 0.01, Size: 256, Seed: 11, Messages: 10_000_000, Stop: l.stop,
	}
	l.feed = e2e.StartFeed(t, []e2e.Place{from}, traffic.All(), rate)
	return l
}

func (l *load) route() e2e.Route {
	return e2e.Route{From: []e2e.Place{l.from}, To: l.to}
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
	emptied(t, l.from)
	o.Got = e2e.Delivered(t, l.to)
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
