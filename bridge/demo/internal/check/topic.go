package check

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
)

// Topic reads a topic from its start to where it ends now.
func Topic(ctx context.Context, addrs []string, topic string) (*Reader, error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(addrs...),
		kgo.ClientID("bridge-demo-check"),
		kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	)
	if err != nil {
		return nil, fmt.Errorf("open a consumer: %w", err)
	}
	defer client.Close()
	left, err := toRead(ctx, kadm.NewClient(client), topic)
	if err != nil {
		return nil, fmt.Errorf("look for the end of topic %q: %w", topic, err)
	}
	r := &Reader{}
	for left > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("read topic %q: %w", topic, err)
		}
		fetches.EachRecord(func(rec *kgo.Record) {
			r.Read(record(rec))
			left--
		})
	}
	return r, nil
}

// toRead is how many records lie between the start and the end.
func toRead(ctx context.Context, admin *kadm.Client, topic string) (int64, error) {
	starts, err := admin.ListStartOffsets(ctx, topic)
	if err != nil {
		return 0, err
	}
	ends, err := admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return 0, err
	}
	if err := ends.Error(); err != nil {
		return 0, err
	}
	n := int64(0)
	ends.Each(func(end kadm.ListedOffset) {
		if start, ok := starts.Lookup(topic, end.Partition); ok {
			n += end.Offset - start.Offset
		}
	})
	return n, nil
}

func record(rec *kgo.Record) Record {
	r := Record{Partition: rec.Partition, Key: string(rec.Key), Body: rec.Value}
	for _, h := range rec.Headers {
		switch h.Key {
		case broker.HeaderKey:
			r.ByKey = string(h.Value)
		case broker.HeaderRevision:
			r.Revision = string(h.Value)
		}
	}
	return r
}
