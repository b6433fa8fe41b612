package rawloop

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const commitEvery = 100 * time.Millisecond

// Topic is a topic of Kafka that exists. Group is who reads it; a target needs
// none. A group that is new begins at the start.
type Topic struct {
	Brokers     []string
	Name, Group string
}

type topicSource struct {
	*progress

	client *kgo.Client
	topic  string
	begun  map[int32]bool
}

func (t Topic) source(ctx context.Context) (source, error) {
	client, err := t.open(ctx,
		kgo.ConsumeTopics(t.Name),
		kgo.ConsumerGroup(t.Group),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
	)
	if err != nil {
		return nil, err
	}
	return &topicSource{progress: newProgress(), client: client, topic: t.Name, begun: map[int32]bool{}}, nil
}

func (t Topic) open(ctx context.Context, opts ...kgo.Opt) (*kgo.Client, error) {
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(t.Brokers...))...)
	if err != nil {
		return nil, fmt.Errorf("open a Kafka client: %w", err)
	}
	if err := client.Ping(ctx); err != nil {
		client.Close()
		return nil, fmt.Errorf("reach Kafka: %w", err)
	}
	return client, nil
}

// linger is none: what was fetched together is sent together.
func (s *topicSource) linger() time.Duration { return 0 }

func (s *topicSource) read(ctx context.Context, n int, take func(message) error) error {
	for n > 0 {
		fetches := s.client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("read topic %q: %w", s.topic, err)
		}
		for records := fetches.RecordIter(); !records.Done() && n > 0; n-- {
			r := records.Next()
			if !s.begun[r.Partition] {
				s.begun[r.Partition] = true
				s.begin(r.Partition, r.Offset)
			}
			if err := take(message{place: place{r.Partition, r.Offset}, key: r.Key, body: r.Value, headers: r.Headers}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *topicSource) acknowledge(ctx context.Context, n int) error {
	return s.follow(ctx, n, commitEvery, func(ends map[int32]int64) error {
		last := make([]*kgo.Record, 0, len(ends))
		for partition, end := range ends {
			last = append(last, &kgo.Record{Topic: s.topic, Partition: partition, Offset: end - 1, LeaderEpoch: -1})
		}
		return s.client.CommitRecords(ctx, last...)
	})
}

func (s *topicSource) close() { s.client.Close() }

type topicTarget struct {
	client *kgo.Client
	done   func(place, error)
}

func (t Topic) target(ctx context.Context, linger time.Duration, done func(place, error)) (target, error) {
	client, err := t.open(ctx,
		kgo.DefaultProduceTopic(t.Name),
		kgo.ProducerLinger(linger),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
	)
	if err != nil {
		return nil, err
	}
	return &topicTarget{client, done}, nil
}

func (t *topicTarget) send(ctx context.Context, m message) error {
	at := m.place // all that the promise keeps
	r := &kgo.Record{Key: m.key, Value: m.body, Headers: m.headers}
	t.client.Produce(ctx, r, func(_ *kgo.Record, err error) { t.done(at, err) })
	return nil
}

func (t *topicTarget) close() { t.client.Close() }
