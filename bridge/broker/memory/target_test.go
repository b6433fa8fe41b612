package memory_test

import (
	"crypto/rand"
	"errors"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/brokertest"
	"github.com/brokerbridge/bridge/bridge/broker/memory"
	"github.com/brokerbridge/bridge/bridge/config"
)

func TestTargets(t *testing.T) {
	b := memory.New("test", nil) // shared: a target can write to another's queue
	brokertest.TestTargets(t, brokertest.Targets{
		Traits: memory.Traits(),
		Topic: func(t testing.TB) brokertest.Topic {
			tp := newTopic(b)
			tp.Create(t)
			return tp
		},
		Missing: func(testing.TB) brokertest.Topic { return newTopic(b) },
	})
}

func newTopic(b *memory.Broker) topic { return topic{b, "q-" + rand.Text()} }

type topic struct {
	b    *memory.Broker
	name string
}

func (tp topic) To() config.To     { return config.To{Broker: "test", Queue: tp.name} }
func (tp topic) Create(testing.TB) { tp.b.Create(tp.name) }

func (tp topic) Read(testing.TB, int) []*message.Message { return tp.b.Messages(tp.name) }

func (tp topic) Target(t testing.TB, to config.To, opts broker.TargetOptions) broker.Target {
	target, err := tp.b.Target(to, opts)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func TestFailsOnDemand(t *testing.T) {
	b := memory.New("test", nil)
	target, err := b.Target(config.To{Queue: "q", Declare: config.Declare{On: true}}, broker.TargetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	poison := errors.New("poison")
	b.Fail("q", func(m *message.Message) error {
		if string(m.Payload) == "bad" {
			return poison
		}
		return nil
	})
	msgs := []*message.Message{{Payload: []byte("good")}, {Payload: []byte("bad")}}
	if errs := target.PublishBatch(msgs); errs[0] != nil || !errors.Is(errs[1], poison) {
		t.Errorf("outcomes are %v", errs)
	}
	b.Fail("q", nil)
	if err := target.Publish("", msgs[1]); err != nil {
		t.Error(err)
	}
	if got := len(b.Messages("q")); got != 2 {
		t.Errorf("%d were written, want 2", got)
	}
}
