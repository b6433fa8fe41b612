package rawloop_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/internal/rawloop"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// end is a queue or a topic of a test, as a loop's source or target.
type end struct {
	rawloop.End
	fill func(n int)
	left func() int // messages that were not acknowledged
	read func() []message
}

type message struct {
	key, id, mark string
	body          []byte
}

const markHeader = "mark"

// The messages of a test are 1 KiB each, of 1,000 keys, and begin with their
// number.
func numbered(i int) message {
	body := bytes.Repeat([]byte{byte(i)}, 1024)
	binary.BigEndian.PutUint64(body, uint64(i))
	return message{fmt.Sprintf("key-%d", i%1000), fmt.Sprint("id-", i), fmt.Sprint("mark-", i), body}
}

var kinds = map[string]func(testing.TB) end{"RabbitMQ": queue, "Kafka": topic}

// directions runs a test in all four.
func directions(t *testing.T, test func(t *testing.T, from, to end)) {
	for from, source := range kinds {
		for to, target := range kinds {
			t.Run(from+" to "+to, func(t *testing.T) {
				t.Parallel()
				test(t, source(t), target(t))
			})
		}
	}
}

func queue(t testing.TB) end {
	name := rig.Queue(t)
	return end{
		End: rawloop.Queue{URL: rig.AMQP(t), Name: name},
		fill: func(n int) {
			msgs := make([]amqp.Publishing, n)
			for i := range msgs {
				m := numbered(i)
				msgs[i] = amqp.Publishing{
					DeliveryMode: amqp.Persistent, MessageId: m.id, Body: m.body,
					Headers: amqp.Table{rawloop.KeyHeader: m.key, markHeader: m.mark},
				}
			}
			rig.Publish(t, name, msgs...)
		},
		left: func() int { return rig.Depth(t, name) },
		read: func() []message { return deliveries(t, name) },
	}
}

func deliveries(t testing.TB, queue string) (all []message) {
	t.Helper()
	ch, n := rig.Channel(t), rig.Depth(t, queue)
	in, err := ch.Consume(queue, "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	for len(all) < n {
		select {
		case d, ok := <-in:
			if !ok {
				t.Fatalf("the queue ended after %d of %d", len(all), n)
			}
			key, _ := d.Headers[rawloop.KeyHeader].(string)
			mark, _ := d.Headers[markHeader].(string)
			if d.DeliveryMode != amqp.Persistent {
				t.Fatal("a message is not persistent: its confirm promises nothing")
			}
			all = append(all, message{key, d.MessageId, mark, d.Body})
		case <-time.After(time.Minute):
			t.Fatalf("the queue gave %d of %d", len(all), n)
		}
	}
	return all
}

func topic(t testing.TB) end {
	name := rig.Topic(t, 6)
	return end{
		End: rawloop.Topic{Brokers: rig.Kafka(t), Name: name, Group: name},
		fill: func(n int) {
			records := make([]*kgo.Record, n)
			for i := range records {
				m := numbered(i)
				records[i] = &kgo.Record{Key: []byte(m.key), Value: m.body, Headers: []kgo.RecordHeader{
					{Key: rawloop.IDHeader, Value: []byte(m.id)}, {Key: markHeader, Value: []byte(m.mark)},
				}}
			}
			rig.Produce(t, name, records...)
		},
		left: func() int { return lag(t, name) },
		read: func() (all []message) {
			for _, r := range rig.Read(t, name, size(t, name), time.Minute) {
				headers := map[string]string{}
				for _, h := range r.Headers {
					headers[h.Key] = string(h.Value)
				}
				all = append(all, message{string(r.Key), headers[rawloop.IDHeader], headers[markHeader], r.Value})
			}
			return all
		},
	}
}

// lag is what the group that has the name of the topic has not committed.
func lag(t testing.TB, topic string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	committed, err := kadm.NewClient(rig.Client(t)).FetchOffsets(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	left := size(t, topic)
	committed.Each(func(o kadm.OffsetResponse) { left -= int(max(o.At, 0)) })
	return left
}

func size(t testing.TB, topic string) (n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ends, err := kadm.NewClient(rig.Client(t)).ListEndOffsets(ctx, topic)
	if err = errors.Join(err, ends.Error()); err != nil {
		t.Fatal(err)
	}
	ends.Each(func(o kadm.ListedOffset) { n += int(o.Offset) })
	return n
}
