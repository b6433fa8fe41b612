package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// arrivals is traffic as a route by arrival gets it: in order, some of it twice.
func arrivals(t *testing.T, from, to e2e.Place) *load {
	t.Helper()
	l := &load{from: from, to: to, stop: make(chan struct{})}
	traffic := journal.Traffic{Keys: 50, Repeated: 0.01, Size: 256, Seed: 12, Messages: 10_000_000, Stop: l.stop}
	l.feed = e2e.StartFeed(t, []e2e.Place{from}, traffic.All(), 4000)
	return l
}

// killed kills the bridge some times while messages move.
func killed(t *testing.T, b *e2e.Bridge) {
	t.Helper()
	rng := rand.New(rand.NewPCG(2, 9))
	for range size(3, 6) {
		awaitDelivered(t, b, 1+rng.IntN(2500))
		b.Kill()
		b.Restart()
	}
}

// TestI1_I2_I3_Kill9ByArrival: without revisions each key leaves as it came, and
// what is delivered again after a crash is known by its id, but for what no
// checkpoint knows.
func TestI1_I2_I3_Kill9ByArrival(t *testing.T) {
	const ahead = 8
	atOnce(t, mostly(), func(t *testing.T, d direction) {
		l := arrivals(t, d.from(t), d.to(t))
		route := l.route()
		route.By, route.Order = "arrival", "key: header.key, max_ahead: 8"
		b := e2e.Start(t, e2e.Options{Routes: route.String()})
		killed(t, b)
		sent := l.settle(t, b)
		judge(t, journal.Outcome{Sent: sent, Got: e2e.Unrevised(t, l.to), Crashes: b.Crashes(), MaxAhead: ahead})
	})
}

// TestI1_Kill9Unordered: without an order all is there, and of what comes twice no
// more than was under way when the bridge was killed.
func TestI1_Kill9Unordered(t *testing.T) {
	atOnce(t, mostly(), func(t *testing.T, d direction) {
		l := arrivals(t, d.from(t), d.to(t))
		route := l.route()
		route.By, route.Window = "none", 500
		b := e2e.Start(t, e2e.Options{Routes: route.String()})
		killed(t, b)
		sent := l.settle(t, b)
		got := map[string]int{}
		n := 0
		for _, id := range ids(t, l.to) {
			got[id]++
			n++
		}
		want := map[string]bool{}
		for _, e := range sent {
			if want[e.ID] = true; got[e.ID] == 0 {
				t.Errorf("I1: %s was lost", e.ID)
			}
		}
		if most := len(want) + 500*b.Crashes(); n > most || len(got) > len(want) {
			t.Errorf("I3: %d messages for %d, %d different ones", n, len(want), len(got))
		}
		t.Logf("%d messages, %d twice, %d crashes", len(want), n-len(want), b.Crashes())
	})
}

// ids are the message ids of what is in a place.
func ids(t *testing.T, at e2e.Place) (all []string) {
	t.Helper()
	if at.IsTopic() {
		for _, r := range e2e.Records(t, at.String()) {
			all = append(all, e2e.Headers(r)["bridge-message-id"])
		}
		return all
	}
	for _, d := range e2e.Deliveries(t, at.String()) {
		all = append(all, d.MessageId)
	}
	return all
}

// settle ends the traffic and waits until all of it has settled.
func (l *load) settle(t *testing.T, b *e2e.Bridge) []journal.Entry {
	t.Helper()
	close(l.stop)
	sent := l.feed.End()
	e2e.Rest{Messages: distinct(sent)}.Await(b, settleTimeout)
	stopped(t, b)
	emptied(t, l.from)
	return sent
}

// TestStampedStreamIsRead: messages without revisions are numbered on their way to
// Kafka, and a second route puts them in order by these numbers, finds no gap and
// no conflict, though the bridge is killed under way.
func TestStampedStreamIsRead(t *testing.T) {
	from, between, to := aQueue(t), aTopic(t), e2e.Topic(rig.Topic(t, 3))
	l := arrivals(t, from, to)
	first := e2e.Route{Name: "first", From: []e2e.Place{from}, To: between, By: "arrival", Order: "key: header.key", Stamp: "revision"}
	second := e2e.Route{
		Name: "second", From: []e2e.Place{between}, To: to,
		Key: `header."bridge-key"`, Revision: `header."bridge-revision"`,
	}
	b := e2e.Start(t, e2e.Options{Routes: first.String() + second.String()})
	killed(t, b)
	close(l.stop)
	sent := l.feed.End()
	n := distinct(sent)
	b.Await("all of it to come through", settleTimeout, func() (string, bool) {
		got := map[string]bool{}
		for _, r := range e2e.Records(t, to.String()) {
			got[string(r.Key)+"/"+e2e.Headers(r)["revision"]] = true
		}
		return fmt.Sprint(len(got), " of ", n), len(got) == n
	})
	if dead := b.DeadLetters("second"); len(dead) > 0 {
		t.Errorf("dead letters: %+v", dead)
	}
	stopped(t, b)
	next := map[string]int{}
	for _, r := range e2e.Records(t, to.String()) {
		h := e2e.Headers(r)
		switch rev, err := strconv.Atoi(h["bridge-revision"]); {
		case err != nil:
			t.Fatal(err)
		case rev > next[h["bridge-key"]]+1:
			t.Errorf("I2: number %d of %s came when %d was the last", rev, h["bridge-key"], next[h["bridge-key"]])
		default:
			next[h["bridge-key"]] = max(rev, next[h["bridge-key"]])
		}
		if h["bridge-revision"] != h["revision"] { // the producer's, which no route looks at
			t.Errorf("%s has number %s as its %s", h["key"], h["bridge-revision"], h["revision"])
		}
	}
}
