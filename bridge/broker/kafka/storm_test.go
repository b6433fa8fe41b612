package kafka_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// A13: members come and go while messages flow. No message is lost, and what was
// acknowledged in time does not come again and again.
func TestA13_RebalanceStorm(t *testing.T) {
	t.Parallel()
	eachProtocol(t, func(t *testing.T, p protocol) {
		newStorm(t, p).run()
	})
}

// storm is a topic that members share, each with some messages in flight.
type storm struct {
	t     *testing.T
	l     *log
	store *positions

	mu       sync.Mutex
	acked    map[int32]map[int64]bool // by partition and offset
	produced map[int32]int64
	came     int
}

const stormPartitions = 6

func newStorm(t *testing.T, p protocol) *storm {
	return &storm{
		t: t, l: newLog(t, rig.Topic(t, stormPartitions), p), store: &positions{},
		acked: map[int32]map[int64]bool{}, produced: map[int32]int64{},
	}
}

func (s *storm) run() {
	lasts := 20 * time.Second
	if rig.Full() {
		lasts = 2 * time.Minute
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), lasts)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { s.produce(ctx) })
	wg.Go(func() { s.watch(ctx) })
	for range 3 {
		wg.Go(func() { s.comeAndGo(ctx) })
	}
	wg.Wait()
	// At last, one member reads the rest.
	in := s.l.read(s.t, keeping(s.store), func(c setup) { c.Window = 300 })
	eventually(s.t, "everything is acknowledged", func() bool {
		for _, d := range in.some(50 * time.Millisecond) {
			s.ack(d)
		}
		return s.missing() == 0
	}, func() any { return fmt.Sprint(s.missing(), " are missing; ", in.State.All()) })
	s.l.commits(s.t, s.produced)
	n := int64(0)
	for _, end := range s.produced {
		n += end
	}
	s.t.Logf("%d messages came %d times", n, s.came)
	if s.came > 3*int(n) {
		s.t.Errorf("%d messages came %d times", n, s.came)
	}
}

func (s *storm) produce(ctx context.Context) {
	for i := 0; ctx.Err() == nil; i++ {
		records := make([]*kgo.Record, 60)
		for j := range records {
			records[j] = &kgo.Record{Topic: s.l.name, Partition: int32(j % stormPartitions), Value: []byte("v")}
		}
		if err := s.l.client.ProduceSync(context.Background(), records...).FirstErr(); err != nil {
			s.t.Error(err)
			return
		}
		s.mu.Lock()
		for _, r := range records {
			s.produced[r.Partition] = max(s.produced[r.Partition], r.Offset+1)
		}
		s.mu.Unlock()
		time.Sleep(20 * time.Millisecond)
	}
}

// watch looks that no offset is ever committed that is above an unacknowledged
// message.
func (s *storm) watch(ctx context.Context) {
	for ctx.Err() == nil {
		committed := s.l.committed(s.t) // before what is acknowledged: that grows only
		s.mu.Lock()
		for p, at := range committed {
			for offset := range at {
				if !s.acked[p][offset] {
					s.t.Errorf("partition %d is committed up to %d, and %d is not acknowledged", p, at, offset)
					break
				}
			}
		}
		s.mu.Unlock()
		time.Sleep(100 * time.Millisecond)
	}
}

// comeAndGo is a member for a while, again and again.
func (s *storm) comeAndGo(ctx context.Context) {
	for ctx.Err() == nil {
		in := s.l.read(s.t, keeping(s.store), func(c setup) { c.Window = 50 + rand.IntN(300) })
		stay := time.After(500*time.Millisecond + rand.N(3*time.Second))
		var held []delivery
		for staying := true; staying; {
			select {
			case m, ok := <-in.Carriers:
				if !ok {
					staying = false
					break
				}
				ds, err := unpack(m)
				if err != nil {
					s.t.Error(err)
				}
				held = append(held, ds...)
				rand.Shuffle(len(held), func(i, j int) { held[i], held[j] = held[j], held[i] })
				keep := rand.IntN(min(len(held), 40) + 1)
				for _, d := range held[keep:] {
					s.ack(d)
				}
				held = held[:keep]
			case <-stay:
				staying = false
			case <-ctx.Done():
				staying = false
			}
		}
		in.Close()
		for _, err := range in.State.All() {
			if err != nil && !strings.Contains(err.Error(), "place in the group") {
				s.t.Errorf("told: %v", err)
			}
		}
	}
}

func (s *storm) ack(d delivery) {
	s.mu.Lock()
	s.came++
	if s.acked[d.partition] == nil {
		s.acked[d.partition] = map[int64]bool{}
	}
	s.acked[d.partition][d.offset] = true // before Kafka may know
	s.mu.Unlock()
	d.Ack()
}

// missing is how many messages nobody has acknowledged.
func (s *storm) missing() (n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p, end := range s.produced {
		n += end - int64(len(s.acked[p]))
	}
	return n
}
