package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-amqp/v2/pkg/amqp"
	"github.com/ThreeDotsLabs/watermill/message"
	amqp091 "github.com/rabbitmq/amqp091-go"
)

// queues are in RabbitMQ, by the stock client of Watermill. Their names have a part
// by chance, which is kept with the state: a process that is started again finds
// its queues again.
type queues struct {
	url    string
	prefix string
	config amqp.Config
}

func openQueues(dir string) (queues, error) {
	prefix, err := prefix(filepath.Join(dir, "queues"))
	if err != nil {
		return queues{}, err
	}
	q := queues{url: setting("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/"), prefix: prefix}
	q.config = amqp.NewDurableQueueConfig(q.url)
	q.config.Queue.GenerateName = q.name
	// An example that nobody ends leaves nothing behind for ever: after ten minutes
	// RabbitMQ drops what no process uses, with the messages in it. A real shop has
	// no such line.
	q.config.Queue.Arguments = amqp091.Table{"x-expires": 600_000}
	q.config.Publish.GenerateRoutingKey = q.name
	q.config.Publish.ConfirmDelivery = true
	return q, nil
}

func prefix(path string) (string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		text = []byte("example.saga." + watermill.NewShortUUID() + "\n")
		err = os.WriteFile(path, text, 0o600)
	}
	return strings.TrimSpace(string(text)), err
}

func (q queues) name(topic string) string { return q.prefix + "." + topic }

func (q queues) subscriber() (message.Subscriber, error) {
	s, err := amqp.NewSubscriber(q.config, watermill.NopLogger{})
	if err != nil {
		return nil, fmt.Errorf("subscribe to RabbitMQ: %w", err)
	}
	return s, nil
}

// publisher declares no queues: all services are started before the first order.
func (q queues) publisher() (message.Publisher, error) {
	p, err := amqp.NewPublisher(q.config, watermill.NopLogger{})
	if err != nil {
		return nil, fmt.Errorf("publish to RabbitMQ: %w", err)
	}
	return p, nil
}

func (q queues) remove(topics ...string) error {
	conn, err := amqp091.Dial(q.url)
	if err != nil {
		return err
	}
	ch, err := conn.Channel()
	for _, topic := range topics {
		if err == nil {
			_, err = ch.QueueDelete(q.name(topic), false, false, false)
		}
	}
	return errors.Join(err, conn.Close())
}

func setting(name, fallback string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return fallback
}
