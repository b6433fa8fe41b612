package amqp_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/amqp"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
	"github.com/brokerbridge/bridge/policies"
)

// wired is a new queue and a target that answers, over a wire of its own.
func wired(t testing.TB, timeout time.Duration) (*place, *wire, broker.Target, <-chan error) {
	t.Helper()
	p := newPlace(t, nil)
	p.Create(t)
	w := newWire(t, rig.AMQP(t))
	target, told := openTarget(t, w.url, p.To(), timeout)
	await(t, told, "that it answers", isNil)
	return p, w, target, told
}

// newExchange is an exchange of this kind that routes to no queue yet.
func newExchange(t testing.TB, kind string) *place {
	t.Helper()
	p := newPlace(t, nil)
	p.exchange = rig.Name(t)
	if err := p.ch.ExchangeDeclare(p.exchange, kind, true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	return p
}

func openTarget(t testing.TB, url string, to config.To, timeout time.Duration) (broker.Target, <-chan error) {
	t.Helper()
	return openTargetWith(t, config.AMQP{URL: config.NewSecret(url)}, to, timeout)
}

func openTargetWith(t testing.TB, cfg config.AMQP, to config.To, timeout time.Duration) (broker.Target, <-chan error) {
	t.Helper()
	told := make(chan error, 1000)
	b := amqp.New("test", cfg, nil)
	target, err := b.Target(to, broker.TargetOptions{
		Route: "route", Timeout: timeout, State: func(err error) { told <- err },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return target, told
}

// await returns the first that fits of what State is told, as it was said.
func await(t testing.TB, told <-chan error, what string, fits func(error) bool) string {
	t.Helper()
	deadline := time.After(40 * time.Second)
	for {
		select {
		case err := <-told:
			if fits(err) {
				return fmt.Sprint(err)
			}
		case <-deadline:
			t.Fatalf("State was not told %s", what)
		}
	}
}

func isNil(err error) bool    { return err == nil }
func anyError(err error) bool { return err != nil }

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(40 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

// unavailable fails unless all are, and say this.
func unavailable(t testing.TB, errs []error, say string) {
	t.Helper()
	for i, err := range errs {
		if policies.ClassOf(err) != policies.Unavailable || !strings.Contains(fmt.Sprint(err), say) {
			t.Fatalf("message %d: %v (%v), want it unavailable: %s", i, err, policies.ClassOf(err), say)
		}
	}
}

func body(s string) *message.Message {
	return &message.Message{Metadata: message.Metadata{}, Payload: []byte(s)}
}

// bodies are n messages with ids of their own.
func bodies(prefix string, n int) []*message.Message {
	msgs := make([]*message.Message, n)
	for i := range msgs {
		id := fmt.Sprint(prefix, "-", i)
		msgs[i] = &message.Message{UUID: id, Metadata: message.Metadata{"id": id}, Payload: []byte(id)}
	}
	return msgs
}
