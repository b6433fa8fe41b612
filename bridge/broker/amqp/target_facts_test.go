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
	"github.com/brokerbridge/bridge/bridge/broker/amqp"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
	"github.com/brokerbridge/bridge/policies"
)

// W2: watermill-amqp returns nil for a message that no queue took. Ours says so
// of exactly those messages, however alike they are: ids repeat, bodies repeat.
func TestW2_UnroutableIsAnErrorOfExactlyThatMessage(t *testing.T) {
	p := newPlace(t, nil)
	p.exchange = rig.Name(t)
	p.Create(t)
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
					name := p.name
					if rand.IntN(3) == 0 {
						name = "nowhere"
					}
					batch[i] = &message.Message{
						UUID: fmt.Sprint("id-", rand.IntN(3)), Payload: []byte(fmt.Sprint(rand.IntN(2))),
						Metadata: message.Metadata{"to": name, "caller": fmt.Sprint(c), "n": fmt.Sprint(rand.IntN(2))},
					}
				}
				for i, err := range target.PublishBatch(batch) {
					m := batch[i]
					switch {
					case err == nil && m.Metadata["to"] == p.name:
						want[c] = append(want[c], m.UUID+string(m.Payload)+m.Metadata["n"])
					case policies.ReasonOf(err) != "unroutable" || m.Metadata["to"] != "nowhere":
						t.Errorf("to %s: %v (%q)", m.Metadata["to"], err, policies.ReasonOf(err))
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
		came[c] = append(came[c], fmt.Sprint(d.MessageId, string(d.Body), d.Headers["n"]))
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
	p := newPlace(t, nil)
	p.exchange = rig.Name(t)
	if err := p.ch.ExchangeDeclare(p.exchange, "direct", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
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
	p := newPlace(t, nil)
	p.Create(t)
	w := newWire(t, rig.AMQP(t))
	target, told := openTarget(t, w.url, p.To(), time.Second)
	await(t, told, "that it answers", isNil)
	if err := target.Publish("", body("before")); err != nil {
		t.Fatal(err)
	}
	w.hold(true, false) // RabbitMQ reads nothing more; these are written
	written := bodies("written", 100)
	late := make(chan []error)
	go func() { late <- target.PublishBatch(written) }()
	time.Sleep(200 * time.Millisecond)
	w.alarm(true)
	await(t, told, "of the alarm", func(err error) bool { return err != nil && strings.Contains(err.Error(), "low on memory") })
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
	p := newPlace(t, nil)
	p.Create(t)
	w := newWire(t, rig.AMQP(t))
	target, told := openTarget(t, w.url, p.To(), time.Second)
	await(t, told, "that it answers", isNil)
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
	p := newPlace(t, nil)
	p.Create(t)
	w := newWire(t, rig.AMQP(t))
	target, told := openTarget(t, w.url, p.To(), time.Minute)
	await(t, told, "that it answers", isNil)
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
	p := newPlace(t, nil)
	p.Create(t)
	w := newWire(t, rig.AMQP(t))
	target, told := openTarget(t, w.url, p.To(), 300*time.Millisecond)
	await(t, told, "that it answers", isNil)
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

// A3: a peer that is gone without a word is given up, and another connection
// does it.
func TestA3_HalfOpenPeer(t *testing.T) {
	p := newPlace(t, nil)
	p.Create(t)
	w := newWire(t, rig.AMQP(t))
	b := amqp.New("test", config.AMQP{URL: config.NewSecret(w.url), Heartbeat: 2 * time.Second}, nil)
	told := make(chan error, 100)
	target, err := b.Target(p.To(), broker.TargetOptions{Route: "route", State: func(err error) { told <- err }, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	await(t, told, "that it answers", isNil)
	w.hold(true, true)
	done := make(chan error)
	go func() { done <- target.Publish("", body("b")) }()
	await(t, told, "that the peer is gone", anyError)
	w.cut()
	w.hold(false, false)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := p.Depth(t); got != 1 {
		t.Errorf("%d messages are there, want 1", got)
	}
}

// A2: connections end at any byte, of either direction. What was confirmed is
// there.
func TestA2_I1_CutAtAnyByte(t *testing.T) {
	const callers, size, batches = 4, 250, 20
	p := newPlace(t, nil)
	p.Create(t)
	w := newWire(t, rig.AMQP(t))
	w.cutAfter(func() int64 { return 2000 + rand.Int64N(4_000_000) })
	target, _ := openTarget(t, w.url, p.To(), 20*time.Second)
	confirmed := make([]map[string]bool, callers)
	var wg sync.WaitGroup
	for c := range callers {
		confirmed[c] = map[string]bool{}
		wg.Go(func() {
			for b := range batches {
				msgs := bodies(fmt.Sprint(c, "-", b), size)
				for _, m := range msgs {
					m.Payload = append(m.Payload, make([]byte, rand.IntN(1000))...)
				}
				for i, err := range target.PublishBatch(msgs) {
					if c := policies.ClassOf(err); err != nil && c != policies.Unavailable {
						t.Errorf("a cut is %v (%v)", err, c)
					}
					confirmed[c][msgs[i].UUID] = err == nil
				}
			}
		})
	}
	wg.Wait()
	came := map[string]int{}
	all := p.All(t)
	for _, m := range all {
		came[m.Metadata["id"]]++
	}
	n := 0
	for _, byCaller := range confirmed {
		for id, ok := range byCaller {
			if ok && came[id] == 0 {
				t.Errorf("%s was confirmed and is lost", id)
			}
			if ok {
				n++
			}
		}
	}
	if n < callers*size*batches/2 {
		t.Errorf("only %d of %d were confirmed", n, callers*size*batches)
	}
	t.Logf("%d confirmed, %d there", n, len(all))
}

// A7: a queue that refuses is unavailable, spends no try, and takes again when
// it has room.
func TestA7_RejectPublishIsUnavailable(t *testing.T) {
	p := newPlace(t, amqp091.Table{"x-max-length": int32(10), "x-overflow": "reject-publish"})
	p.Create(t)
	target, told := openTarget(t, p.proxy.url, p.To(), 0)
	taken, refused := 0, 0
	for _, err := range target.PublishBatch(bodies("b", 100)) {
		switch {
		case err == nil:
			taken++
		case policies.ClassOf(err) == policies.Unavailable:
			refused++
		default:
			t.Fatalf("refused: %v (%v)", err, policies.ClassOf(err))
		}
	}
	if taken < 10 || refused == 0 || p.Depth(t) != taken {
		t.Errorf("%d were taken, %d refused, %d are there", taken, refused, p.Depth(t))
	}
	p.Read(t, taken)
	eventually(t, "it takes again", func() bool { return target.Publish("", body("again")) == nil })
	await(t, told, "that it answers", isNil)
}

// A6: the queue or exchange is deleted under the target, and comes back.
func TestA6_DeletedPlaceIsNoticedAndWaitedFor(t *testing.T) {
	for _, exchange := range []bool{false, true} {
		t.Run(fmt.Sprint("exchange ", exchange), func(t *testing.T) {
			p := newPlace(t, nil)
			if exchange {
				p.exchange = rig.Name(t)
			}
			p.Create(t)
			target, told := openTarget(t, p.proxy.url, p.To(), 0)
			if err := target.Publish("", body("1")); err != nil {
				t.Fatal(err)
			}
			await(t, told, "that it answers", isNil)
			p.remove(t)
			unavailable(t, target.PublishBatch(bodies("lost", 300)), p.name[:10])
			await(t, told, "that it is missing", func(err error) bool { return errors.Is(err, broker.ErrMissing) })
			began := time.Now()
			unavailable(t, target.PublishBatch(bodies("lost", 300)), "declare: true")
			if time.Since(began) > 5*time.Second {
				t.Error("what is known to be missing is waited for")
			}
			p.Create(t)
			eventually(t, "it can be written", func() bool { return target.Publish("", body("2")) == nil })
			await(t, told, "that it answers", isNil)
		})
	}
}

func (p *place) remove(t testing.TB) {
	t.Helper()
	var err error
	if p.exchange != "" {
		err = p.ch.ExchangeDelete(p.exchange, false, false)
	} else {
		_, err = p.ch.QueueDelete(p.name, false, false, false)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// I8: a broker that starts after us is waited for, by publishes too.
func TestI8_TargetFirstConnectionIsRetried(t *testing.T) {
	p := newPlace(t, nil)
	p.Create(t)
	p.proxy.refuse(true)
	target, told := openTarget(t, p.proxy.url, p.To(), 30*time.Second)
	await(t, told, "that nobody answers", anyError)
	done := make(chan error)
	go func() { done <- target.Publish("", body("b")) }()
	p.proxy.refuse(false)
	if err := <-done; err != nil {
		t.Error(err)
	}
	await(t, told, "that it answers", isNil)
}

func TestTargetThatIsAwayIsUnavailable(t *testing.T) {
	target, told := openTarget(t, "amqp://user:hunter2@127.0.0.1:1/", config.To{Queue: "q"}, 300*time.Millisecond)
	state := await(t, told, "that nobody answers", anyError)
	err := target.Publish("", body("b"))
	if policies.ClassOf(err) != policies.Unavailable {
		t.Errorf("publish: %v (%v)", err, policies.ClassOf(err))
	}
	if said := fmt.Sprint(state, err); strings.Contains(said, "hunter2") || !strings.Contains(fmt.Sprint(err), "refused") {
		t.Errorf("told: %s", said)
	}
}

// State is told of changes, not of tries.
func TestTargetStateIsToldOfChanges(t *testing.T) {
	p := newPlace(t, nil)
	p.Create(t)
	target, told := openTarget(t, p.proxy.url, p.To(), 0)
	await(t, told, "that it answers", isNil)
	for range 3 {
		p.proxy.cut()
		await(t, told, "of the loss", anyError)
		await(t, told, "of the return", isNil)
		if err := target.Publish("", body("b")); err != nil {
			t.Error(err)
		}
	}
	select {
	case err := <-told:
		t.Errorf("State is told %v, though nothing has changed", err)
	case <-time.After(300 * time.Millisecond):
	}
}

// Close ends publishes that have no outcome as nobody's fault, written or not.
func TestCloseInterrupts(t *testing.T) {
	p := newPlace(t, nil)
	p.Create(t)
	w := newWire(t, rig.AMQP(t))
	target, told := openTarget(t, w.url, p.To(), time.Minute)
	await(t, told, "that it answers", isNil)
	w.hold(false, true)
	done := make(chan []error, 4)
	for c := range 4 {
		go func() { done <- target.PublishBatch(bodies(fmt.Sprint(c), 2000)) }()
	}
	time.Sleep(300 * time.Millisecond)
	if err := target.Close(); err != nil {
		t.Error(err)
	}
	for range 4 {
		for _, err := range <-done {
			if err != nil && policies.ClassOf(err) != policies.Interrupted {
				t.Fatalf("ended with %v (%v)", err, policies.ClassOf(err))
			}
		}
	}
	if err := target.Publish("", body("b")); policies.ClassOf(err) != policies.Interrupted {
		t.Errorf("after Close: %v (%v)", err, policies.ClassOf(err))
	}
	if err := target.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}

func TestTargetNeedsAPlace(t *testing.T) {
	b := amqp.New("test", config.AMQP{}, nil)
	for _, to := range []config.To{
		{}, {Queue: "q", Exchange: "e"}, {Exchange: "e"}, {Queue: strings.Repeat("q", 256)},
	} {
		if _, err := b.Target(to, broker.TargetOptions{}); err == nil {
			t.Errorf("%+v was taken", to)
		}
	}
}

func openTarget(t testing.TB, url string, to config.To, timeout time.Duration) (broker.Target, <-chan error) {
	t.Helper()
	told := make(chan error, 1000)
	b := amqp.New("test", config.AMQP{URL: config.NewSecret(url)}, nil)
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

// await returns the first that fits of what State is told.
func await(t testing.TB, told <-chan error, what string, fits func(error) bool) error {
	t.Helper()
	deadline := time.After(40 * time.Second)
	for {
		select {
		case err := <-told:
			if fits(err) {
				return err
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
