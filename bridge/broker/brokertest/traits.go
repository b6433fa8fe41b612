package brokertest

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/brokerbridge/bridge/bridge/broker"
)

// testSourceTraits holds a source to what it says of itself, where no other case
// does.
func testSourceTraits(t *testing.T, s Sources) {
	const n = 5
	q := s.Queue(t)
	q.Put(t, numbered(0, n)...)
	var kept counted
	r := read(t, q, n, func(o *broker.SourceOptions) { o.Positions = &kept })
	if s.Traits.Window {
		ackAll(r.Next(n)) // all at once, before the first is acknowledged
	} else {
		for range n {
			one := r.Next(1)
			r.none()
			ackAll(one)
		}
	}
	settle(t, r)
	r.Close()
	holds(t, q, 0)
	if got := kept.saves.Load() > 0; got != s.Traits.Positions {
		t.Errorf("positions were written: %v, and it says %v", got, s.Traits.Positions)
	}
}

// counted are positions that are only counted.
type counted struct{ saves atomic.Int64 }

func (*counted) Load(context.Context) ([]broker.Position, error) { return nil, nil }

func (c *counted) Save(_ context.Context, positions ...broker.Position) error {
	c.saves.Add(int64(len(positions)))
	return nil
}

// testTargetTraits holds a target to what it says of itself, and the suite to what
// there is to try.
func testTargetTraits(t *testing.T, s Targets) {
	topic := s.Topic(t)
	target, _ := write(t, topic, topic.To())
	if _, chunks := target.(broker.Chunker); chunks != s.Traits.Chunks {
		t.Errorf("%T takes chunks: %v, and it says %v", target, chunks, s.Traits.Chunks)
	}
	for what, contradicts := range map[string]bool{
		"chooses names":           s.Chosen != nil && !s.Traits.Chooses,
		"tells what is too large": s.TooLarge > 0 && !s.Traits.TellsTooLarge,
	} {
		if contradicts {
			t.Errorf("the suite is told how to try that it %s, and it says that it does not", what)
		}
	}
}
