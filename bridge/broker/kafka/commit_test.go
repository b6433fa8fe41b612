package kafka_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// I4: whatever the order of acknowledgements, at no moment is an offset committed
// that is above a message which is not acknowledged.
func TestI4_OffsetsStayBelowTheLowestUnacknowledged(t *testing.T) {
	t.Parallel()
	eachProtocol(t, func(t *testing.T, p protocol) {
		const partitions, n = 3, 3000
		l := newLog(t, rig.Topic(t, partitions), p)
		l.fill(t, partitions, 0, n)
		var mu sync.Mutex
		acked := map[int32]map[int64]bool{0: {}, 1: {}, 2: {}}
		done := make(chan struct{})
		var watcher sync.WaitGroup
		watcher.Go(func() {
			for looks := 0; ; looks++ {
				committed := l.committed(t) // older than what is acknowledged
				mu.Lock()
				for p, at := range committed {
					for offset := range at {
						if !acked[p][offset] {
							t.Errorf("partition %d is committed up to %d, and %d is not acknowledged", p, at, offset)
							break
						}
					}
				}
				mu.Unlock()
				select {
				case <-done:
					t.Logf("looked %d times", looks)
					return
				case <-time.After(rand.N(30 * time.Millisecond)):
				}
			}
		})
		in := l.read(t, func(s setup) { s.Window = 500 })
		var held []delivery
		for taken := 0; taken < partitions*n || len(held) > 0; {
			if taken < partitions*n && len(held) < 400 {
				ds := in.next(1)
				taken += len(ds)
				held = append(held, ds...)
				continue
			}
			rand.Shuffle(len(held), func(i, j int) { held[i], held[j] = held[j], held[i] })
			k := len(held) - rand.IntN(min(len(held), 100)+1)
			mu.Lock()
			for _, d := range held[k:] {
				acked[d.partition][d.offset] = true
			}
			mu.Unlock()
			ackAll(held[k:])
			held = held[:k]
			time.Sleep(rand.N(20 * time.Millisecond))
		}
		l.commits(t, map[int32]int64{0: n, 1: n, 2: n})
		close(done)
		watcher.Wait()
	})
}

// Rule 16: what is taken and not committed is at most ten windows, of the
// partition with the message that is not acknowledged. Others go on.
func TestUncommittedIsTenWindowsAtMost(t *testing.T) {
	t.Parallel()
	const window, n = 20, 600
	l := newLog(t, rig.Topic(t, 2), protocol{})
	l.fill(t, 2, 0, n)
	in := l.read(t, func(s setup) { s.Window = window })
	var held delivery
	came := map[int32]int{}
	for came[1] < n {
		d := in.next(1)[0]
		came[d.partition]++
		if d.partition == 0 && d.offset == 0 {
			held = d
			continue
		}
		d.Ack()
	}
	for _, d := range in.some(quiet) {
		came[d.partition]++
		d.Ack()
	}
	if came[0] > 10*window || came[0] < 9*window {
		t.Errorf("%d came beside the one that is not acknowledged, the window is %d", came[0], window)
	}
	l.commits(t, map[int32]int64{0: 0, 1: n})
	held.Ack()
	for range n - came[0] {
		in.next(1)[0].Ack()
	}
	l.commits(t, map[int32]int64{0: n, 1: n})
}

// The end of the subscription takes nothing more and ends nothing that is in hand.
func TestAcknowledgesAfterTheSubscription(t *testing.T) {
	l, p := newLog(t, rig.Topic(t, 1), protocol{}), &positions{}
	l.fill(t, 1, 0, 100)
	in := l.read(t, ordered, keeping(p), func(s setup) { s.Window = 10 })
	ds := in.next(10)
	in.Cancel()
	for range in.Carriers {
		t.Error("a carrier came after the end")
	}
	ackAll(ds[:4])
	l.commits(t, map[int32]int64{0: 4}) // without Close
	ackAll(ds[4:8])
	in.Close()
	l.commits(t, map[int32]int64{0: 8})
	if row := p.of(t, 0); row.Next != 8 || row.Committed != 8 {
		t.Errorf("the row is %+v, want 8", row)
	}
	ackAll(ds)
	l.commits(t, map[int32]int64{0: 8})
}

// A router closes the source too: whoever closes it, the last offsets are written
// down when Close returns.
func TestEveryCloseWaitsForTheLastOffsets(t *testing.T) {
	t.Parallel()
	l, p := newLog(t, rig.Topic(t, 1), protocol{}), &positions{}
	l.fill(t, 1, 0, 10)
	in := l.read(t, ordered, keeping(p))
	ds := in.next(10)
	saving, on := make(chan struct{}), make(chan struct{})
	p.mu.Lock()
	p.look = func(row broker.Position) {
		if row.Next == 10 {
			close(saving)
			<-on
			p.look = nil
		}
	}
	p.mu.Unlock()
	ackAll(ds)
	go func() { _ = in.Source.Close() }()
	<-saving
	closed := make(chan struct{})
	go func() { defer close(closed); in.Close() }()
	select {
	case <-closed:
		t.Error("it was closed before the last offsets were written down")
	case <-time.After(quiet):
	}
	close(on)
	<-closed
	l.commits(t, map[int32]int64{0: 10})
}

// While partitions are taken away, what is in flight can still be acknowledged:
// when members come and go in good order, nothing comes twice.
func TestOrderlyRebalanceBringsNothingTwice(t *testing.T) {
	t.Parallel()
	eachProtocol(t, func(t *testing.T, p protocol) {
		const partitions = 4
		l := newLog(t, rig.Topic(t, partitions), p)
		var mu sync.Mutex
		came := map[string]int{}
		slow := func(in *intake, stop <-chan struct{}) {
			var acks sync.WaitGroup
			go func() {
				<-stop
				in.Cancel()
			}()
			for m := range in.Carriers {
				ds, err := unpack(m)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				for _, d := range ds {
					came[fmt.Sprint(d.partition, ":", d.offset)]++
				}
				mu.Unlock()
				acks.Go(func() {
					time.Sleep(300 * time.Millisecond)
					ackAll(ds)
				})
			}
			acks.Wait()
			in.Close()
		}
		first, second, never := make(chan struct{}), make(chan struct{}), make(chan struct{})
		var members sync.WaitGroup
		members.Go(func() { slow(l.read(t), first) })
		members.Go(func() { slow(l.read(t), second) })
		const n = 300
		for i := range n {
			switch i {
			case n / 3:
				members.Go(func() { slow(l.read(t), never) })
				close(first)
			case 2 * n / 3:
				close(second)
			}
			l.fill(t, partitions, i, 1)
			time.Sleep(40 * time.Millisecond)
		}
		l.commits(t, map[int32]int64{0: n, 1: n, 2: n, 3: n})
		close(never)
		members.Wait()
		twice := 0
		for _, n := range came {
			if n > 1 {
				twice++
			}
		}
		if len(came) != partitions*n || twice > 0 {
			t.Errorf("%d of %d came, %d of them more than once", len(came), partitions*n, twice)
		}
	})
}

// Two members that begin at once at the latest place begin there with all
// partitions, whoever gets which.
func TestTwoMembersBeginAtTheLatest(t *testing.T) {
	t.Parallel()
	const partitions = 6
	l := newLog(t, rig.Topic(t, partitions), protocol{})
	l.fill(t, partitions, 0, 50)
	latest := func(s setup) { s.Start.Latest = true }
	a, b := l.read(t, latest), l.read(t, latest)
	a.await(nil)
	b.await(nil)
	a.none()
	b.none()
	l.fill(t, partitions, 50, 1)
	came := map[string]int{}
	eventually(t, "the new ones come", func() bool {
		for _, d := range append(a.some(10*time.Millisecond), b.some(10*time.Millisecond)...) {
			d.Ack()
			came[fmt.Sprint(d.partition, ":", string(d.Payload))]++
		}
		return len(came) >= partitions
	}, func() any { return came })
	if len(came) != partitions {
		t.Errorf("came %v", came)
	}
}
