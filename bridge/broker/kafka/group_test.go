package kafka_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// W7: an acknowledgement that comes when the partition is another's changes
// nothing: neither the group's offset nor what the store has written down.
func TestW7_LateAckOfALostPartitionChangesNothing(t *testing.T) {
	t.Parallel()
	eachProtocol(t, func(t *testing.T, p protocol) {
		l, store := newLog(t, rig.Topic(t, 1), p), &positions{}
		l.fill(t, 1, 0, 10)
		first := l.read(t, keeping(store))
		old := first.next(10)
		old[0].Ack()
		l.commits(t, map[int32]int64{0: 1})
		l.Break(t)
		fresh := first.next(9)
		ackAll(old)
		first.none()
		fresh[0].Ack()
		l.commits(t, map[int32]int64{0: 2})
		time.Sleep(quiet)
		l.commits(t, map[int32]int64{0: 2})
		first.Close()
		ackAll(old)
		ackAll(fresh)
		if row := store.of(t, 0); row.Next != 2 {
			t.Errorf("the row is %+v, want 2", row)
		}
		l.commits(t, map[int32]int64{0: 2})
	})
}

// W7: nothing resends in place, for ever: what is not acknowledged just waits.
func TestW7_UnacknowledgedIsNotSentAgain(t *testing.T) {
	t.Parallel()
	l := newLog(t, rig.Topic(t, 1), protocol{})
	l.fill(t, 1, 0, 3)
	in := l.read(t)
	ds := in.next(3)
	time.Sleep(3 * time.Second)
	in.none()
	ackAll(ds)
	l.commits(t, map[int32]int64{0: 3})
}

// Rule 20: of two bridges with a store each, one reads. The other says so, and
// takes over when the first is gone.
func TestOneOfTwoStoresReads(t *testing.T) {
	t.Parallel()
	for range 5 {
		l := newLog(t, rig.Topic(t, 4), protocol{})
		l.fill(t, 4, 0, 25)
		var ins [2]*intake
		var wg sync.WaitGroup
		for i := range ins {
			wg.Go(func() {
				ins[i] = l.read(t, ordered, func(s setup) { s.Owner = fmt.Sprint("store", i) })
			})
		}
		wg.Wait()
		var came [2]int
		eventually(t, "one of them reads everything", func() bool {
			for i, in := range ins {
				ds := in.some(10 * time.Millisecond)
				ackAll(ds)
				came[i] += len(ds)
			}
			return came[0] >= 100 || came[1] >= 100
		}, func() any { return fmt.Sprint(came, ins[0].State.All(), ins[1].State.All()) })
		reads, waits := ins[0], ins[1]
		if came[1] > came[0] {
			reads, waits = waits, reads
		}
		if slices.Min(came[:]) > 0 {
			t.Fatalf("both read: %v", came)
		}
		if err := waits.hear(broker.ErrElsewhere); !strings.Contains(err.Error(), "bridge-route-store") {
			t.Errorf("who it is is not said: %v", err)
		}
		reads.Close()
		waits.Close()
	}
}

// Rule 20: the same store twice: the later one takes over, as a restart does, and
// the earlier one says so and stays away for as long as the other is there.
func TestFencedByACopy(t *testing.T) {
	t.Parallel()
	l := newLog(t, rig.Topic(t, 2), protocol{})
	l.fill(t, 2, 0, 5)
	first := l.read(t, ordered)
	first.next(10)
	second := l.read(t, ordered)
	ds := second.next(10)
	if err := first.hear(broker.ErrElsewhere); !strings.Contains(err.Error(), "same store") {
		t.Errorf("told: %v", err)
	}
	ackAll(ds)
	l.commits(t, map[int32]int64{0: 5, 1: 5})
	time.Sleep(5 * time.Second)
	l.fill(t, 2, 5, 1)
	ackAll(second.next(2))
	first.none()
	second.Close()
	first.await(nil) // when the other's session has timed out
	l.fill(t, 2, 6, 1)
	first.next(2)
}

// Rule 20: a consumer that is no bridge joins the group of an ordered route.
func TestForeignConsumerPausesAnOrderedRoute(t *testing.T) {
	t.Parallel()
	l := newLog(t, rig.Topic(t, 2), protocol{})
	in := l.read(t, ordered)
	in.await(nil)
	foreign := rig.Client(t, kgo.ConsumerGroup(l.name), kgo.ConsumeTopics(l.name),
		kgo.Balancers(kgo.CooperativeStickyBalancer(), kgo.RangeBalancer()), kgo.DisableAutoCommit())
	in.await(broker.ErrElsewhere)
	l.fill(t, 2, 0, 3)
	in.none()
	foreign.Close()
	in.await(nil)
	ackAll(in.next(6))
	l.commits(t, map[int32]int64{0: 3, 1: 3})
}

// A static member that restarts finds its partitions, without a rebalance.
func TestRestartDoesNotRebalance(t *testing.T) {
	l := newLog(t, rig.Topic(t, 3), protocol{})
	l.fill(t, 3, 0, 10)
	in := l.read(t, ordered)
	ackAll(in.next(30))
	in.Close()
	l.commits(t, map[int32]int64{0: 10, 1: 10, 2: 10})
	before := l.instances(t)
	if len(before) != 1 {
		t.Fatalf("%v are in the group after the end, want one", before)
	}
	again := l.read(t, ordered)
	again.await(nil)
	l.fill(t, 3, 10, 1)
	ackAll(again.next(3))
	if after := l.instances(t); !slices.Equal(before, after) {
		t.Errorf("the members were %v and are %v", before, after)
	}
}

// A pause keeps the place in the group, however long it lasts.
func TestPauseKeepsThePlace(t *testing.T) {
	t.Parallel()
	eachProtocol(t, func(t *testing.T, p protocol) {
		l := newLog(t, rig.Topic(t, 2), p)
		l.fill(t, 2, 0, 5)
		in := l.read(t)
		ds := in.next(10)
		in.Source.Pause()
		before := l.members(t)
		l.fill(t, 2, 5, 5)
		time.Sleep(8 * time.Second) // the session is 6 s
		in.none()
		if after := l.members(t); !slices.Equal(before, after) {
			t.Errorf("the members were %v and are %v", before, after)
		}
		ackAll(ds)
		l.commits(t, map[int32]int64{0: 5, 1: 5})
		in.Source.Resume()
		ackAll(in.next(10))
		l.commits(t, map[int32]int64{0: 10, 1: 10})
	})
}

// The protocol is the one that was asked for.
func TestProtocolIsTheConfiguredOne(t *testing.T) {
	for _, p := range protocols {
		l := newLog(t, rig.Topic(t, 1), p)
		l.read(t).await(nil)
		var got string
		if p.name == config.ProtocolConsumer {
			groups, err := l.admin.DescribeConsumerGroups(t.Context(), l.name)
			if err != nil {
				t.Fatal(err)
			}
			got = groups[l.name].AssignorName
		} else {
			groups, err := l.admin.DescribeGroups(t.Context(), l.name)
			if err != nil {
				t.Fatal(err)
			}
			got = groups[l.name].Protocol
		}
		if want := map[string]string{"Cooperative": "cooperative-sticky", "Eager": "range", "KIP848": "uniform"}[p.title]; got != want {
			t.Errorf("%s: partitions are shared by %q, want %q", p.title, got, want)
		}
	}
}

// Several topics of one route are read in one group: its members know each other.
func TestTwoTopicsInOneGroup(t *testing.T) {
	t.Parallel()
	a, b := newLog(t, rig.Topic(t, 2), protocol{}), newLog(t, rig.Topic(t, 2), protocol{})
	a.fill(t, 2, 0, 5)
	b.fill(t, 2, 0, 5)
	shared := func(s setup) { s.Group = a.name }
	store := &positions{}
	one, two := a.read(t, ordered, keeping(store)), b.read(t, ordered, keeping(store), shared)
	ackAll(one.next(10))
	ackAll(two.next(10))
	one.await(nil)
	two.await(nil)
	a.commits(t, map[int32]int64{0: 5, 1: 5})
}
