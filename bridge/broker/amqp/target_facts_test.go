package amqp_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/policies"
)

// W2: watermill-amqp returns nil for a message that no queue took. Ours says so
// of exactly those messages, however alike they are: here all have one routing
// key, ids and bodies repeat, and a header decides.
func TestW2_UnroutableIsAnErrorOfExactlyThatMessage(t *testing.T) {
	t.Parallel()
	p := newExchange(t, "headers")
	p.queue.Create(t)
	if err := p.ch.QueueBind(p.name, "", p.exchange, false, amqp091.Table{"x-match": "all", "taken": "yes"}); err != nil {
		t.Fatal(err)
	}
	to := p.To()
	to.RoutingKey = config.Dynamic{Field: config.Field{Kind: config.Header, Name: "to"}}
	target, _ := openTarget(t, p.proxy.url, to, 0)
	const callers, rounds, size = 4, 10, 100
	want := make([][]string, callers)
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for range rounds {
				batch := make([]*message.Message, size)
				for i := range batch {
					batch[i] = &message.Message{
						UUID: fmt.Sprint("id-", rand.IntN(3)), Payload: []byte(fmt.Sprint(rand.IntN(2))),
						Metadata: message.Metadata{"to": "all", "caller": fmt.Sprint(c), "taken": "yes"},
					}
					if rand.IntN(3) == 0 {
						batch[i].Metadata["taken"] = "no"
					}
				}
				for i, err := range target.PublishBatch(batch) {
					m := batch[i]
					if m.Metadata["taken"] == "yes" {
						want[c] = append(want[c], m.UUID+string(m.Payload))
					}
					if (err == nil) != (m.Metadata["taken"] == "yes") || err != nil && policies.ReasonOf(err) != "unroutable" {
						t.Errorf("taken: %s, and the outcome is %v (%q)", m.Metadata["taken"], err, policies.ReasonOf(err))
					}
				}
			}
		})
	}
	wg.Wait()
	came := make([][]string, callers)
	for _, d := range p.deliveries(t, p.Depth(t)) {
		var c int
		if _, err := fmt.Sscan(d.Headers["caller"].(string), &c); err != nil {
			t.Fatal(err)
		}
		came[c] = append(came[c], d.MessageId+string(d.Body))
	}
	for c := range want {
		if !slices.Equal(came[c], want[c]) {
			t.Errorf("caller %d: %d were confirmed, and %d came, or others", c, len(want[c]), len(came[c]))
		}
	}
}

// Outage is not poison: an exchange that nobody has bound is an operator's
// fault. It is told, and it ends by itself.
func TestW2_UnboundExchangeIsUnavailable(t *testing.T) {
	t.Parallel()
	p := newExchange(t, "direct")
	target, told := openTarget(t, p.proxy.url, p.To(), 0)
	await(t, told, "that it answers", isNil)
	err := target.Publish("", body("lost"))
	if policies.ClassOf(err) != policies.Unavailable || !strings.Contains(fmt.Sprint(err), p.name) {
		t.Errorf("nobody has bound it: %v (%v)", err, policies.ClassOf(err))
	}
	await(t, told, "that it is not bound", anyError)
	p.bind(t)
	if err := target.Publish("", body("found")); err != nil {
		t.Error(err)
	}
	await(t, told, "that it answers", isNil)
	if got := p.Read(t, 1); string(got[0].Payload) != "found" {
		t.Errorf("came %q", got[0].Payload)
	}
}

// W3: watermill-amqp's publish blocks for as long as RabbitMQ's alarm lasts. Ours
// returns, says why, and goes on by itself; nothing is written twice.
func TestW3_AlarmIsToldAndOutlasted(t *testing.T) {
	t.Parallel()
	p, w, target, told := wired(t, time.Second)
	if err := target.Publish("", body("before")); err != nil {
		t.Fatal(err)
	}
	w.hold(true, false) // RabbitMQ reads nothing more; these are written
	written := bodies("written", 100)
	late := make(chan []error)
	go func() { late <- target.PublishBatch(written) }()
	time.Sleep(200 * time.Millisecond)
	w.alarm(true)
	await(t, told, "of the alarm", func(err error) bool {
		return errors.Is(err, broker.ErrBlocked) && strings.Contains(err.Error(), "low on memory")
	})
	waiting := bodies("waiting", 1000)
	for range 2 {
		began := time.Now()
		unavailable(t, target.PublishBatch(waiting), "low on memory")
		t.Logf("returned after %v", time.Since(began))
	}
	unavailable(t, <-late, "")
	w.alarm(false)
	await(t, told, "that the alarm is over", isNil)
	for _, batch := range [][]*message.Message{written, waiting} {
		if err := errors.Join(target.PublishBatch(batch)...); err != nil {
			t.Fatal(err)
		}
	}
	if got := p.Depth(t); got != 1101 {
		t.Errorf("%d messages are there, want 1101", got)
	}
}

// W3: what the socket does not take holds nobody, not even Close.
func TestW3_SocketThatTakesNothing(t *testing.T) {
	t.Parallel()
	_, w, target, _ := wired(t, time.Second)
	w.hold(true, false)
	large := bodies("large", 40)
	for _, m := range large {
		m.Payload = append(m.Payload, make([]byte, 1<<20)...)
	}
	late := make(chan []error)
	go func() { late <- target.PublishBatch(large) }()
	time.Sleep(200 * time.Millisecond)
	w.alarm(true)
	unavailable(t, <-late, "")
	began := time.Now()
	go func() { late <- target.PublishBatch(large) }()
	time.Sleep(200 * time.Millisecond)
	if err := target.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("Close took %v", took)
	}
	for _, err := range <-late {
		if c := policies.ClassOf(err); c != policies.Interrupted && c != policies.Unavailable {
			t.Fatalf("ended with %v (%v)", err, c)
		}
	}
}

// W5: watermill-amqp does not await confirms by default. Ours does, and what was
// confirmed by nobody is sent again with the same id, until somebody did.
func TestW5_NothingIsDoneBeforeItsConfirm(t *testing.T) {
	t.Parallel()
	p, w, target, _ := wired(t, time.Minute)
	w.hold(false, true)
	done := make(chan error)
	go func() { done <- errors.Join(target.PublishBatch(bodies("b", 10))...) }()
	eventually(t, "RabbitMQ has them", func() bool { return p.Depth(t) == 10 })
	select {
	case err := <-done:
		t.Fatalf("it returned before the confirm: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	w.hold(false, false)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	w.hold(false, true)
	go func() { done <- errors.Join(target.PublishBatch(bodies("c", 10))...) }()
	eventually(t, "RabbitMQ has them", func() bool { return p.Depth(t) == 20 })
	w.cut() // before the confirm
	w.hold(false, false)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	ids := map[string]int{}
	for _, d := range p.deliveries(t, 30) {
		ids[d.MessageId]++
	}
	for i := range 10 {
		if ids[fmt.Sprint("b-", i)] != 1 || ids[fmt.Sprint("c-", i)] != 2 {
			t.Errorf("message %d came %d and %d times, want once and twice", i, ids[fmt.Sprint("b-", i)], ids[fmt.Sprint("c-", i)])
		}
	}
}

// I3: what may still arrive is awaited and not sent again, however often it is
// tried; a message that differs is another one.
func TestI3_LateConfirmIsAwaitedNotDoubled(t *testing.T) {
	t.Parallel()
	p, w, target, told := wired(t, 300*time.Millisecond)
	w.hold(false, true)
	msgs := bodies("b", 20)
	for range 3 {
		unavailable(t, target.PublishBatch(msgs), "no answer")
	}
	await(t, told, "that no answer comes", anyError)
	edited := body("edited")
	edited.UUID = "b-0"
	unavailable(t, target.PublishBatch([]*message.Message{edited}), "no answer")
	w.hold(false, false)
	if err := errors.Join(target.PublishBatch(append(msgs, edited))...); err != nil {
		t.Fatal(err)
	}
	await(t, told, "that it answers", isNil)
	if got := p.Depth(t); got != 21 {
		t.Errorf("%d messages are there, want 21", got)
	}
}

// I3: what has arrived after its caller had lost patience is not sent again, and
// that it arrived is told.
func TestI3_LateConfirmIsRemembered(t *testing.T) {
	t.Parallel()
	p, w, target, told := wired(t, 300*time.Millisecond)
	w.hold(false, true)
	msgs := bodies("b", 20)
	unavailable(t, target.PublishBatch(msgs), "no answer")
	await(t, told, "that no answer comes", anyError)
	w.hold(false, false)
	await(t, told, "that it answers after all", isNil)
	for range 2 { // the second time somebody wants it twice
		if err := errors.Join(target.PublishBatch(msgs)...); err != nil {
			t.Fatal(err)
		}
	}
	if got := p.Depth(t); got != 40 {
		t.Errorf("%d messages are there, want 40", got)
	}
}
