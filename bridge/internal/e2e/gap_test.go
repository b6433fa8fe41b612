package e2e_test

import (
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// gapRoute starts a route whose gaps last a second.
func gapRoute(t *testing.T, then string) (b *e2e.Bridge, queue, topic string) {
	t.Helper()
	queue, topic = rig.Queue(t), rig.Topic(t, 1)
	route := e2e.Route{From: e2e.Queues(queue), To: e2e.Topic(topic), Gap: "{ hold: 50ms, timeout: 1s, then: " + then + " }"}
	return e2e.Start(t, e2e.Options{Routes: route.String()}), queue, topic
}

// awaitState waits until a key is in a state.
func awaitState(t *testing.T, b *e2e.Bridge, key, state string) {
	t.Helper()
	b.Await(key+" to be "+state, settleTimeout, func() (string, bool) {
		lane, ok := b.Keys("orders")[key]
		return lane.State, ok && lane.State == state
	})
}

// TestI2_GapFillsLate parks what follows a gap, and lets it go when the missing
// one comes. Other keys do not notice.
func TestI2_GapFillsLate(t *testing.T) {
	t.Parallel()
	b, queue, topic := gapRoute(t, "wait")
	rig.Publish(t, queue, ordered("a", 1), ordered("a", 3), ordered("a", 4), ordered("b", 1))
	e2e.Rest{Messages: 4, Parked: 2}.Await(b, settleTimeout)
	wantRevisions(t, topic, "a", 1)
	wantRevisions(t, topic, "b", 1)
	rig.Publish(t, queue, ordered("a", 2))
	e2e.Rest{Messages: 5}.Await(b, settleTimeout)
	wantRevisions(t, topic, "a", 1, 2, 3, 4)
	stopped(t, b)
}

// TestI2_GapWaits never gives a gap up, also not across a restart. A second
// route, where the same gap is quarantined, says when its time is over.
func TestI2_GapWaits(t *testing.T) {
	t.Parallel()
	queue, topic := rig.Queue(t), rig.Topic(t, 1)
	watch := e2e.Route{Name: "watch", From: e2e.Queues(rig.Queue(t)), To: e2e.Topic(rig.Topic(t, 1)), Gap: "{ hold: 50ms, timeout: 1s }"}
	route := e2e.Route{From: e2e.Queues(queue), To: e2e.Topic(topic), Gap: "{ hold: 50ms, timeout: 1s, then: wait }"}
	b := e2e.Start(t, e2e.Options{Routes: route.String() + watch.String()})
	for _, q := range []string{queue, watch.From[0].String()} {
		rig.Publish(t, q, ordered("a", 1), ordered("a", 3))
	}
	for range 2 {
		b.Await("the time to be over", settleTimeout, func() (string, bool) {
			state := b.Keys("watch")["a"].State
			return state, state == "gap_blocked"
		})
		e2e.Rest{Messages: 4, Parked: 2}.Await(b, settleTimeout)
		awaitState(t, b, "a", "gap")
		stopped(t, b)
		b.Restart()
	}
	for _, q := range []string{queue, watch.From[0].String()} {
		rig.Publish(t, q, ordered("a", 2))
	}
	e2e.Rest{Messages: 6}.Await(b, settleTimeout)
	wantRevisions(t, topic, "a", 1, 2, 3)
	stopped(t, b)
}

// TestI2_GapIsSkipped goes on without a revision and leaves a record. One that
// comes after all is a dead letter.
func TestI2_GapIsSkipped(t *testing.T) {
	t.Parallel()
	b, queue, topic := gapRoute(t, "skip")
	rig.Publish(t, queue, ordered("a", 1), ordered("a", 4), ordered("a", 5))
	e2e.Rest{Messages: 3}.Await(b, settleTimeout)
	if skips := b.Key("orders", "a").Skips; len(skips) != 1 || skips[0].From != 2 || skips[0].To != 3 || skips[0].By != "gap" {
		t.Errorf("skipped %+v, want 2 to 3", skips)
	}
	late := ordered("a", 3)
	rig.Publish(t, queue, late, ordered("a", 6))
	e2e.Rest{Messages: 4, Loose: 1}.Await(b, settleTimeout)
	d := byMessage(b.DeadLetters("orders"))["a/3"]
	if d.Reason != "late" || d.InOrder {
		t.Errorf("%q, in order %v; want late, loose", d.Reason, d.InOrder)
	}
	byteForByte(t, d, late)
	wantRevisions(t, topic, "a", 1, 4, 5, 6)
	stopped(t, b)
}

// TestI2_GapIsQuarantined holds a key back, survives a restart like that, and
// ends by itself when the missing one comes.
func TestI2_GapIsQuarantined(t *testing.T) {
	t.Parallel()
	b, queue, topic := gapRoute(t, "quarantine")
	rig.Publish(t, queue, ordered("a", 1), ordered("a", 3))
	awaitState(t, b, "a", "gap_blocked")
	rig.Publish(t, queue, ordered("a", 4), ordered("b", 1))
	e2e.Rest{Messages: 4, Parked: 2}.Await(b, settleTimeout)
	stopped(t, b)
	b.Restart()
	awaitState(t, b, "a", "gap_blocked")
	wantRevisions(t, topic, "a", 1)
	rig.Publish(t, queue, ordered("a", 2))
	e2e.Rest{Messages: 5}.Await(b, settleTimeout)
	wantRevisions(t, topic, "a", 1, 2, 3, 4)
	stopped(t, b)
}

// TestI2_Adopt starts keys that are mid-stream at the lowest revision that comes,
// and takes what comes below it later for late.
func TestI2_Adopt(t *testing.T) {
	t.Parallel()
	queue, topic := rig.Queue(t), rig.Topic(t, 1)
	route := e2e.Route{From: e2e.Queues(queue), To: e2e.Topic(topic), First: "adopt", Order: "adopt_after: 500ms"}
	b := e2e.Start(t, e2e.Options{Routes: route.String()})
	rig.Publish(t, queue, ordered("a", 42), ordered("a", 41), ordered("a", 43), ordered("b", 7))
	e2e.Rest{Messages: 4}.Await(b, settleTimeout)
	rig.Publish(t, queue, ordered("a", 40), ordered("a", 44))
	e2e.Rest{Messages: 5, Loose: 1}.Await(b, settleTimeout)
	if d := byMessage(b.DeadLetters("orders"))["a/40"]; d.Reason != "late" {
		t.Errorf("%q, want late", d.Reason)
	}
	wantRevisions(t, topic, "a", 41, 42, 43, 44)
	wantRevisions(t, topic, "b", 7)
	stopped(t, b)
}

// TestI2_KeyFromProperties, and the revision too.
func TestI2_KeyFromProperties(t *testing.T) {
	t.Parallel()
	queue, topic := rig.Queue(t), rig.Topic(t, 1)
	for _, rev := range []string{"2", "1", "3"} {
		rig.Publish(t, queue, amqp.Publishing{CorrelationId: "a", Type: rev, Body: []byte(rev)})
	}
	b := e2e.Start(t, e2e.Options{Routes: e2e.Route{
		From: e2e.Queues(queue), To: e2e.Topic(topic), Key: "property.correlation-id", Revision: "property.type",
	}.String()})
	e2e.Rest{Messages: 3}.Await(b, settleTimeout)
	wantRevisions(t, topic, "a", 1, 2, 3)
	stopped(t, b)
}

// TestI2_JoinedKeys keeps ("a", "b,c") and ("a,b", "c") apart.
func TestI2_JoinedKeys(t *testing.T) {
	t.Parallel()
	queue, topic := rig.Queue(t), rig.Topic(t, 1)
	for _, pair := range [][2]string{{"a", "b,c"}, {"a,b", "c"}} {
		for _, rev := range []int64{2, 1} {
			rig.Publish(t, queue, amqp.Publishing{Headers: amqp.Table{"tenant": pair[0], "order": pair[1], "revision": rev}})
		}
	}
	b := e2e.Start(t, e2e.Options{Routes: e2e.Route{
		From: e2e.Queues(queue), To: e2e.Topic(topic), Key: "[header.tenant, header.order]",
	}.String()})
	e2e.Rest{Messages: 4}.Await(b, settleTimeout)
	wantRevisions(t, topic, `["a","b,c"]`, 1, 2)
	wantRevisions(t, topic, `["a,b","c"]`, 1, 2)
	stopped(t, b)
}
