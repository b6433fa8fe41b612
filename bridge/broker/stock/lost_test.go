//go:build !race

// The stock client for RabbitMQ writes ConnectionWrapper.connected without a lock
// when its connection is lost, while its users read it: the race detector rightly
// says so, and there is no way around it. So what cuts connections runs without it.

package stock_test

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	amqp091 "github.com/rabbitmq/amqp091-go"
	"go.uber.org/goleak"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/brokertest"
	"github.com/brokerbridge/bridge/bridge/broker/stock"
	"github.com/brokerbridge/bridge/bridge/internal/faultnet"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
	"github.com/brokerbridge/bridge/policies"
)

// behindDoor is a queue whose sources and targets can be cut off.
type behindDoor struct {
	*queue
	door *faultnet.Door
}

func newBehindDoor(t testing.TB) behindDoor {
	t.Helper()
	q := newQueue(t)
	u, err := url.Parse(q.url)
	if err != nil {
		t.Fatal(err)
	}
	door := faultnet.NewDoor(t, u.Host)
	u.Host = door.Addr()
	q.url = u.String()
	return behindDoor{q, door}
}

// Break cuts the connections, and lets in new ones.
func (q behindDoor) Break(testing.TB) {
	q.door.Shut()
	q.door.Open()
}

// All returns all that is in the queue.
func (q behindDoor) All(t testing.TB) []*message.Message {
	t.Helper()
	time.Sleep(500 * time.Millisecond) // what a dead connection had sent may still be on its way
	return q.Read(t, q.Depth(t))
}

func TestCutTargets(t *testing.T) {
	t.Parallel()
	brokertest.TestTargets(t, brokertest.Targets{
		Traits:    stock.QueueTraits(),
		Topic:     func(t testing.TB) brokertest.Topic { return newQueue(t) },
		Missing:   func(t testing.TB) brokertest.Topic { return missingQueue(t) },
		Breakable: func(t testing.TB) brokertest.Breakable { return newBehindDoor(t) },
		Sidecar:   broker.HeaderKafka,
	})
}

func TestCutSources(t *testing.T) {
	t.Parallel()
	brokertest.TestSources(t, brokertest.Sources{
		Traits:  stock.QueueTraits(),
		Queue:   func(t testing.TB) brokertest.Queue { return newBehindDoor(t) },
		Missing: func(t testing.TB) brokertest.Queue { return missingQueue(t) },
	})
}

// A connection that is lost again and again, with a message in hand: each message
// comes, in order, and those that were acknowledged in vain once more.
func TestCutAgainAndAgain(t *testing.T) {
	t.Parallel()
	q := newBehindDoor(t)
	const n = 60
	q.Put(t, numbered(n)...)
	r := reader(t, q, func(o *broker.SourceOptions) { o.Ordered = true })
	r.Patience = 40 * time.Second
	for i := 0; i < n; {
		d := r.Next(1)[0]
		var got int
		if _, err := fmt.Sscan(string(d.Payload), &got); err != nil || got > i {
			t.Fatalf("got %q, want %d", d.Payload, i)
		}
		if got == i {
			i++
		}
		if i%20 == 10 && got == i-1 {
			q.Break(t)
		}
		d.Ack()
	}
	none(t, r)
	r.Close()
	holds(t, q, 0)
}

// What is left of W1: headers that amqp091-go cannot read end the connection each
// time they come. The client would connect again at once, ten times a second.
func TestI5_W1_UnreadableHeadersArePaced(t *testing.T) {
	t.Parallel()
	q := newBehindDoor(t)
	headers := amqp091.Table{}
	for range 40 { // it reads 32
		headers = amqp091.Table{"nested": headers}
	}
	rig.Publish(t, q.name, amqp091.Publishing{Headers: headers, Body: []byte("x")})
	r := reader(t, q, nil)
	told(t, r, func(err error) bool { return err != nil })
	time.Sleep(6 * time.Second)
	if n := q.door.Knocks(); n > 15 {
		t.Errorf("%d connections were tried in 6 s", n)
	}
}

// Close ends what waits for a confirm that does not come (W3), and soon.
func TestW3_CloseEndsWhatWaits(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	u, err := url.Parse(q.url)
	if err != nil {
		t.Fatal(err)
	}
	w := faultnet.NewAMQP(t, u.Host)
	u.Host = w.Addr()
	q.url = u.String()
	out := target(t, q, q.To(), broker.TargetOptions{Route: "route"})
	if err := out.Publish("", numbered(1)[0]); err != nil {
		t.Fatal(err)
	}
	w.Set(faultnet.Trouble{Hole: faultnet.Both})
	defer w.Set(faultnet.Trouble{})
	done := make(chan error, 1)
	go func() { done <- out.Publish("", numbered(1)[0]) }()
	time.Sleep(quiet)
	select {
	case err := <-done:
		t.Fatalf("without a confirm: %v", err)
	default:
	}
	began := time.Now()
	if err := out.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; policies.ClassOf(err) != policies.Interrupted {
		t.Errorf("after Close: %v (%v)", err, policies.ClassOf(err))
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}

// leftBehind is what the tests of this file leave running: closed while it is not
// connected, the client waits for ever for the connection that it has given up.
func leftBehind() []goleak.Option {
	return []goleak.Option{
		goleak.IgnoreAnyFunction("github.com/ThreeDotsLabs/watermill-amqp/v2/pkg/amqp.(*ConnectionWrapper).handleConnectionClose"),
	}
}
