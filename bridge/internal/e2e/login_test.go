package e2e_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// TestE1_RotatedPassword changes the password of RabbitMQ's user under load. The
// route that logs in with it says why it stands still, another goes on, and with
// the new file it goes on by itself: nothing is lost, no try is spent, and no
// password is written anywhere.
func TestE1_RotatedPassword(t *testing.T) {
	t.Parallel()
	user := rig.NewUser(t, rig.Rights{Write: ".*", Read: ".*"})
	l := underLoadFrom(t, aQueue(t), aTopic(t), 50, 800)
	from, to := aTopic(t), aTopic(t)
	other := e2e.Route{Name: "other", From: []e2e.Place{from}, To: to}
	b := e2e.Start(t, e2e.Options{AMQP: user.URL(t, "amqp", ""), Routes: l.route().String() + other.String()})
	awaitDelivered(t, b, 200)
	user.Change(t, "another-hunter2")
	b.AwaitUnready(notice, "orders", "login refused")
	sent := e2e.Publish(t, from, journal.Traffic{Keys: 10, Messages: 500, Size: 64, Seed: 3}.All())
	b.Await("the other route to go on", notice, func() (string, bool) {
		n := len(e2e.Delivered(t, to))
		return "", n == len(sent)
	})
	user.Write(t, "another-hunter2")
	awaitDelivered(t, b, 500)
	log := b.Log()
	if strings.Contains(log, "hunter2") || strings.Contains(log, "secret@") {
		t.Error("a password is in the log")
	}
	close(l.stop)
	all := l.feed.End()
	e2e.Rest{Messages: distinct(all) + distinct(sent)}.Await(b, settleTimeout)
	stopped(t, b)
	emptied(t, l.from)
	judge(t, journal.Outcome{Sent: all, Got: e2e.Delivered(t, l.to)})
}

// TestA8_ConsumerTimeout has RabbitMQ end each channel that holds a message for two
// seconds. What waits for a gap, or behind a dead letter, is parked long before, so
// that never happens.
func TestA8_ConsumerTimeout(t *testing.T) {
	limit := "50000"
	queue, topic := rig.Queue(t), rig.TopicWith(t, 1, map[string]*string{"max.message.bytes": &limit})
	// This test does not run beside others, which would meet it, too.
	rig.Erlang(t, "application:set_env(rabbit, consumer_timeout, 2000), application:set_env(rabbit, channel_tick_interval, 500)")
	t.Cleanup(func() {
		rig.Erlang(t, "application:set_env(rabbit, consumer_timeout, 1800000), application:set_env(rabbit, channel_tick_interval, 60000)")
	})
	big := ordered("big", 2)
	big.Body = bytes.Repeat([]byte("x"), 60_000)
	rig.Publish(t, queue, ordered("gap", 1), ordered("gap", 3), ordered("big", 1), big, ordered("big", 3))
	b := e2e.Start(t, e2e.Options{Routes: e2e.Route{From: e2e.Queues(queue), To: e2e.Topic(topic)}.String()})
	e2e.Rest{Messages: 5, Dead: 1, Parked: 2}.Await(b, settleTimeout)
	time.Sleep(4 * time.Second)
	if log := b.Log(); strings.Contains(log, "delivery acknowledgement") || strings.Contains(log, "does not deliver") {
		t.Errorf("RabbitMQ has ended a channel:\n%s", log)
	}
	rig.Publish(t, queue, ordered("gap", 2))
	e2e.Rest{Messages: 6, Dead: 1, Parked: 1}.Await(b, settleTimeout)
	wantRevisions(t, topic, "gap", 1, 2, 3)
	stopped(t, b)
	emptied(t, e2e.Queue(queue))
}
