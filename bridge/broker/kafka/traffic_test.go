package kafka_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/kafka"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// traffic is a source and a target of the same topic, of one broker.
type traffic struct {
	t      *testing.T
	topic  string
	wire   *wire
	target broker.Target
	came   <-chan *message.Message
	in     *states
	out    *states
	log    *locked
	sent   int
}

// states are what State was told.
type states struct {
	mu  sync.Mutex
	all []error
}

func (s *states) tell(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, err)
}

// says reports whether the last that was told says this; empty: that it works.
func (s *states) says(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) == 0 {
		return false
	}
	err := s.all[len(s.all)-1]
	return err == nil && text == "" || err != nil && text != "" && strings.Contains(err.Error(), text)
}

func (s *states) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprint(s.all)
}

type locked struct {
	mu sync.Mutex
	w  bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.String()
}

func newTraffic(t *testing.T, topic, group string, cfg config.Kafka) *traffic {
	t.Helper()
	f := &traffic{t: t, topic: topic, wire: &wire{}, in: &states{}, out: &states{}, log: &locked{}}
	b := kafka.New("test", cfg, slog.New(slog.NewTextHandler(f.log, nil))).Dial(f.wire.dial)
	src, err := b.Source(config.From{Topic: topic, Group: group}, broker.SourceOptions{
		Route: "route", Owner: rig.Name(t), Ordered: true, State: f.in.tell,
	})
	if err != nil {
		t.Fatal(err)
	}
	if f.came, err = src.Subscribe(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	to := config.To{Topic: config.Dynamic{Fixed: topic}}
	if f.target, err = b.Target(to, broker.TargetOptions{Route: "route", State: f.out.tell}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return f
}

// flows sends a message through both, as soon as that works.
func (f *traffic) flows() {
	f.t.Helper()
	f.sent++
	text := fmt.Sprint(f.sent)
	eventually(f.t, "it is published", func() bool {
		return f.target.Publish("", &message.Message{Payload: []byte(text)}) == nil
	}, func() any { return f.out })
	deadline := time.After(40 * time.Second)
	for {
		select {
		case m := <-f.came:
			c, _ := broker.Unpack(m)
			c.Session.Ack(c.Tokens)
			for _, m := range c.Messages {
				if string(m.Payload) == text {
					return
				}
			}
		case <-deadline:
			f.t.Fatalf("message %s did not come: %v", text, f.in)
		}
	}
}
