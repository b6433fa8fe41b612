package memory_test

import (
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	"go.uber.org/goleak"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/brokertest"
	"github.com/brokerbridge/bridge/bridge/broker/memory"
	"github.com/brokerbridge/bridge/bridge/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSources(t *testing.T) {
	brokertest.TestSources(t, brokertest.Sources{
		Traits: memory.Traits(),
		Queue: func(t testing.TB) brokertest.Queue {
			q := queue{memory.New("test", nil)}
			q.Create(t)
			return q
		},
		Missing: func(testing.TB) brokertest.Queue { return queue{memory.New("test", nil)} },
	})
}

type queue struct{ b *memory.Broker }

func (q queue) From() config.From                          { return config.From{Broker: "test", Queue: "q"} }
func (q queue) Create(testing.TB)                          { q.b.Create("q") }
func (q queue) Put(_ testing.TB, msgs ...*message.Message) { q.b.Put("q", msgs...) }
func (q queue) Depth(testing.TB) int                       { return len(q.b.Messages("q")) }
func (q queue) Break(testing.TB)                           { q.b.Break("q") }

func (q queue) Source(t testing.TB, from config.From, opts broker.SourceOptions) broker.Source {
	src, err := q.b.Source(from, opts)
	if err != nil {
		t.Fatal(err)
	}
	return src
}
