package e2e_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// TestD8_TooLarge sends one message that the topic does not take. It becomes a
// dead letter without being tried again and again, its key waits for an operator,
// its successors are parked, and nobody else notices, not even those that went in
// the same batch.
func TestD8_TooLarge(t *testing.T) {
	t.Parallel()
	limit := "50000"
	queue, topic := rig.Queue(t), rig.TopicWith(t, 3, map[string]*string{"max.message.bytes": &limit})
	big := ordered("big", 2)
	big.Body = bytes.Repeat([]byte("x"), 60_000)
	rig.Publish(t, queue, ordered("big", 1), big, ordered("big", 3), ordered("big", 4))
	others := journal.Traffic{Keys: 50, Displaced: 20, Messages: 1000, Size: 128}
	sent := e2e.Publish(t, e2e.Queue(queue), others.All())
	b := e2e.Start(t, e2e.Options{Routes: e2e.Route{From: e2e.Queues(queue), To: e2e.Topic(topic)}.String()})
	e2e.Rest{Messages: len(sent) + 4, Dead: 1, Parked: 2}.Await(b, settleTimeout)
	d := byMessage(b.DeadLetters("orders"))["big/2"]
	if d.Reason != "too_large" || d.Class != "permanent" || !d.InOrder || d.Attempts != 1 || d.Revision == nil || *d.Revision != 2 {
		t.Errorf("%q %q, in order %v, %d attempts", d.Class, d.Reason, d.InOrder, d.Attempts)
	}
	byteForByte(t, d, big)
	if lane := b.Keys("orders")["big"]; lane.State != "quarantined" || lane.Parked != 2 {
		t.Errorf("the key is %s with %d parked, want quarantined with 2", lane.State, lane.Parked)
	}
	stopped(t, b)
	b.Restart() // and it is still so
	e2e.Rest{Messages: len(sent) + 4, Dead: 1, Parked: 2}.Await(b, settleTimeout)
	stopped(t, b)
	emptied(t, e2e.Queue(queue))
	wantRevisions(t, topic, "big", 1)
	got := slices.DeleteFunc(e2e.Delivered(t, e2e.Topic(topic)), func(e journal.Entry) bool { return e.Key == "big" })
	judge(t, journal.Outcome{Sent: sent, Got: got})
}
