package e2e

import (
	"context"
	"errors"
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// Place is where a route reads or writes: a queue of RabbitMQ, which the
// topology calls shop, or a topic of Kafka, which it calls lake.
type Place struct {
	queue, topic  string
	exchange, key string // of a target
}

// Queue is a queue as a place.
func Queue(name string) Place { return Place{queue: name} }

// Topic is a topic as a place.
func Topic(name string) Place { return Place{topic: name} }

// Exchange is an exchange as a target; key is its routing key, as a route says it.
func Exchange(name, key string) Place { return Place{exchange: name, key: key} }

// Queues are several places at once.
func Queues(names ...string) []Place {
	var all []Place
	for _, name := range names {
		all = append(all, Queue(name))
	}
	return all
}

// IsTopic reports whether it is one, and not a queue.
func (p Place) IsTopic() bool { return p.topic != "" }

// String is the name of the queue, topic or exchange.
func (p Place) String() string { return p.queue + p.topic + p.exchange }

// yaml is the place as a route says it.
func (p Place) yaml() string {
	switch {
	case p.IsTopic():
		return fmt.Sprintf("broker: lake, topic: %q", p.topic)
	case p.exchange != "":
		return fmt.Sprintf("broker: shop, exchange: %q, routing_key: %s", p.exchange, p.key)
	}
	return fmt.Sprintf("broker: shop, queue: %q", p.queue)
}

// source is the place as a route reads it. A topic is read in a group of its
// own: those of several tests would wait for each other's members.
func (p Place) source() string {
	if p.IsTopic() {
		return fmt.Sprintf("%s, group: %q", p.yaml(), p.topic)
	}
	return p.yaml()
}

// Publish sends all messages and returns their journal.
func Publish(t testing.TB, to Place, msgs func(func(journal.Message) bool)) []journal.Entry {
	t.Helper()
	return StartFeed(t, []Place{to}, msgs, 0).End()
}

// Delivered is the journal of what is in a place at this moment, and checks what the
// bridge says there of key and revision. A queue is emptied by it.
func Delivered(t testing.TB, from Place) []journal.Entry {
	t.Helper()
	return delivered(t, from, true)
}

// Unrevised is Delivered for a route that knows no revisions.
func Unrevised(t testing.TB, from Place) []journal.Entry {
	t.Helper()
	return delivered(t, from, false)
}

func delivered(t testing.TB, from Place, told bool) []journal.Entry {
	t.Helper()
	var all []journal.Entry
	note := func(h map[string]string, body []byte) {
		if told {
			checkTold(t, h)
		}
		all = append(all, entry(t, h, body))
	}
	if from.IsTopic() {
		for _, r := range Records(t, from.topic) {
			h := Headers(r)
			if key := h["key"]; string(r.Key) != key {
				t.Errorf("a record has the key %q, want %q", r.Key, key)
			}
			note(h, r.Value)
		}
		return all
	}
	for _, d := range Deliveries(t, from.queue) {
		note(ofDelivery(t, &d), d.Body)
	}
	return all
}

// Left is how many messages a bridge that read a place has not acknowledged.
func Left(t testing.TB, from Place) int {
	t.Helper()
	if !from.IsTopic() {
		return rig.Depth(t, from.queue)
	}
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	admin := kadm.NewClient(rig.Client(t))
	ends, err := admin.ListEndOffsets(ctx, from.topic)
	if err = errors.Join(err, ends.Error()); err != nil {
		t.Fatalf("ask for the end of %q: %v", from.topic, err)
	}
	committed, err := admin.FetchOffsets(ctx, from.topic) // the group has the name of the topic
	if err != nil {
		t.Fatalf("ask for the offsets of %q: %v", from.topic, err)
	}
	left := 0
	ends.Each(func(end kadm.ListedOffset) {
		at := int64(0)
		if o, ok := committed.Lookup(from.topic, end.Partition); ok && o.At > 0 {
			at = o.At
		}
		left += int(end.Offset - at)
	})
	return left
}

// Deliveries takes all messages out of a queue, in its order.
func Deliveries(t testing.TB, queue string) []amqp.Delivery {
	t.Helper()
	n := rig.Depth(t, queue)
	if n == 0 {
		return nil
	}
	return rig.Take(t, queue, n, drainTimeout)
}
