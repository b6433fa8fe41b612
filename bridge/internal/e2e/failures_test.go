package e2e_test

import (
	"bytes"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
	"github.com/brokerbridge/bridge/bridge/internal/faultnet"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// behindDoor is a RabbitMQ that the bridge reaches through a door. The traffic of
// the test does not go through it.
func behindDoor(t *testing.T) (door *faultnet.Door, addr string) {
	t.Helper()
	u, err := url.Parse(rig.AMQP(t))
	if err != nil {
		t.Fatal(err)
	}
	door = faultnet.NewDoor(t, u.Host)
	u.Host = door.Addr()
	return door, u.String()
}

// TestC2_TargetIsDown keeps the target away for a while under load. No try is
// spent, nothing is given up, RabbitMQ is not hammered, and the backlog drains by
// itself.
func TestC2_TargetIsDown(t *testing.T) {
	t.Parallel()
	door, addr := behindDoor(t)
	l := underLoad(t, kafkaToRabbit, 100, 500)
	b := e2e.Start(t, e2e.Options{Routes: l.route().String(), AMQP: addr})
	awaitDelivered(t, b, 300)
	door.Shut()
	b.AwaitUnready(notice, "target: ")
	before := door.Knocks()
	down := time.Duration(size(15, 120)) * time.Second
	time.Sleep(down)
	if n, most := door.Knocks()-before, int(down.Seconds()); n == 0 || n > most {
		t.Errorf("I5: RabbitMQ was tried %d times in %v, want 1 to %d", n, down, most)
	}
	m, ok := b.Metrics()
	if n := m.Sum("bridge_attempts_total", "outcome=failed"); !ok || n != 0 {
		t.Errorf("an outage spent %d attempts", n)
	}
	if n := m.Sum("bridge_dead_letter_messages"); n != 0 {
		t.Errorf("%d messages were given up", n)
	}
	door.Open()
	b.AwaitReady(recovery)
	l.end(t, b, journal.Outcome{Crashes: 1})
}

// TestC3_Flapping opens and shuts the way to the target every second.
func TestC3_Flapping(t *testing.T) {
	t.Parallel()
	door, addr := behindDoor(t)
	l := underLoad(t, kafkaToRabbit, 100, 500)
	b := e2e.Start(t, e2e.Options{Routes: l.route().String(), AMQP: addr})
	awaitDelivered(t, b, 300)
	flaps := size(5, 20)
	for range flaps {
		door.Shut()
		time.Sleep(time.Second)
		door.Open()
		time.Sleep(time.Second)
	}
	if dead := b.DeadLetters("orders"); len(dead) > 0 {
		t.Errorf("given up: %+v", dead)
	}
	l.end(t, b, journal.Outcome{Crashes: flaps})
}

// TestD1_PoisonFlood sends nothing but what the topic does not take. The route
// stops before it has poured its source into the dead letters, and goes on when
// told to.
func TestD1_PoisonFlood(t *testing.T) {
	limit := "5000"
	from, topic := rig.Queue(t), rig.TopicWith(t, 3, map[string]*string{"max.message.bytes": &limit})
	n := size(10_000, 50_000)
	sent := e2e.Publish(t, e2e.Queue(from), func(yield func(journal.Message) bool) {
		body := bytes.Repeat([]byte("x"), 6000)
		for i := range n {
			if !yield(journal.Message{Key: fmt.Sprintf("k%05d", i), Rev: 1, ID: fmt.Sprint(i), Body: body}) {
				return
			}
		}
	})
	route := e2e.Route{From: e2e.Queues(from), To: e2e.Topic(topic), Rest: `dead_letter: { stop_after: "25 of 100" }`}
	b := e2e.Start(t, e2e.Options{Routes: route.String()})
	b.AwaitUnready(notice, "stop_after", "bridge dlq ls")
	accounted(t, b)
	m, _ := b.Metrics()
	dead := m.Sum("bridge_dead_letter_messages")
	t.Logf("%d of %d messages are dead letters", dead, n)
	if dead < 25 || dead > 2500 {
		t.Errorf("%d dead letters, want about 25", dead)
	}
	allow(t, topic, "1000000")
	b.Must("routes", "resume", "orders", "--reason", "the topic takes them now")
	b.AwaitReady(recovery)
	e2e.Rest{Messages: len(sent), Dead: int(dead)}.Await(b, settleTimeout)
	stopped(t, b)
	emptied(t, e2e.Queue(from))
}

// TestI6_HotPoisonKey gives one key a message that the topic does not take, and
// then a third of all traffic. It waits in the store; the others do not notice.
func TestI6_HotPoisonKey(t *testing.T) {
	limit := "50000"
	from, topic := e2e.Queue(rig.Queue(t)), e2e.Topic(rig.TopicWith(t, 3, map[string]*string{"max.message.bytes": &limit}))
	poison := e2e.Publish(t, from, withLarge("poison", 2))
	l := underLoadFrom(t, from, topic, 100, 800)
	hot := e2e.StartFeed(t, []e2e.Place{from}, func(yield func(journal.Message) bool) {
		for rev := int64(3); ; rev++ {
			select {
			case <-l.stop:
				return
			default:
			}
			if !yield(journal.Message{Key: "poison", Rev: rev, ID: fmt.Sprint("poison/", rev), Body: []byte("behind")}) {
				return
			}
		}
	}, 400)
	b := e2e.Start(t, e2e.Options{Routes: l.route().String()})
	awaitDelivered(t, b, 1000)
	keepsUp(t, b, l, time.Duration(size(5, 10))*time.Second)
	close(l.stop)
	sent := l.feed.End()
	behind := len(hot.End())
	n := distinct(sent)
	e2e.Rest{Messages: n + len(poison) + behind, Dead: 1, Parked: behind}.Await(b, settleTimeout)
	stopped(t, b)
	emptied(t, from)
	got := e2e.Delivered(t, topic)
	judge(t, journal.Outcome{Sent: append(sent, poison[0]), Got: got})
}
