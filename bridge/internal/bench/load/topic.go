package load

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Topic is a topic of Kafka that exists.
type Topic struct {
	Brokers []string
	Name    string
}

type topicSender struct {
	client *kgo.Client

	mu  sync.Mutex
	err error // the first of a record that Kafka did not take
}

// Sender opens a client to send.
func (t Topic) Sender(context.Context) (Sender, error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(t.Brokers...),
		kgo.DefaultProduceTopic(t.Name),
		kgo.ProducerLinger(0),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
	)
	return &topicSender{client: client}, err
}

func (s *topicSender) Send(ctx context.Context, m Message, due time.Time) error {
	r := m.Record()
	stamp(r.Value, due)
	s.client.Produce(ctx, r, s.taken)
	return s.failed()
}

func (s *topicSender) taken(_ *kgo.Record, err error) {
	if err == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = fmt.Errorf("send to a topic: %w", err)
	}
}

func (s *topicSender) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Close waits until Kafka has all.
func (s *topicSender) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	defer s.client.Close()
	if err := s.client.Flush(ctx); err != nil {
		return fmt.Errorf("send to a topic: %w", err)
	}
	return s.failed()
}

// Receive takes messages until ctx ends.
func (t Topic) Receive(ctx context.Context, each func(Arrival)) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(t.Brokers...),
		kgo.ConsumeTopics(t.Name), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		fetches := client.PollFetches(ctx)
		at := time.Now()
		if ctx.Err() != nil { // that is its end
			return nil
		}
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("receive from topic %q: %w", t.Name, err)
		}
		for r := range fetches.RecordsAll() {
			each(arrival(r.Value, at))
		}
	}
}
