package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/internal/pace"
)

const (
	carrierSize = 1000
	probe       = 16
	lookEvery   = time.Second
)

// flow takes records and gives them out, until ctx or the membership ends.
func (m *member) flow(ctx context.Context) error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		if err := m.guard(ctx); err != nil {
			return err
		}
		next := m.pending.next()
		if next == nil {
			taken, err := m.fill(ctx)
			if err != nil {
				return err
			}
			if taken {
				continue
			}
		}
		var out chan<- *message.Message
		var packed *message.Message
		if next != nil {
			out, packed = m.feed.Out, next.packed
		}
		select {
		case out <- packed:
			m.pending.sent()
		case <-m.feed.Woken:
		case <-look.C:
			m.listen()
		case err := <-m.fault:
			return err
		case <-ctx.Done():
			return nil
		}
	}
}

// fill polls for what the window has room for, and reports whether it did.
func (m *member) fill(ctx context.Context) (bool, error) {
	n := m.room()
	stopped := ctx.Err() != nil || len(m.fault) > 0
	if n <= 0 || stopped {
		return false, nil
	}
	err := m.drain(m.poll.poll(ctx, m.client, n, m.paused.Load))
	if n := m.room(); err == nil && n > 0 && m.client.BufferedFetchRecords() > 0 {
		err = m.drain(m.client.PollRecords(nil, n)) //nolint:staticcheck // nil: what is there; it follows the probe
	}
	m.listen()
	return true, err
}

// drain takes what was polled.
func (m *member) drain(fetches kgo.Fetches) error {
	defer m.client.AllowRebalance()
	if err := m.judge(fetches); err != nil {
		return err
	}
	fetches.EachPartition(m.take)
	return nil
}

// room is how many records may be taken now.
func (m *member) room() int {
	if m.paused.Load() || m.waiting() {
		return 0
	}
	open, bytes := m.load.open.Load(), m.load.bytes.Load()
	left := m.from.WindowBytes - bytes
	if left <= 0 {
		return 0
	}
	n := min(m.from.Window-int(open), carrierSize)
	records, size := m.client.BufferedFetchRecords(), m.client.BufferedFetchBytes()
	if records <= 0 {
		return min(n, probe) // how large they are is known when they are here
	}
	return min(n, max(1, int(left/(size/records+perRecord))))
}

// waiting reports whether it is not clear that all partitions are ours.
func (m *member) waiting() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.doubt || m.held != nil
}

// judge returns what ends the membership. It must be looked at before records
// are taken: behind a loss, they go on elsewhere.
func (m *member) judge(fetches kgo.Fetches) error {
	for _, f := range fetches.Errors() {
		var session *kgo.ErrGroupSession
		var loss *kgo.ErrDataLoss
		switch {
		case errors.Is(f.Err, context.Canceled), errors.Is(f.Err, context.DeadlineExceeded):
		case errors.As(f.Err, &session): // the hook was told
		case errors.As(f.Err, &loss):
			return pace.Later(fmt.Errorf("%w: topic %q partition %d: messages %d to %d were read and are gone from the log",
				broker.ErrTruncated, f.Topic, f.Partition, loss.ResetTo, loss.ConsumedTo-1))
		case errors.Is(f.Err, kerr.OffsetOutOfRange):
			return pace.Later(fmt.Errorf("%w: topic %q partition %d: the next message, at offset %d, is not in the log any more",
				broker.ErrTruncated, f.Topic, f.Partition, m.position(f.Partition)))
		case errors.Is(f.Err, kerr.UnknownTopicID), errors.Is(f.Err, kerr.UnknownTopicOrPartition):
			return fmt.Errorf("topic %q was deleted or created anew: %w", f.Topic, f.Err)
		default:
			return pace.Later(fmt.Errorf("fetch from topic %q partition %d: %w", f.Topic, f.Partition, f.Err))
		}
	}
	return nil
}

// position is the next offset of a partition.
func (m *member) position(partition int32) int64 {
	for _, s := range m.pick([]int32{partition}) {
		return s.position()
	}
	return -1
}

// parcels are carriers that were not given out yet, oldest first.
type parcels struct{ list []*parcel }

type parcel struct {
	packed  *message.Message
	session *session
	n       int
}

func (p *parcels) add(c *broker.Carrier, s *session) {
	p.list = append(p.list, &parcel{broker.Pack(c), s, len(c.Messages)})
}

// next is the parcel to offer, or nil. Those of sessions that end are dropped.
func (p *parcels) next() *parcel {
	for len(p.list) > 0 && !p.list[0].session.wanted() {
		p.shift()
	}
	if len(p.list) == 0 {
		return nil
	}
	return p.list[0]
}

func (p *parcels) sent() {
	p.list[0].session.gave(p.list[0].n)
	p.shift()
}

func (p *parcels) shift() {
	p.list[0] = nil
	p.list = p.list[1:]
	if len(p.list) == 0 {
		p.list = nil
	}
}

// gate lets a poll be interrupted.
type gate struct {
	mu     sync.Mutex
	cancel context.CancelFunc
	missed bool // an interrupt came between two polls
}

// poll returns up to n records, or none: at the latest after lookEvery.
func (g *gate) poll(ctx context.Context, client *kgo.Client, n int, skip func() bool) kgo.Fetches {
	ctx, cancel := context.WithTimeout(ctx, lookEvery)
	defer cancel()
	g.mu.Lock()
	g.cancel = cancel
	if g.missed || skip() {
		cancel()
	}
	g.missed = false
	g.mu.Unlock()
	return client.PollRecords(ctx, n)
}

func (g *gate) interrupt() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.missed = true
	if g.cancel != nil {
		g.cancel()
	}
}
