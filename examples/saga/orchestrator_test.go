package main

import (
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"go.uber.org/goleak"

	"github.com/brokerbridge/bridge/bridge/bridgetest"
	"github.com/brokerbridge/bridge/examples/internal/service"
	"github.com/brokerbridge/bridge/ordering"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestLateAtThePivot lets the carrier be late. The order is not cancelled, since the
// parcel may be on its way: a person hears of it, once, and when the answer comes
// the order goes on.
func TestLateAtThePivot(t *testing.T) {
	var heard notes
	from := answers(t, Order{ID: "A", Within: map[string]time.Duration{"shipping": time.Millisecond}},
		answered{"payment", answer{To: "A.saga.payment.1"}},
		answered{"stock", answer{To: "A.saga.stock.1"}},
		answered{"shipping", answer{To: "A.saga.shipping.1"}},
	)
	s, err := service.Start(t.Context(), service.Config{
		Name: "saga", Dir: t.TempDir(), Subscriber: from, Publisher: &heard, Handle: orchestrate, Tick: expire,
		Say: func(string, string, string) {}, Alarm: func(_, text string) { heard.add("alarm: " + text) },
		Failed: func(err error) { t.Error(err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	heard.await(t, "alarm: order A still waits for the answer to A.saga.shipping.1")
	time.Sleep(200 * time.Millisecond) // some ticks
	from.SendDropped()
	heard.await(t, "payment: send receipt")
	if err := errors.Join(s.Close(), from.Close()); err != nil {
		t.Fatal(err)
	}
	if got := heard.all(); len(got) != 5 || slices.Contains(got, "stock: release") {
		t.Errorf("heard %s", strings.Join(got, "\n"))
	}
}

// TestNoBroker says what is missing.
func TestNoBroker(t *testing.T) {
	t.Setenv("AMQP_URL", "amqp://guest:guest@127.0.0.1:1/")
	if err := run(t.Context(), t.TempDir(), io.Discard); err == nil || !strings.Contains(err.Error(), "RabbitMQ") {
		t.Errorf("it says %v", err)
	}
}

type answered struct {
	from string
	answer
}

// answers are an order and what comes back about it, each when it was asked for; the
// last is held back.
func answers(t *testing.T, o Order, all ...answered) *bridgetest.Source {
	t.Helper()
	msgs := []*message.Message{encoded(t, "customer", "place", o)}
	for _, a := range all {
		msgs = append(msgs, encoded(t, a.from, "answer", a.answer))
	}
	return bridgetest.NewSource(bridgetest.Options{
		Messages: msgs, Window: 1,
		Drop: func(m *message.Message) bool { return m.Metadata["from"] == all[len(all)-1].from },
		Identify: ordering.By{
			Key: []ordering.Field{ordering.Header("from")}, Revision: ordering.Header("revision"),
		}.Identify,
	})
}

func encoded(t *testing.T, from, kind string, body any) *message.Message {
	t.Helper()
	m, err := service.New(from, "saga", "A", kind, 1, body)
	if err != nil {
		t.Fatal(err)
	}
	return m.Encode()
}

// notes are what the orchestrator tells others, in order.
type notes struct {
	mu   sync.Mutex
	said []string
}

// Publish implements message.Publisher.
func (n *notes) Publish(topic string, msgs ...*message.Message) error {
	for _, m := range msgs {
		n.add(topic + ": " + m.Metadata["kind"])
	}
	return nil
}

// Close implements message.Publisher.
func (n *notes) Close() error { return nil }

func (n *notes) add(note string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.said = append(n.said, note)
}

func (n *notes) all() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.said)
}

func (n *notes) await(t *testing.T, note string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !slices.Contains(n.all(), note); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %q\n%s", note, strings.Join(n.all(), "\n"))
		}
	}
}
