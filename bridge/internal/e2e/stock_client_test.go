package e2e_test

import (
	"maps"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// stockWays have each end on Watermill's stock client for RabbitMQ or Kafka.
var stockWays = []direction{rabbitToKafka, kafkaToRabbit}

// TestStockClient_Shuffled moves displaced and repeated messages with client:
// watermill on both ends. Nothing may come twice: no crash happens. What comes
// before its turn is parked at once, whatever the file says (W9).
func TestStockClient_Shuffled(t *testing.T) {
	atOnce(t, stockWays, func(t *testing.T, d direction) {
		from, to := d.from(t), d.to(t)
		traffic := journal.Traffic{Keys: 50, Displaced: 200, Repeated: 0.01, Seed: 7, Messages: size(1500, 15_000)}
		sent := e2e.Publish(t, from, traffic.All())
		route := e2e.Route{From: []e2e.Place{from}, To: to, Gap: "{ hold: 10m, timeout: 20m }"}
		b := e2e.Start(t, e2e.Options{Routes: route.String(), Client: "watermill"})
		n := distinct(sent)
		m := e2e.Rest{Messages: n}.Await(b, settleTimeout)
		if copies := m.Sum("bridge_messages_duplicates_total"); copies != int64(len(sent)-n) {
			t.Errorf("%d duplicates counted, %d were sent", copies, len(sent)-n)
		}
		if m.Sum("bridge_messages_parked_total") == 0 {
			t.Error("nothing was parked")
		}
		accounted(t, b)
		stopped(t, b)
		emptied(t, from)
		judge(t, journal.Outcome{Sent: sent, Got: stockDelivered(t, to)})
	})
}

// TestStockClient_Kill9 kills the bridge under load, at moments nobody chose: with
// client: watermill on both ends nothing is lost, the order is kept, and only what
// was published and not yet checkpointed comes again.
func TestStockClient_Kill9(t *testing.T) {
	const ahead = 8
	atOnce(t, stockWays, func(t *testing.T, d direction) {
		l := underLoad(t, d, 50, 200)
		route := l.route()
		route.Order = "max_ahead: 8"
		b := e2e.Start(t, e2e.Options{Routes: route.String(), Client: "watermill"})
		rng := rand.New(rand.NewPCG(1, 9))
		for range size(3, 8) {
			awaitDelivered(t, b, 1+rng.IntN(300))
			b.Kill()
			b.Restart()
		}
		close(l.stop)
		o := journal.Outcome{Sent: l.feed.End(), Crashes: b.Crashes(), MaxAhead: ahead}
		n := distinct(o.Sent)
		e2e.Rest{Messages: n}.Await(b, settleTimeout)
		stopped(t, b)
		emptied(t, l.from)
		o.Got = stockDelivered(t, l.to)
		judge(t, o)
		t.Logf("%d messages, %d of them twice, %d crashes", n, len(o.Got)-n, o.Crashes)
	})
}

// TestStockClient_ConnectionIsCut cuts the connections to RabbitMQ under load. The
// client connects again by itself; what was on its way then comes once more.
func TestStockClient_ConnectionIsCut(t *testing.T) {
	const ahead, cuts = 8, 4
	atOnce(t, stockWays, func(t *testing.T, d direction) {
		door, addr := behindDoor(t)
		l := underLoad(t, d, 50, 200)
		route := l.route()
		route.Order = "max_ahead: 8"
		b := e2e.Start(t, e2e.Options{Routes: route.String(), Client: "watermill", AMQP: addr})
		rng := rand.New(rand.NewPCG(2, 9))
		for range cuts {
			awaitDelivered(t, b, 1+rng.IntN(200))
			door.Shut()
			door.Open()
		}
		b.AwaitReady(recovery)
		close(l.stop)
		o := journal.Outcome{Sent: l.feed.End(), Crashes: cuts, MaxAhead: ahead}
		e2e.Rest{Messages: distinct(o.Sent)}.Await(b, settleTimeout)
		stopped(t, b)
		emptied(t, l.from)
		o.Got = stockDelivered(t, l.to)
		judge(t, o)
	})
}

// TestStockClient_QueueIsDeletedAndMadeAgain: W2, the client says nothing of what no
// queue takes. The bridge notices, waits, and delivers what had not counted.
func TestStockClient_QueueIsDeletedAndMadeAgain(t *testing.T) {
	t.Parallel()
	from, queue := aTopic(t), rig.Name(t)
	declare(t, queue)
	traffic := journal.Traffic{Keys: 5, Messages: 20, Seed: 3}
	first := e2e.Publish(t, from, traffic.All())
	route := e2e.Route{From: []e2e.Place{from}, To: e2e.Queue(queue)}
	b := e2e.Start(t, e2e.Options{Routes: route.String(), Client: "watermill"})
	e2e.Rest{Messages: distinct(first)}.Await(b, settleTimeout)
	got := stockDelivered(t, e2e.Queue(queue))
	if _, err := rig.Channel(t).QueueDelete(queue, false, false, false); err != nil {
		t.Fatal(err)
	}
	traffic.Keys, traffic.Seed = 7, 4
	second := relabelled(traffic)
	sent := append(first, e2e.Publish(t, from, second)...)
	b.AwaitUnready(notice, "target: ", queue, "does not exist")
	declare(t, queue)
	e2e.Rest{Messages: distinct(sent)}.Await(b, settleTimeout)
	stopped(t, b)
	got = append(got, stockDelivered(t, e2e.Queue(queue))...)
	judge(t, journal.Outcome{Sent: sent, Got: got})
}

// relabelled is traffic about other keys.
func relabelled(traffic journal.Traffic) func(func(journal.Message) bool) {
	return func(yield func(journal.Message) bool) {
		for m := range traffic.All() {
			m.Key, m.ID = "other-"+m.Key, "other-"+m.ID
			if !yield(m) {
				return
			}
		}
	}
}

// stockDelivered is the journal of what the stock client has written to a place.
func stockDelivered(t *testing.T, from e2e.Place) []journal.Entry {
	t.Helper()
	if from.IsTopic() {
		return e2e.Delivered(t, from)
	}
	var all []journal.Entry
	for _, d := range e2e.Deliveries(t, from.String()) {
		all = append(all, textEntry(t, &d))
	}
	return all
}

// textEntry is a delivery as a line. All its headers are texts, and those of the
// bridge are among them, beside the property and Watermill's own id.
func textEntry(t *testing.T, d *amqp091.Delivery) journal.Entry {
	t.Helper()
	h := map[string]string{}
	for name, v := range d.Headers {
		text, ok := v.(string)
		if !ok {
			t.Errorf("header %q is no text, but %#v", name, v)
		}
		h[name] = text
	}
	rev, err := strconv.ParseInt(h["bridge-revision"], 10, 64)
	id := h["bridge-message-id"]
	if err != nil || h["revision"] != h["bridge-revision"] || h["key"] != h["bridge-key"] || h["bridge-hops"] != "1" ||
		id == "" || d.MessageId != id || h["_watermill_message_uuid"] != id {
		t.Errorf("a message with the id %q has the headers %q", d.MessageId, h)
	}
	e := journal.Entry{Key: h["bridge-key"], Rev: rev, ID: id}
	maps.DeleteFunc(h, func(name, _ string) bool {
		return name == "key" || name == "revision" || name == "_watermill_message_uuid" || strings.HasPrefix(name, "bridge-")
	})
	e.Print = journal.Print(d.Body, h)
	return e
}
