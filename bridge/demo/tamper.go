package demo

import (
	"context"
	"fmt"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/demo/internal/stream"
)

// Tamper is a way to falsify the topic behind the bridge's back.
type Tamper string

// The ways to falsify.
const (
	Loss  Tamper = "loss"  // delete the first records of every partition
	Order Tamper = "order" // write two revisions that wait in the store, the later one first
)

// tamper falsifies the topic. Who doubts that the check can fail tries this.
func (st *stage) tamper(ctx context.Context, how Tamper, s *stream.Stream) error {
	if how == "" {
		return nil
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(st.cluster.ListenAddrs()...), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))
	if err != nil {
		return err
	}
	defer client.Close()
	switch how {
	case Loss:
		return deleteFirst(ctx, kadm.NewClient(client))
	case Order:
		p := s.Cast.Refused
		return client.ProduceSync(ctx, forged(p.Key, p.Rev+2), forged(p.Key, p.Rev+1)).FirstErr()
	}
	return fmt.Errorf("%q is no way to falsify: %s or %s", how, Loss, Order)
}

func deleteFirst(ctx context.Context, admin *kadm.Client) error {
	starts, err := admin.ListStartOffsets(ctx, topicName)
	if err != nil {
		return err
	}
	upTo := kadm.Offsets{}
	starts.Each(func(o kadm.ListedOffset) { upTo.AddOffset(o.Topic, o.Partition, o.Offset+1, -1) })
	_, err = admin.DeleteRecords(ctx, upTo)
	return err
}

func forged(key string, rev int64) *kgo.Record {
	return &kgo.Record{
		Topic: topicName, Key: []byte(key), Value: stream.Body(stream.Place{Key: key, Rev: rev}),
		Headers: []kgo.RecordHeader{
			{Key: broker.HeaderKey, Value: []byte(key)},
			{Key: broker.HeaderRevision, Value: []byte(strconv.FormatInt(rev, 10))},
		},
	}
}
