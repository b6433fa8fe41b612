package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// topic is where the example publishes, made for it and removed after it.
type topic struct {
	name   string
	client *kgo.Client
	admin  *kadm.Client
}

func newTopic(ctx context.Context, brokers []string, name string) (*topic, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(name))
	if err != nil {
		return nil, err
	}
	t := &topic{name: name, client: client, admin: kadm.NewClient(client)}
	if _, err := t.admin.CreateTopic(ctx, 3, 1, nil, name); err != nil {
		client.Close()
		return nil, fmt.Errorf("create a topic in Kafka: %w", err)
	}
	return t, nil
}

// show prints the first n records.
func (t *topic) show(ctx context.Context, n int, out io.Writer) error {
	for n > 0 {
		fetches := t.client.PollRecords(ctx, n)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("read from Kafka: %w", err)
		}
		for r := range fetches.RecordsAll() {
			n--
			for _, h := range r.Headers {
				if h.Key == "revision" {
					fmt.Fprintf(out, "from Kafka:  order %s, revision %s\n", r.Key, h.Value)
				}
			}
		}
	}
	return nil
}

func (t *topic) remove() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, _ = t.admin.DeleteTopic(ctx, t.name)
	t.client.Close()
}
