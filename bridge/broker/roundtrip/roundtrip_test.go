package roundtrip_test

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"testing"
	"time"

	rabbit "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/sidecar"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

const many = 3000

// TestI9_RabbitMQ sends messages of every kind of property and header from
// RabbitMQ to RabbitMQ, straight and by way of Kafka.
func TestI9_RabbitMQ(t *testing.T) {
	for name, way := range map[string]func(p *path, in, out string){
		"RabbitMQ": func(p *path, in, out string) { p.run(p.fromQueue(in), p.toQueue(out), many) },
		"Kafka and back": func(p *path, in, out string) {
			topic := rig.Topic(t, 3)
			p.run(p.fromQueue(in), p.toTopic(topic), many)
			p.run(p.fromTopic(topic), p.toQueue(out), many)
		},
		"RabbitMQ and Kafka, and back": func(p *path, in, out string) {
			queue, topic := rig.Queue(t), rig.Topic(t, 3)
			p.run(p.fromQueue(in), p.toQueue(queue), many)
			p.run(p.fromQueue(queue), p.toTopic(topic), many)
			p.run(p.fromTopic(topic), p.toQueue(out), many)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSome(t)
			in, out := rig.Queue(t), rig.Queue(t)
			sent := make([]rabbit.Publishing, many)
			for i := range sent {
				sent[i] = s.publishing(i)
			}
			rig.Publish(t, in, sent...)
			p := newPath(t)
			way(p, in, out)
			check(t, p, out, sent)
		})
	}
}

// check compares what is in a queue with what was sent: as our own source reads
// it, and then as anybody does.
func check(t *testing.T, p *path, queue string, sent []rabbit.Publishing) {
	t.Helper()
	failed := 0
	wrong := func(n int, who, why string) {
		if failed++; why != "" && failed < 6 {
			t.Errorf("message %d, as %s reads it: %s", n, who, why)
		}
	}
	for n, d := range p.restored(queue, len(sent)) {
		want := sent[n]
		want.UserId = "" // the bridge's user has published it
		wrong(n, "the bridge", differs(d, anew(want, n)))
	}
	for n, d := range deliveries(t, queue, len(sent)) {
		want := sent[n]
		want.UserId, want.Expiration = "", ""
		want.Headers = maps.Clone(want.Headers)
		delete(want.Headers, "CC")
		wrong(n, "anybody", differs(d, anew(want, n)))
	}
}

// anew is a publishing with what the bridge adds where there was nothing.
func anew(p rabbit.Publishing, n int) *rabbit.Publishing {
	if p.DeliveryMode == 0 {
		p.DeliveryMode = rabbit.Persistent
	}
	if p.MessageId == "" {
		p.MessageId = fmt.Sprint("id-", n)
	}
	return &p
}

// restored reads what is in a queue with a source of the bridge, and leaves it there.
func (p *path) restored(queue string, n int) map[int]*rabbit.Delivery {
	p.t.Helper()
	source := p.source(p.rabbit, config.From{Broker: "rabbit", Queue: queue, Window: n + 1})
	ctx, cancel := context.WithTimeout(p.t.Context(), long)
	defer cancel()
	carriers, err := source.Subscribe(ctx, "")
	if err != nil {
		p.t.Fatal(err)
	}
	out := map[int]*rabbit.Delivery{}
	for len(out) < n {
		m, open := <-carriers
		if !open {
			p.t.Fatalf("%d of %d came", len(out), n)
		}
		c, _ := broker.Unpack(m)
		for _, m := range c.Messages {
			o, err := sidecar.Restore(m.Metadata)
			if err != nil {
				p.t.Fatal(err)
			}
			out[number(p.t, o.Headers)] = asDelivery(o, m.Payload)
		}
	}
	if err := source.Close(); err != nil {
		p.t.Error(err)
	}
	return out
}

func asDelivery(o sidecar.Original, body []byte) *rabbit.Delivery {
	return &rabbit.Delivery{
		Headers: o.Headers, ContentType: o.ContentType, ContentEncoding: o.ContentEncoding,
		DeliveryMode: o.DeliveryMode, Priority: o.Priority, CorrelationId: o.CorrelationId, ReplyTo: o.ReplyTo,
		Expiration: o.Expiration, MessageId: o.MessageId, Timestamp: o.Timestamp, Type: o.Type,
		UserId: o.UserId, AppId: o.AppId, Body: body,
	}
}

// deliveries are what is in a queue, by their numbers.
func deliveries(t testing.TB, queue string, n int) map[int]*rabbit.Delivery {
	t.Helper()
	in, err := rig.Channel(t).Consume(queue, "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	out := map[int]*rabbit.Delivery{}
	for end := time.After(long); len(out) < n; {
		select {
		case d := <-in:
			out[number(t, d.Headers)] = &d
		case <-end:
			t.Fatalf("%d of %d are in the queue", len(out), n)
		}
	}
	return out
}

func number(t testing.TB, headers rabbit.Table) int {
	t.Helper()
	text, _ := headers["n"].(string)
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("this message has no number: %v", headers)
	}
	return n
}

// TestI9_Kafka sends records of every kind from Kafka to Kafka, straight and by
// way of RabbitMQ.
func TestI9_Kafka(t *testing.T) {
	for name, way := range map[string]func(p *path, in, out string){
		"Kafka": func(p *path, in, out string) { p.run(p.fromTopic(in), p.toTopic(out), many) },
		"RabbitMQ and back": func(p *path, in, out string) {
			queue := rig.Queue(t)
			p.run(p.fromTopic(in), p.toQueue(queue), many)
			p.run(p.fromQueue(queue), p.toTopic(out), many)
		},
		"RabbitMQ twice, and back, with headers as text": func(p *path, in, out string) {
			p.headers = config.HeadersText
			a, b := rig.Queue(t), rig.Queue(t)
			p.run(p.fromTopic(in), p.toQueue(a), many)
			p.run(p.fromQueue(a), p.toQueue(b), many)
			p.headers = config.HeadersTyped
			p.run(p.fromQueue(b), p.toTopic(out), many)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSome(t)
			in, out := rig.Topic(t, 3), rig.Topic(t, 3)
			records := make([]*kgo.Record, many)
			for i := range records {
				records[i] = s.record(i)
				records[i].Topic = in
			}
			if err := rig.Client(t).ProduceSync(t.Context(), records...).FirstErr(); err != nil {
				t.Fatal(err)
			}
			way(newPath(t), in, out)
			want := byNumber(t, in)
			failed := 0
			for n, got := range byNumber(t, out) {
				if why := recordDiffers(got, want[n]); why != "" {
					t.Errorf("record %d: %s", n, why)
					if failed++; failed > 5 {
						return
					}
				}
			}
		})
	}
}

// byNumber are the records of a topic.
func byNumber(t testing.TB, topic string) map[int]*kgo.Record {
	t.Helper()
	out := map[int]*kgo.Record{}
	for _, r := range rig.Read(t, topic, many, long) {
		for _, h := range r.Headers {
			if n, err := strconv.Atoi(string(h.Value)); h.Key == "n" && err == nil {
				out[n] = r
			}
		}
	}
	if len(out) != many {
		t.Fatalf("%d different records, want %d", len(out), many)
	}
	return out
}
