package amqp_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/amqp"
	"github.com/brokerbridge/bridge/bridge/broker/brokertest"
	"github.com/brokerbridge/bridge/bridge/broker/sidecar"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// W1: headers that are no strings stop watermill-amqp. Ours takes them all, and
// they can be rebuilt; x-death is the real one, by expiry into a dead-letter queue.
func TestW1_TypedHeadersNeverFailIntake(t *testing.T) {
	dead := rig.Queue(t)
	waiting := rig.QueueWith(t, amqp091.Table{
		"x-message-ttl": int32(1), "x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead,
	})
	headers := amqp091.Table{
		"true": true, "int8": int8(-1), "uint8": uint8(255), "int16": int16(-300), "uint16": uint16(65535),
		"int32": int32(-5), "uint32": uint32(math.MaxUint32), "int64": int64(1<<53 + 1), "float32": float32(1.5),
		"float64": 0.1, "nil": nil, "time": time.Unix(1700000000, 0),
		"decimal": amqp091.Decimal{Scale: 2, Value: 314}, "text": "t", "bytes": []byte{0xff, 1},
		"list":  []any{int32(1), "two", nil, []any{true}},
		"table": amqp091.Table{"deep": amqp091.Table{"n": int64(1)}},
	}
	rig.Publish(t, waiting, amqp091.Publishing{Headers: headers, Body: []byte("b")})
	d := receive(t, open(t, dead, nil), 1)[0]
	o, err := sidecar.Restore(d.Metadata)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range headers {
		if got := o.Headers[name]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s came back as %T %v, want %T %v", name, got, got, want, want)
		}
	}
	deaths, ok := o.Headers["x-death"].([]any)
	if !ok || len(deaths) != 1 || deaths[0].(amqp091.Table)["reason"] != "expired" {
		t.Errorf("x-death came back as %v", o.Headers["x-death"])
	}
	if d.Metadata["int64"] != "9007199254740993" || d.Metadata["time"] != "2023-11-14T22:13:20Z" {
		t.Errorf("the texts are %v", d.Metadata)
	}
}

// W1: a quorum queue adds an integer to what it redelivers.
func TestW1_DeliveryCountNeverFailsIntake(t *testing.T) {
	q := rig.QueueWith(t, amqp091.Table{"x-queue-type": "quorum"})
	rig.Publish(t, q, amqp091.Publishing{Body: []byte("b")})
	first := open(t, q, nil)
	receive(t, first, 1)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	d := receive(t, open(t, q, nil), 1)[0]
	if got := d.Metadata["x-delivery-count"]; got != "1" {
		t.Errorf("x-delivery-count is %q, want 1", got)
	}
}

// W6: a delivery channel that is closed yields deliveries that are none.
func TestW6_ClosedChannelYieldsNothing(t *testing.T) {
	t.Parallel()
	q := newQueue(t, rig.Queue(t), nil)
	src := q.Source(t, q.From(), broker.SourceOptions{})
	out := subscribe(t, src)
	for round := range 5 {
		rig.Publish(t, q.name, amqp091.Publishing{Body: []byte("real")})
		for i := 0; i <= round; i++ {
			c := next(t, out)
			for _, m := range c.Messages {
				if string(m.Payload) != "real" {
					t.Fatalf("came %q", m.Payload)
				}
			}
			i += len(c.Messages) - 1
		}
		q.proxy.cut()
	}
}

// W10: watermill-amqp drops all of these.
func TestW10_PropertiesSurvive(t *testing.T) {
	q := rig.Queue(t)
	want := amqp091.Publishing{
		ContentType: "application/json", ContentEncoding: "identity", DeliveryMode: 2, Priority: 3,
		CorrelationId: "c", ReplyTo: "r", Expiration: "600000", MessageId: "id-1",
		Timestamp: time.Unix(1700000000, 0), Type: "t", UserId: "guest", AppId: "a",
		Headers: amqp091.Table{}, Body: []byte("b"),
	}
	rig.Publish(t, q, want)
	d := receive(t, open(t, q, nil), 1)[0]
	o, err := sidecar.Restore(d.Metadata)
	if err != nil {
		t.Fatal(err)
	}
	o.Body = d.Payload
	if !reflect.DeepEqual(o.Publishing, want) || o.RoutingKey != q {
		t.Errorf("came back as\n%+v to %s, want\n%+v to %s", o.Publishing, o.RoutingKey, want, q)
	}
	if d.UUID != "id-1" {
		t.Errorf("the message is called %q", d.UUID)
	}
	if got, ok := broker.Property(d.Metadata, "correlation-id"); !ok || got != "c" {
		t.Errorf("property correlation-id is %q", got)
	}
}

func TestIdentityIsTheMostDeliberateOne(t *testing.T) {
	q := rig.Queue(t)
	rig.Publish(t, q,
		amqp091.Publishing{MessageId: "property", Headers: amqp091.Table{"bridge-message-id": "x"}},
		amqp091.Publishing{Headers: amqp091.Table{"bridge-message-id": "bridge", "_watermill_message_uuid": "x"}},
		amqp091.Publishing{Headers: amqp091.Table{"_watermill_message_uuid": "watermill"}},
		amqp091.Publishing{})
	var got []string
	for _, d := range receive(t, open(t, q, nil), 4) {
		got = append(got, d.UUID)
	}
	if want := []string{"property", "bridge", "watermill", ""}; !reflect.DeepEqual(got, want) {
		t.Errorf("identities are %q, want %q", got, want)
	}
}

// I11: what can be logged or reported holds no password.
func TestI11_NoPasswordIsTold(t *testing.T) {
	for _, url := range []string{
		"amqp://user:hunter2@127.0.0.1:1/", "amqp://user:hunter2@127.0.0.1:port/", "nothing:hunter2@\x7f",
	} {
		var log brokertest.Log
		b := amqp.New("shop", config.AMQP{URL: config.NewSecret(url)}, slog.New(slog.NewTextHandler(&log, nil)))
		told := make(chan error, 10)
		src, err := b.Source(config.From{Queue: "q"}, broker.SourceOptions{State: func(err error) { told <- err }})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := src.Subscribe(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		state, ping := <-told, b.Ping(t.Context())
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		if said := fmt.Sprint(state, ping, log.String()); strings.Contains(said, "hunter2") || state == nil || ping == nil {
			t.Errorf("told: %s", said)
		}
	}
}

// A6: the queue is deleted under the consumer, and comes back.
func TestA6_DeletedQueueIsNoticedAndWaitedFor(t *testing.T) {
	t.Parallel()
	q := newQueue(t, rig.Queue(t), nil)
	told := make(chan error, 10)
	src := q.Source(t, q.From(), broker.SourceOptions{State: func(err error) { told <- err }})
	out := subscribe(t, src)
	if err := <-told; err != nil {
		t.Fatal(err)
	}
	if _, err := q.ch.QueueDelete(q.name, false, false, false); err != nil {
		t.Fatal(err)
	}
	for err := range told {
		if errors.Is(err, broker.ErrMissing) {
			break
		}
		if err == nil {
			t.Fatal("it delivers from a queue that is gone")
		}
	}
	q.Create(t)
	q.Put(t, &message.Message{Payload: []byte("b")})
	next(t, out)
}

// I8: a broker that starts after us is waited for.
func TestFirstConnectionIsRetried(t *testing.T) {
	q := newQueue(t, rig.Queue(t), nil)
	q.proxy.refuse(true)
	told := make(chan error, 10)
	out := subscribe(t, q.Source(t, q.From(), broker.SourceOptions{State: func(err error) { told <- err }}))
	if err := <-told; err == nil {
		t.Fatal("it delivers without a broker")
	}
	q.proxy.refuse(false)
	q.Put(t, &message.Message{Payload: []byte("b")})
	next(t, out)
}

// Rule 20: a quorum queue lets anybody in beside us, later too.
func TestOrderedSourceLetsGoWhenAnotherComes(t *testing.T) {
	t.Parallel()
	q := newQueue(t, rig.QueueWith(t, amqp091.Table{"x-queue-type": "quorum"}), nil)
	told := make(chan error, 10)
	subscribe(t, q.Source(t, q.From(), broker.SourceOptions{Ordered: true, State: func(err error) { told <- err }}))
	if err := <-told; err != nil {
		t.Fatal(err)
	}
	if _, err := rig.Channel(t).Consume(q.name, "", false, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-told:
		if !errors.Is(err, broker.ErrElsewhere) {
			t.Errorf("told %v", err)
		}
	case <-time.After(15 * time.Second):
		t.Error("nobody noticed")
	}
}

// I7: sizes that jump by a thousand do not fill the memory.
func TestI7_LargeMessagesAfterSmallOnes(t *testing.T) {
	t.Parallel()
	const limit = 8 << 20
	q := newQueue(t, rig.Queue(t), nil)
	var msgs []amqp091.Publishing
	for range 3000 {
		msgs = append(msgs, amqp091.Publishing{Body: []byte("small")})
	}
	large := make([]byte, 512<<10)
	for range 100 { // 50 MiB
		msgs = append(msgs, amqp091.Publishing{Body: large})
	}
	rig.Publish(t, q.name, msgs...)
	from := q.From()
	from.Window, from.WindowBytes = 2000, limit
	out := subscribe(t, q.Source(t, from, broker.SourceOptions{}))
	for seen := 0; seen < 3000; {
		c := next(t, out)
		seen += len(c.Messages)
		c.Session.Ack(c.Tokens)
	}
	inHand, most := 0, 0 // nothing is acknowledged until nothing more comes
	var pending []*broker.Carrier
	for seen, idle := 0, 0; seen < 100; {
		select {
		case m := <-out:
			idle = 0
			c, _ := broker.Unpack(m)
			pending = append(pending, c)
			for _, m := range c.Messages {
				inHand += len(m.Payload)
			}
			most = max(most, inHand)
		case <-time.After(300 * time.Millisecond):
			if idle++; idle > 30 {
				t.Fatalf("it stopped after %d", seen)
			}
			for _, c := range pending {
				seen += len(c.Messages)
				c.Session.Ack(c.Tokens)
			}
			pending, inHand = nil, 0
		}
	}
	t.Logf("at most %d MiB in hand of %d", most>>20, limit>>20)
	if most > 3*limit {
		t.Errorf("%d bytes were in hand, the window is %d", most, limit)
	}
}

func open(t testing.TB, name string, state func(error)) broker.Source {
	t.Helper()
	b := amqp.New("test", config.AMQP{URL: config.NewSecret(rig.AMQP(t))}, nil)
	src, err := b.Source(config.From{Queue: name}, broker.SourceOptions{Route: "route", State: state})
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func subscribe(t testing.TB, src broker.Source) <-chan *message.Message {
	t.Helper()
	out, err := src.Subscribe(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = src.Close() })
	return out
}

func receive(t testing.TB, src broker.Source, n int) []*message.Message {
	t.Helper()
	out := subscribe(t, src)
	var msgs []*message.Message
	for len(msgs) < n {
		msgs = append(msgs, next(t, out).Messages...)
	}
	return msgs
}

func next(t testing.TB, out <-chan *message.Message) *broker.Carrier {
	t.Helper()
	select {
	case m := <-out:
		c, ok := broker.Unpack(m)
		if !ok {
			t.Fatal("this is no carrier")
		}
		return c
	case <-time.After(15 * time.Second):
		t.Fatal("nothing came")
	}
	return nil
}
