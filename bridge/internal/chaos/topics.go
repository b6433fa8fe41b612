package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// canary is the header of records by which we learn whether a topic takes any.
const canary = "canary"

// onClient opens a client that does not go over the wire.
func onClient(ctx context.Context, w *world, work func(context.Context, *kgo.Client, *kadm.Client) error, opts ...kgo.Opt) error {
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(rig.Kafka(w.t)...), kgo.MetadataMinAge(50*time.Millisecond))...)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, doing)
	defer cancel()
	return work(ctx, client, kadm.NewClient(client))
}

// refuseTopic asks for more replicas than there are, and returns when every
// partition refuses.
func refuseTopic(ctx context.Context, w *world, f fault) error {
	topic := anyOf(w.targets(true), f).to.String()
	return onClient(ctx, w, func(ctx context.Context, client *kgo.Client, admin *kadm.Client) error {
		if err := replicas(ctx, admin, topic, "2"); err != nil {
			return err
		}
		for p := range int32(partitions) {
			for {
				err := client.ProduceSync(ctx, &kgo.Record{Topic: topic, Partition: p, Headers: []kgo.RecordHeader{{Key: canary}}}).FirstErr()
				if errors.Is(err, kerr.NotEnoughReplicas) {
					break
				}
				if ctx.Err() != nil {
					return fmt.Errorf("%s does not refuse: %w", topic, err)
				}
			}
		}
		return nil
	}, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.RecordRetries(0), kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(1))
}

func replicas(ctx context.Context, admin *kadm.Client, topic, n string) error {
	done, err := admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Name: "min.insync.replicas", Value: &n}}, topic)
	if err == nil {
		_, err = done.On(topic, func(r *kadm.AlterConfigsResponse) error { return r.Err })
	}
	return err
}

func allowTopic(ctx context.Context, w *world, f fault) error {
	return onClient(ctx, w, func(ctx context.Context, _ *kgo.Client, admin *kadm.Client) error {
		return replicas(ctx, admin, anyOf(w.targets(true), f).to.String(), "1")
	})
}

// deleteTopic has the topic refuse, reads it to its end and deletes it, so that no
// record is lost with it.
func deleteTopic(ctx context.Context, w *world, f fault) error {
	if err := refuseTopic(ctx, w, f); err != nil {
		return err
	}
	r := anyOf(w.targets(true), f)
	return onClient(ctx, w, func(ctx context.Context, client *kgo.Client, admin *kadm.Client) error {
		ends, err := admin.ListEndOffsets(ctx, r.to.String())
		if err = errors.Join(err, ends.Error()); err != nil {
			return err
		}
		left := int64(0)
		ends.Each(func(o kadm.ListedOffset) { left += o.Offset })
		for left > 0 {
			fetches := client.PollFetches(ctx)
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("read %s: %w", r.to, err)
			}
			fetches.EachRecord(func(record *kgo.Record) {
				left--
				r.came(w, record)
			})
		}
		_, err = admin.DeleteTopic(ctx, r.to.String())
		return err
	}, kgo.ConsumeTopics(r.to.String()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
}

// came notes a record of the target.
func (r *route) came(w *world, record *kgo.Record) {
	if _, ours := e2e.Headers(record)[canary]; !ours {
		r.before = append(r.before, e2e.OfRecord(w.t, record))
	}
}

func makeTopic(ctx context.Context, w *world, f fault) error {
	topic := anyOf(w.targets(true), f).to.String()
	return onClient(ctx, w, func(ctx context.Context, _ *kgo.Client, admin *kadm.Client) error {
		for {
			_, err := admin.CreateTopic(ctx, partitions, 1, nil, topic)
			if !errors.Is(err, kerr.TopicAlreadyExists) || !pause(ctx, 100*time.Millisecond) {
				return err
			}
		}
	})
}

// startStorm has strangers join the group of a source and leave it again. They
// take partitions, and commit nothing.
func startStorm(_ context.Context, w *world, f fault) error {
	topic := anyOf(w.sources(true), f).from.String()
	w.works(f, func(ctx context.Context) {
		rng := rand.New(rand.NewPCG(f.draw, 1))
		for ctx.Err() == nil {
			_ = onClient(ctx, w, func(ctx context.Context, client *kgo.Client, _ *kadm.Client) error {
				stay, cancel := context.WithTimeout(ctx, time.Duration(300+rng.IntN(900))*time.Millisecond)
				defer cancel()
				for stay.Err() == nil {
					client.PollFetches(stay)
				}
				return nil
			}, kgo.ConsumerGroup(topic), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
				kgo.Balancers(kgo.CooperativeStickyBalancer(), kgo.RangeBalancer()))
			pause(ctx, time.Duration(rng.IntN(300))*time.Millisecond)
		}
	})
	return nil
}

func endStorm(_ context.Context, w *world, f fault) error {
	w.back(f)
	return nil
}
