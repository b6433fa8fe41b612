package amqp_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/amqp"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// traffic is a source and a target of the same queue.
type traffic struct {
	t      *testing.T
	queue  string
	target broker.Target
	came   <-chan *message.Message
	in     *states
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

// last reports what was told last.
func (s *states) last() (err error, told bool) { //nolint:revive // the error is the value
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) == 0 {
		return nil, false
	}
	return s.all[len(s.all)-1], true
}

func (s *states) says(text string) bool {
	err, told := s.last()
	return told && (err == nil && text == "" || err != nil && text != "" && strings.Contains(err.Error(), text))
}

func newTraffic(t *testing.T, cfg config.AMQP) *traffic {
	t.Helper()
	f := &traffic{t: t, queue: rig.Queue(t), in: &states{}, log: &locked{}}
	b := amqp.New("test", cfg, slog.New(slog.NewTextHandler(f.log, nil)))
	src, err := b.Source(config.From{Queue: f.queue}, broker.SourceOptions{Route: "route", Ordered: true, State: f.in.tell})
	if err != nil {
		t.Fatal(err)
	}
	f.came = subscribe(t, src)
	if f.target, err = b.Target(config.To{Queue: f.queue}, broker.TargetOptions{Route: "route"}); err != nil {
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
	eventually(f.t, "it is published", func() bool { return f.target.Publish("", body(text)) == nil })
	for {
		c := next(f.t, f.came)
		for _, token := range c.Tokens {
			c.Session.Ack([]uint64{token})
		}
		for _, m := range c.Messages {
			if string(m.Payload) == text {
				return
			}
		}
	}
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
