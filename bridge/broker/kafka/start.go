package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/kafka/internal/resume"
	"github.com/brokerbridge/bridge/bridge/broker/kafka/internal/span"
	"github.com/brokerbridge/bridge/bridge/config"
)

// begin adds the places of partitions of which neither group nor store knows
// anything. In a group that has read nothing of the topic they begin where the
// configuration says, all partitions at once, so that none is taken for a new one
// later. Else they were added to the topic since, and begin at their beginning:
// what is in them came after the group began.
func (m *member) begin(ctx context.Context, v *view, places, committed map[int32]span.Place, fresh []int32) error {
	if len(fresh) == 0 {
		return nil
	}
	offsets, err := m.fetchOffsets(ctx, m.admin)
	if err != nil {
		return err
	}
	// Another member may have written down, since the assignment, where all begin.
	// (An offset that was there before is that of a topic that is gone.)
	fresh = slices.DeleteFunc(fresh, func(p int32) bool {
		at, there := offsets[p]
		written := there && isSome(at) && !isSome(committed[p])
		if written {
			places[p] = at
		}
		return written
	})
	known := len(v.rows) > 0 || slices.ContainsFunc(slices.Collect(maps.Values(offsets)), isSome)
	start := m.from.Start
	if known && !m.accept.Load() {
		start = config.Start{}
	}
	starts, err := m.starts(ctx, start)
	if err != nil {
		return err
	}
	if !known {
		fresh = fresh[:0]
		for p := range starts[m.from.Topic] {
			fresh = append(fresh, p)
		}
	}
	for _, p := range fresh {
		at, err := offsetOf(starts, m.from.Topic, p)
		if err != nil {
			return err
		}
		places[p] = span.Place{Offset: at, Epoch: -1}
	}
	return nil
}

// isSome reports whether a group has an offset.
func isSome(at span.Place) bool { return at.Offset != resume.None }

// starts asks where a start is in each partition. The latest place is the last
// stable one: what an open transaction writes comes after it.
func (m *member) starts(ctx context.Context, start config.Start) (kadm.ListedOffsets, error) {
	switch {
	case start.Latest:
		return bounds(m.admin.ListCommittedOffsets(ctx, m.from.Topic))
	case !start.Time.IsZero():
		return bounds(m.admin.ListOffsetsAfterMilli(ctx, start.Time.UnixMilli(), m.from.Topic))
	}
	return bounds(m.admin.ListStartOffsets(ctx, m.from.Topic))
}

// writeDown makes sure that group and store know the places before anything is
// read there, and returns the highest offset that the store has for each: a start
// that is forgotten in a crash would be another one afterwards.
func (m *member) writeDown(ctx context.Context, v *view, places, committed map[int32]span.Place) (next map[int32]int64, err error) {
	next = map[int32]int64{}
	offsets := map[int32]kgo.EpochOffset{}
	var positions []broker.Position
	for p, at := range places {
		was, assigned := committed[p]
		next[p] = at.Offset
		same := assigned && was.Offset == at.Offset
		if same && !m.accept.Load() {
			next[p] = max(at.Offset, v.rows[p].Next)
			continue
		}
		row := broker.Position{Topic: m.from.Topic, TopicID: v.id, Partition: p, Next: at.Offset}
		if same {
			row.Committed = at.Offset
		} else {
			offsets[p] = kgo.EpochOffset{Epoch: at.Epoch, Offset: at.Offset}
		}
		positions = append(positions, row)
	}
	refused, err := m.put(ctx, positions, offsets)
	for p, e := range refused {
		err = errors.Join(err, fmt.Errorf("commit offset %d of partition %d: %w", offsets[p].Offset, p, e))
	}
	return next, err
}
