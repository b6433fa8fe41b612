package bridge_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/memory"
	"github.com/brokerbridge/bridge/bridge/config"
	memorystore "github.com/brokerbridge/bridge/ordering/store/memory"
)

// longer is more than a Watermill router waits for its handlers here.
const longer = 6 * time.Second

// slow is a broker whose source takes long to end, as one of Kafka does whose offsets
// and leave have no answer.
type slow struct{ *memory.Broker }

func (b slow) Source(from config.From, opts broker.SourceOptions) (broker.Source, error) {
	s, err := b.Broker.Source(from, opts)
	if err != nil {
		return nil, err
	}
	return ending{s, sync.OnceValue(func() error {
		time.Sleep(longer)
		return s.Close()
	})}, nil
}

type ending struct {
	broker.Source
	end func() error
}

func (s ending) Close() error { return s.end() }

// Subscribe hands out until the source has ended.
func (s ending) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	return s.Source.Subscribe(context.WithoutCancel(ctx), topic)
}

// TestB2_SourceThatEndsSlowlyIsNoFailure: a stop waits for it, and ends well.
func TestB2_SourceThatEndsSlowlyIsNoFailure(t *testing.T) {
	t.Parallel()
	r := paused(t, memorystore.New(), func(b *memory.Broker) broker.Broker { return slow{b} })
	began := time.Now()
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took < longer || took > 3*longer {
		t.Errorf("the stop took %v", took)
	}
}
