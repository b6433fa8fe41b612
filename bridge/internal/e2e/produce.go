package e2e

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
)

// sendTimeout is how long a batch may be on its way before it is sent again.
const sendTimeout = 10 * time.Second

// watermillID is where producers of Watermill put a message's id in Kafka.
const watermillID = "_watermill_message_uuid"

// toQueues publishes to RabbitMQ.
type toQueues struct {
	url  string
	conn *amqp.Connection
	ch   *amqp.Channel
	back chan amqp.Return // what no queue took
}

func (p *toQueues) send(ctx context.Context, msgs []journal.Message, to func(journal.Message) Place) error {
	if err := p.connect(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	confirms := make([]*amqp.DeferredConfirmation, len(msgs))
	for i, m := range msgs {
		c, err := p.ch.PublishWithDeferredConfirmWithContext(ctx, "", to(m).queue, true, false, publishing(m))
		if err != nil {
			return err
		}
		confirms[i] = c
	}
	for _, c := range confirms {
		if ok, err := c.WaitContext(ctx); err != nil || !ok {
			return errors.Join(err, errors.New("not confirmed"))
		}
	}
	if len(p.back) > 0 { // it comes before its confirm
		return errors.New("returned")
	}
	return nil
}

// publishing is a message as AMQP has it; its revision is an integer.
func publishing(m journal.Message) amqp.Publishing {
	headers := amqp.Table{"key": m.Key, "revision": m.Rev}
	for name, v := range m.Headers {
		headers[name] = v
	}
	return amqp.Publishing{MessageId: m.ID, DeliveryMode: amqp.Persistent, Headers: headers, Body: m.Body}
}

func (p *toQueues) connect() (err error) {
	if p.conn != nil {
		return nil
	}
	if p.conn, err = amqp.Dial(p.url); err != nil {
		p.conn = nil
		return err
	}
	if p.ch, err = p.conn.Channel(); err != nil {
		return err
	}
	p.back = p.ch.NotifyReturn(make(chan amqp.Return, batch))
	return p.ch.Confirm(false)
}

func (p *toQueues) hangUp() {
	if p.conn != nil {
		_ = p.conn.CloseDeadline(time.Now().Add(time.Second))
		p.conn = nil
	}
}

// toTopics publishes to Kafka.
type toTopics struct {
	brokers []string
	client  *kgo.Client
}

func (p *toTopics) send(ctx context.Context, msgs []journal.Message, to func(journal.Message) Place) (err error) {
	if p.client == nil {
		if p.client, err = kgo.NewClient(kgo.SeedBrokers(p.brokers...), kgo.MetadataMinAge(50*time.Millisecond)); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	records := make([]*kgo.Record, len(msgs))
	for i, m := range msgs {
		records[i] = record(m)
		records[i].Topic = to(m).topic
	}
	return p.client.ProduceSync(ctx, records...).FirstErr()
}

// record is a message as Kafka has it; its revision is digits.
func record(m journal.Message) *kgo.Record {
	r := &kgo.Record{Key: []byte(m.Key), Value: m.Body, Headers: []kgo.RecordHeader{
		{Key: "key", Value: []byte(m.Key)},
		{Key: "revision", Value: strconv.AppendInt(nil, m.Rev, 10)},
	}}
	if m.ID != "" {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: watermillID, Value: []byte(m.ID)})
	}
	for _, name := range slices.Sorted(maps.Keys(m.Headers)) {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: name, Value: []byte(m.Headers[name])})
	}
	return r
}

func (p *toTopics) hangUp() {
	if p.client != nil {
		p.client.Close()
		p.client = nil
	}
}
