package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/internal/bench/load"
)

const partitions = 6

// topic is a topic and the group that reads it.
type topic struct {
	name   string
	group  string // "": nobody
	shared bool   // others read it too
	limit  int    // bytes of the largest message that it takes; 0: the broker's own limit
	client *kgo.Client
	admin  *kadm.Client
}

func (t *topic) called() string { return t.name }
func (t *topic) from() string   { return fmt.Sprintf("%s, group: %q", t.to(), t.group) }
func (t *topic) to() string     { return fmt.Sprintf("broker: lake, topic: %q", t.name) }
func (t *topic) key() string    { return "message_key" }

func (t *topic) create(ctx context.Context) error {
	appended := "LogAppendTime"
	configs := map[string]*string{"message.timestamp.type": &appended}
	if t.limit > 0 {
		limit := strconv.Itoa(t.limit)
		configs["max.message.bytes"] = &limit
	}
	if _, err := t.admin.CreateTopic(ctx, partitions, 1, configs, t.name); err != nil {
		return fmt.Errorf("create topic %q: %w", t.name, err)
	}
	for ctx.Err() == nil { // it is there some milliseconds before its leaders are
		if _, err := t.count(ctx); err == nil {
			return nil
		}
		time.Sleep(lookEvery)
	}
	return ctx.Err()
}

// drop removes the group, and the topic unless it is shared. The group is empty
// then, or will be when its member's session has ended, and Kafka forgets it.
func (t *topic) drop(ctx context.Context) error {
	if t.group != "" {
		_, _ = t.admin.DeleteGroup(ctx, t.group)
	}
	if t.shared {
		return nil
	}
	_, err := t.admin.DeleteTopic(ctx, t.name)
	t.client.PurgeTopicsFromClient(t.name)
	return err
}

func (t *topic) fill(ctx context.Context, p plan) error {
	var first kgo.FirstErrPromise
	all := p.numbering()
	for i := range p.published() {
		r := all.message(i).Record()
		r.Topic = t.name
		t.client.Produce(ctx, r, first.Promise())
	}
	if err := first.Err(); err != nil {
		return fmt.Errorf("fill topic %q: %w", t.name, err)
	}
	return nil
}

// count sums the ends of the partitions.
func (t *topic) count(ctx context.Context) (n int, err error) {
	ends, err := t.ends(ctx)
	for _, end := range ends {
		n += int(end)
	}
	return n, err
}

// ends is where each partition that is not empty ends.
func (t *topic) ends(ctx context.Context) (map[int32]int64, error) {
	listed, err := t.admin.ListEndOffsets(ctx, t.name)
	if err = errors.Join(err, listed.Error()); err != nil {
		return nil, fmt.Errorf("look at topic %q: %w", t.name, err)
	}
	ends := map[int32]int64{}
	listed.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			ends[o.Partition] = o.Offset
		}
	})
	return ends, nil
}

// left is the lag of the group.
func (t *topic) left(ctx context.Context) (int, error) {
	n, err := t.count(ctx)
	if err != nil {
		return 0, err
	}
	committed, err := t.admin.FetchOffsets(ctx, t.group)
	if err = errors.Join(err, committed.Error()); err != nil {
		return 0, fmt.Errorf("look at group %q: %w", t.group, err)
	}
	committed.Each(func(o kadm.OffsetResponse) { n -= int(max(o.At, 0)) })
	return n, nil
}

func (t *topic) read(ctx context.Context, each func(int, time.Time)) error {
	return t.records(ctx, func(r *kgo.Record) error {
		each(load.NumberOf(r.Value), r.Timestamp)
		return nil
	})
}

// records hands over all that the topic holds now. What ends a partition is never
// compacted away.
func (t *topic) records(ctx context.Context, each func(*kgo.Record) error) error {
	rest, err := t.ends(ctx)
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(kafkaAddrs()...),
		kgo.ConsumeTopics(t.name), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer client.Close()
	for len(rest) > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("read topic %q: %w", t.name, err)
		}
		for r := range fetches.RecordsAll() {
			if err := each(r); err != nil {
				return err
			}
			if r.Offset+1 >= rest[r.Partition] {
				delete(rest, r.Partition)
			}
		}
	}
	return nil
}
