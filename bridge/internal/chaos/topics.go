package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
	"github.com/brokerbridge/bridge/bridge/internal/faultnet"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

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

// throttle has Kafka take a few bytes a second from one route.
func throttle(ctx context.Context, w *world, f fault) error {
	return quota(ctx, w, f, kadm.AlterClientQuotaOp{Key: "producer_byte_rate", Value: 1000})
}

func unthrottle(ctx context.Context, w *world, f fault) error {
	return quota(ctx, w, f, kadm.AlterClientQuotaOp{Key: "producer_byte_rate", Remove: true})
}

func quota(ctx context.Context, w *world, f fault, op kadm.AlterClientQuotaOp) error {
	id := "bridge-" + anyOf(w.targets(true), f).name
	return onClient(ctx, w, func(ctx context.Context, _ *kgo.Client, admin *kadm.Client) error {
		done, err := admin.AlterClientQuotas(ctx, []kadm.AlterClientQuotaEntry{{
			Entity: kadm.ClientQuotaEntity{{Type: "client-id", Name: &id}}, Ops: []kadm.AlterClientQuotaOp{op},
		}})
		for _, d := range done {
			err = errors.Join(err, d.Err)
		}
		return err
	})
}

// deleteTopic keeps the bridge from the topic, reads it to its end and deletes it.
// What was appended since was not confirmed: no message is lost with it.
func deleteTopic(ctx context.Context, w *world, f fault) error {
	w.wire(kafkaWire).Set(faultnet.Trouble{Shut: true})
	defer w.wire(kafkaWire).Set(faultnet.Trouble{})
	r := anyOf(w.targets(true), f)
	var read []journal.Entry
	err := again(ctx, func() error {
		return onClient(ctx, w, func(ctx context.Context, client *kgo.Client, admin *kadm.Client) error {
			left, err := length(ctx, admin, r.to.String())
			if errors.Is(err, kerr.UnknownTopicOrPartition) && read != nil {
				return nil // deleted, but the answer was lost
			}
			if err != nil {
				return err
			}
			if read, err = readAll(ctx, w, client, left); err != nil {
				return err
			}
			_, err = admin.DeleteTopic(ctx, r.to.String())
			return err
		}, kgo.ConsumeTopics(r.to.String()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	})
	r.before = append(r.before, read...)
	return err
}

func readAll(ctx context.Context, w *world, client *kgo.Client, n int64) ([]journal.Entry, error) {
	read := make([]journal.Entry, 0, n)
	for int64(len(read)) < n {
		fetches := client.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		fetches.EachRecord(func(record *kgo.Record) { read = append(read, e2e.OfRecord(w.t, record)) })
	}
	return read, nil
}

// length is how many records a topic has, when no more come.
func length(ctx context.Context, admin *kadm.Client, topic string) (n int64, err error) {
	for last := int64(-1); last != n; {
		last, n = n, 0
		ends, err := admin.ListEndOffsets(ctx, topic)
		if err = errors.Join(err, ends.Error(), ctx.Err()); err != nil {
			return 0, err
		}
		ends.Each(func(o kadm.ListedOffset) { n += o.Offset })
		pause(ctx, 300*time.Millisecond)
	}
	return n, nil
}

func makeTopic(ctx context.Context, w *world, f fault) error {
	topic := anyOf(w.targets(true), f).to.String()
	return again(ctx, func() error {
		return onClient(ctx, w, func(ctx context.Context, _ *kgo.Client, admin *kadm.Client) error {
			_, err := admin.CreateTopic(ctx, partitions, 1, nil, topic)
			if errors.Is(err, kerr.TopicAlreadyExists) {
				return nil // the answer was lost
			}
			return err
		})
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
				bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), second)
				defer cancel()
				return client.LeaveGroupContext(bye)
			}, kgo.ConsumerGroup(topic), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(), kgo.WithContext(ctx),
				kgo.SessionTimeout(6*second), kgo.HeartbeatInterval(second), // for one that could not say that it left
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
