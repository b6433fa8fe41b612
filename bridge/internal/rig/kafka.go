package rig

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Client opens a Kafka client that ends with the test.
func Client(t testing.TB, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	// Topics here are seconds old: a client that saw one without a leader looks
	// again soon, instead of after five seconds.
	base := []kgo.Opt{kgo.SeedBrokers(Kafka(t)...), kgo.MetadataMinAge(50 * time.Millisecond)}
	client, err := kgo.NewClient(append(base, opts...)...)
	if err != nil {
		t.Fatalf("open a Kafka client: %v", err)
	}
	t.Cleanup(client.Close)
	return client
}

// Topic creates a topic with a name of its own.
func Topic(t testing.TB, partitions int32) string {
	t.Helper()
	return TopicWith(t, partitions, nil)
}

// TopicWith is Topic with topic configs, such as max.message.bytes.
func TopicWith(t testing.TB, partitions int32, configs map[string]*string) string {
	t.Helper()
	name := Name(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	admin := kadm.NewClient(Client(t))
	if _, err := admin.CreateTopic(ctx, partitions, 1, configs, name); err != nil {
		t.Fatalf("create topic %q: %v", name, err)
	}
	t.Cleanup(func() { deleteTopic(t, name) })
	awaitLeaders(ctx, t, admin, name)
	return name
}

// awaitLeaders returns when every partition can be written: a topic exists
// some milliseconds before that.
func awaitLeaders(ctx context.Context, t testing.TB, admin *kadm.Client, topic string) {
	t.Helper()
	for {
		offsets, err := admin.ListEndOffsets(ctx, topic)
		if err == nil {
			err = offsets.Error() // that of the first partition that has one
		}
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("topic %q got no leaders: %v", topic, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// deleteTopic takes a client of its own: the test's may be closed by now.
func deleteTopic(t testing.TB, name string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(Kafka(t)...))
	if err != nil {
		t.Errorf("delete topic %q: %v", name, err)
		return
	}
	defer client.Close()
	_, err = kadm.NewClient(client).DeleteTopic(ctx, name)
	if err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Errorf("delete topic %q: %v", name, err)
	}
}

// Produce writes records to a topic and returns when all are acknowledged by
// all in-sync replicas. Records name their partition by their key.
func Produce(t testing.TB, topic string, records ...*kgo.Record) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, r := range records {
		r.Topic = topic
	}
	if err := Client(t).ProduceSync(ctx, records...).FirstErr(); err != nil {
		t.Fatalf("produce to %q: %v", topic, err)
	}
}

// Read returns the records of a topic from the start, all partitions, in the
// order of each partition: up to n of them, or what came until none came for
// idle. An n of 0 is no limit.
func Read(t testing.TB, topic string, n int, idle time.Duration) []*kgo.Record {
	t.Helper()
	client := Client(t,
		kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	var records []*kgo.Record
	for n <= 0 || len(records) < n {
		ctx, cancel := context.WithTimeout(context.Background(), idle)
		fetches := client.PollFetches(ctx)
		cancel()
		if errors.Is(fetches.Err0(), context.DeadlineExceeded) {
			return records
		}
		if err := fetches.Err(); err != nil {
			t.Fatalf("read topic %q: %v", topic, err)
		}
		records = append(records, fetches.Records()...)
	}
	return records[:n]
}

// AwaitTopic returns when every partition of a topic can be written.
func AwaitTopic(t testing.TB, topic string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	awaitLeaders(ctx, t, kadm.NewClient(Client(t)), topic)
}
