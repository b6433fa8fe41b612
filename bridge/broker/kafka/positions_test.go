package kafka_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// fill writes records "0", "1" … to each partition.
func (l *log) fill(t testing.TB, partitions int32, from, n int) {
	t.Helper()
	var records []*kgo.Record
	for p := range partitions {
		for i := range n {
			records = append(records, &kgo.Record{Partition: p, Value: fmt.Append(nil, from+i)})
		}
	}
	l.produce(t, records...)
}

// extend adds partitions.
func (l *log) extend(t testing.TB, partitions int) {
	t.Helper()
	if _, err := l.admin.UpdatePartitions(t.Context(), partitions, l.name); err != nil {
		t.Fatal(err)
	}
	eventually(t, "Kafka knows the partitions", func() bool {
		topics, err := l.admin.ListTopics(t.Context(), l.name)
		return err == nil && len(topics[l.name].Partitions) == partitions && topics.Error() == nil
	})
	l.connect(t)
}

// Rule 20: what is about to be committed is durable in the store before Kafka
// knows it, and a store that fails holds the offset back.
func TestPositionsAreWrittenBeforeOffsets(t *testing.T) {
	t.Parallel()
	l, p := newLog(t, rig.Topic(t, 1), protocol{}), &positions{}
	l.fill(t, 1, 0, 2000)
	p.look = func(saved broker.Position) {
		if at := l.committed(t)[0]; at > saved.Next || saved.Committed > max(0, at) {
			t.Errorf("the group is at %d, and %+v is only written down", at, saved)
		}
		if seen, ok := p.rows[place{saved.TopicID, 0}]; ok && l.committed(t)[0] > seen.Next {
			t.Errorf("the group is at %d, and the store had only %+v", l.committed(t)[0], seen)
		}
	}
	in := l.read(t, ordered, keeping(p))
	for range 100 {
		ackAll(in.next(10))
		time.Sleep(5 * time.Millisecond)
	}
	l.commits(t, map[int32]int64{0: 1000})
	p.breaks(errors.New("the disk is full"))
	ackAll(in.next(500))
	time.Sleep(2 * time.Second)
	l.commits(t, map[int32]int64{0: 1000})
	p.breaks(nil)
	l.commits(t, map[int32]int64{0: 1500})
	// When nothing happens any more, the store knows that the commit was confirmed:
	// else the offset could be set back unseen.
	eventually(t, "the confirmation is written down", func() bool { return p.of(t, 0).Committed == 1500 })
	in.Close()
}

// A crash between the row and the first commit leaves the start where it was.
func TestStartIsWrittenDown(t *testing.T) {
	for _, start := range []string{"latest", "time", "earliest"} {
		t.Run(start, func(t *testing.T) {
			t.Parallel()
			l, p := newLog(t, rig.Topic(t, 2), protocol{}), &positions{}
			l.fill(t, 2, 0, 10)
			time.Sleep(10 * time.Millisecond)
			now := time.Now()
			time.Sleep(10 * time.Millisecond)
			begin := func(s setup) {
				switch start {
				case "latest":
					s.Start.Latest = true
				case "time":
					s.Start.Time = now
				}
			}
			want := map[string]int64{"latest": 10, "time": 10, "earliest": 0}[start]
			in := l.read(t, begin, ordered, keeping(p))
			in.await(nil)
			l.commits(t, map[int32]int64{0: want, 1: want})
			for partition := range int32(2) {
				if row := p.of(t, partition); row.Next != want {
					t.Errorf("the row is %+v, want %d", row, want)
				}
			}
			in.Close()
			l.fill(t, 2, 10, 5)
			// The second start does not look at the configuration again; nor does a
			// partition that is added, whose records all came after the first.
			l.extend(t, 3)
			l.produce(t, &kgo.Record{Partition: 2, Value: []byte("new")})
			again := l.read(t, begin, ordered, keeping(p))
			first := map[int32]int64{}
			for _, d := range again.next(2*(15-int(want)) + 1) {
				if _, ok := first[d.partition]; !ok {
					first[d.partition] = d.offset
				}
			}
			if first[0] != want || first[1] != want || first[2] != 0 {
				t.Errorf("the partitions began at %v", first)
			}
		})
	}
}

// A16: a partition that is added while the source runs begins at its beginning.
func TestA16_AddedPartitionsAreReadFromTheirBeginning(t *testing.T) {
	t.Parallel()
	eachProtocol(t, func(t *testing.T, p protocol) {
		l := newLog(t, rig.Topic(t, 1), p)
		in := l.read(t, ordered, keeping(&positions{}), func(s setup) { s.Start.Latest = true })
		in.await(nil)
		l.extend(t, 3)
		l.fill(t, 3, 0, 5)
		seen := map[place]bool{} // a rebalance may bring some again
		for len(seen) < 15 {
			d := in.next(1)[0]
			d.Ack()
			seen[place{partition: d.partition*10 + int32(d.offset)}] = true
		}
		l.commits(t, map[int32]int64{0: 5, 1: 5, 2: 5})
	})
}
