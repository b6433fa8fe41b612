package e2e_test

import (
	"context"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// TestA17_QueueAndTopicAreMissing starts a bridge before anybody made its queue
// and its topic. It names them, with the line to add, and goes on once they are
// there.
func TestA17_QueueAndTopicAreMissing(t *testing.T) {
	t.Parallel()
	queue, topic := rig.Name(t), rig.Name(t)
	b := e2e.Start(t, e2e.Options{Routes: e2e.Route{From: e2e.Queues(queue), To: e2e.Topic(topic)}.String()})
	b.AwaitUnready(notice, "target: ", topic, "does not exist", "declare")
	b.AwaitUnready(notice, queue, "does not exist", "declare")
	declare(t, queue)
	rig.Publish(t, queue, ordered("a", 1), ordered("a", 2))
	b.AwaitUnready(notice, "target: ", topic)
	create(t, topic)
	b.AwaitReady(recovery)
	e2e.Rest{Messages: 2}.Await(b, settleTimeout)
	wantRevisions(t, topic, "a", 1, 2)
	if dead := b.DeadLetters("orders"); len(dead) > 0 {
		t.Errorf("given up: %+v", dead)
	}
	stopped(t, b)
}

// TestA6_QueueIsDeletedAndMadeAgain deletes the queue while the bridge reads it, and
// makes it again. What was in it is gone with it; what comes after is moved.
func TestA6_QueueIsDeletedAndMadeAgain(t *testing.T) {
	t.Parallel()
	queue, topic := rig.Name(t), rig.Topic(t, 1)
	declare(t, queue)
	rig.Publish(t, queue, ordered("a", 1))
	b := e2e.Start(t, e2e.Options{Routes: e2e.Route{From: e2e.Queues(queue), To: e2e.Topic(topic)}.String()})
	e2e.Rest{Messages: 1}.Await(b, settleTimeout)
	if _, err := rig.Channel(t).QueueDelete(queue, false, false, false); err != nil {
		t.Fatal(err)
	}
	b.AwaitUnready(notice, "source: ", queue)
	declare(t, queue)
	b.AwaitReady(recovery)
	rig.Publish(t, queue, ordered("a", 2))
	e2e.Rest{Messages: 2}.Await(b, settleTimeout)
	wantRevisions(t, topic, "a", 1, 2)
	stopped(t, b)
}

// declare makes a queue with a given name, until the test ends.
func declare(t *testing.T, queue string) {
	t.Helper()
	if _, err := rig.Channel(t).QueueDeclare(queue, true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = rig.Channel(t).QueueDelete(queue, false, false, false) })
}

// create makes a topic with a given name, until the test ends.
func create(t *testing.T, topic string) {
	t.Helper()
	admin := kadm.NewClient(rig.Client(t))
	if _, err := admin.CreateTopic(t.Context(), 1, 1, nil, topic); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = admin.DeleteTopic(context.Background(), topic) })
}
