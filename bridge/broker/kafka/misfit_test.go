package kafka_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// set commits an offset for the group, as an operator does; retried, because the
// group must be empty.
func (l *log) set(t testing.TB, partition int32, at int64) {
	t.Helper()
	offsets := kadm.Offsets{}
	offsets.AddOffset(l.name, partition, at, -1)
	var err error
	eventually(t, fmt.Sprintf("the offset is set to %d", at), func() bool {
		err = l.admin.CommitAllOffsets(t.Context(), l.name, offsets)
		return err == nil
	}, func() any { return err })
}

// settle reads n records with a store, acknowledges them and ends.
func (l *log) settle(t testing.TB, p *positions, n int) {
	t.Helper()
	in := l.read(t, ordered, keeping(p))
	ackAll(in.next(n))
	in.Close()
	l.commits(t, map[int32]int64{0: int64(n)})
	if row := p.of(t, 0); row.Next != int64(n) || row.Committed != int64(n) {
		t.Fatalf("after the end the row is %+v, want %d", row, n)
	}
}

// trouble is a group that does not fit what the store knows.
type trouble struct {
	name  string
	cause func(t *testing.T, l *log, p *positions) // after 500 of 1,000 were settled
	fault error
	says  string
	cure  func(t *testing.T, l *log) // what an operator does; nil: only --accept-offset helps
	next  string                     // what comes after the cure
	taken string                     // what comes after --accept-offset
}

var troubles = []trouble{
	{
		name:  "Rewound",
		cause: func(t *testing.T, l *log, _ *positions) { l.set(t, 0, 100) },
		fault: broker.ErrRewound, says: "set back to 100, and the route has settled up to 500",
		cure: func(t *testing.T, l *log) { l.set(t, 0, 500) }, next: "500", taken: "100",
	},
	{
		name: "GroupDeleted",
		cause: func(t *testing.T, l *log, _ *positions) {
			eventually(t, "the group is deleted", func() bool {
				_, err := l.admin.DeleteGroup(t.Context(), l.name)
				return err == nil
			})
		},
		fault: broker.ErrRewound, says: "the group has no offset any more",
		cure: func(t *testing.T, l *log) { l.set(t, 0, 500) }, next: "500", taken: "0",
	},
	{
		name:  "SomebodyElseHasCommitted",
		cause: func(t *testing.T, l *log, _ *positions) { l.set(t, 0, 700) },
		fault: broker.ErrElsewhere, says: "this store has committed no more than 500",
		cure: func(t *testing.T, l *log) { l.set(t, 0, 500) }, next: "500", taken: "700",
	},
	{
		name:  "AnotherStore",
		cause: func(_ *testing.T, _ *log, p *positions) { p.rows = nil },
		fault: broker.ErrElsewhere, says: "this store has not read it",
		taken: "500",
	},
	{
		name: "A15_Truncated",
		cause: func(t *testing.T, l *log, _ *positions) {
			l.cut(t, 600)
		},
		fault: broker.ErrTruncated, says: "messages 500 to 599 are gone",
		taken: "600",
	},
	{
		name: "BeyondTheEnd",
		cause: func(t *testing.T, l *log, p *positions) {
			l.set(t, 0, 5000)
			for at, r := range p.rows {
				r.Next = 5000
				p.rows[at] = r
			}
		},
		fault: broker.ErrTruncated, says: "the log ends at offset 1000",
		cure: func(t *testing.T, l *log) { l.set(t, 0, 500) }, next: "500", taken: "last",
	},
	{
		name: "A15_Recreated",
		cause: func(t *testing.T, l *log, _ *positions) {
			l.recreate(t, 1)
			l.fill(t, 1, 0, 10)
		},
		fault: broker.ErrRecreated, says: "deleted and created again",
		taken: "0",
	},
}

// happens makes the trouble in a topic of its own.
func (c trouble) happens(t *testing.T) (*log, *positions) {
	t.Helper()
	l, p := newLog(t, rig.Topic(t, 1), protocol{}), &positions{}
	l.fill(t, 1, 0, 1000)
	l.settle(t, p, 500)
	l.forget(t)
	c.cause(t, l, p)
	return l, p
}

// cut deletes the records below an offset.
func (l *log) cut(t testing.TB, below int64) {
	t.Helper()
	offsets := kadm.Offsets{}
	offsets.AddOffset(l.name, 0, below, -1)
	if _, err := l.admin.DeleteRecords(t.Context(), offsets); err != nil {
		t.Fatal(err)
	}
}

func (l *log) recreate(t testing.TB, partitions int32) {
	t.Helper()
	if _, err := l.admin.DeleteTopic(t.Context(), l.name); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the topic is created again", func() bool {
		_, err := l.admin.CreateTopic(t.Context(), partitions, 1, nil, l.name)
		return err == nil
	})
	rig.AwaitTopic(t, l.name)
	l.connect(t)
}

// Rule 20: where group, log and store do not fit together, nothing is read, the
// reason is named with what to do, and when it is done the source goes on.
func TestPositionsThatDoNotFit(t *testing.T) {
	t.Parallel()
	for _, c := range troubles {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l, p := c.happens(t)
			in := l.read(t, ordered, keeping(p))
			if err := in.hear(c.fault); !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "--accept-offset") {
				t.Errorf("told: %v", err)
			}
			in.none()
			if c.cure != nil {
				c.cure(t, l)
				in.await(nil)
				if got := string(in.next(1)[0].Payload); got != c.next {
					t.Errorf("it goes on at %s, want %s", got, c.next)
				}
			}
			in.Close()
		})
	}
}

func TestPositionsThatDoNotFitAreAccepted(t *testing.T) {
	t.Parallel()
	for _, c := range troubles {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l, p := c.happens(t)
			in := l.read(t, ordered, keeping(p), func(s setup) { s.AcceptOffset = true })
			in.await(nil)
			if c.taken == "last" {
				l.produce(t, &kgo.Record{Value: []byte("last")})
			}
			got := in.next(1)[0]
			if string(got.Payload) != c.taken {
				t.Errorf("it goes on at %s, want %s", got.Payload, c.taken)
			}
			got.Ack()
			in.Close()
			// Once: from now on everything fits again.
			again := l.read(t, ordered, keeping(p))
			again.await(nil)
			l.commits(t, map[int32]int64{0: got.offset + 1})
		})
	}
}

// forget waits until Kafka has forgotten the members of the group, so that an
// operator may change its offsets.
func (l *log) forget(t testing.TB) {
	t.Helper()
	for _, id := range l.instances(t) {
		if _, err := l.admin.LeaveGroup(t.Context(), kadm.LeaveGroup(l.name).InstanceIDs(id)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the group is empty", func() bool { return len(l.members(t)) == 0 })
}

// afterTen is a source that has settled the ten records of its topic, and runs.
func afterTen(t *testing.T) (*log, *intake) {
	t.Helper()
	l := newLog(t, rig.Topic(t, 1), protocol{})
	l.fill(t, 1, 0, 10)
	in := l.read(t, ordered, keeping(&positions{}))
	ackAll(in.next(10))
	l.commits(t, map[int32]int64{0: 10})
	return l, in
}

// A15: records that are deleted below the position of a running source are
// noticed; those are not skipped.
func TestA15_TruncatedWhileRunning(t *testing.T) {
	t.Parallel()
	l, in := afterTen(t)
	in.Source.Pause()
	in.none()
	// More than the client has fetched ahead.
	big := make([]byte, 100<<10)
	for i := range 40 {
		r := make([]*kgo.Record, 10)
		for j := range r {
			r[j] = &kgo.Record{Value: append([]byte(fmt.Sprint(10*i+j)), big...)}
		}
		l.produce(t, r...)
	}
	l.cut(t, 400)
	in.Source.Resume()
	taken := in.some(time.Second)
	eventually(t, "it is told what is gone", func() bool {
		return strings.Contains(in.hear(broker.ErrTruncated).Error(), "to 399 are gone")
	})
	for _, d := range append(taken, in.some(quiet)...) {
		if d.offset >= 400 {
			t.Fatalf("offset %d came: what was deleted was skipped", d.offset)
		}
	}
}

// A15: a topic that is deleted and created under a running source is another one.
func TestA15_RecreatedWhileRunning(t *testing.T) {
	t.Parallel()
	l, in := afterTen(t)
	l.recreate(t, 1)
	l.fill(t, 1, 0, 20)
	in.await(broker.ErrRecreated)
	in.none()
}
