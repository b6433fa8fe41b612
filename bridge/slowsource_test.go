package bridge_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge"
	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/memory"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/status"
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
		err := s.Close()
		time.Sleep(100 * time.Millisecond) // what it hands out has ended, and it has not
		return err
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

// TestB2_SourceThatEndsSlowlyIsNoFailure: a stop waits for it, ends well, and tells
// of no error.
func TestB2_SourceThatEndsSlowlyIsNoFailure(t *testing.T) {
	t.Parallel()
	r, said := brokers(), make(chan string, 100)
	r.run(t, pausable, bridge.Options{
		Store: memorystore.New(), Brokers: map[string]broker.Broker{"in": slow{r.in}, "out": r.out},
		Logger: slog.New(slog.NewTextHandler(heard(said), &slog.HandlerOptions{Level: slog.LevelError})),
	})
	await(t, "the start", func() bool { return r.route(t, "one").State != status.Starting })
	began := time.Now()
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took < longer || took > 3*longer {
		t.Errorf("the stop took %v", took)
	}
	if len(said) > 0 {
		t.Error(<-said)
	}
}

// heard hands on what is written.
type heard chan string

func (h heard) Write(p []byte) (int, error) {
	h <- string(p)
	return len(p), nil
}
