package amqp_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/amqp"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
	"github.com/brokerbridge/bridge/policies"
)

// A3: a peer that is gone without a word is given up, and another connection
// does it.
func TestA3_HalfOpenPeer(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	p.Create(t)
	w := newWire(t, rig.AMQP(t))
	cfg := config.AMQP{URL: config.NewSecret(w.url), Heartbeat: 2 * time.Second}
	target, told := openTargetWith(t, cfg, p.To(), time.Minute)
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
	t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
	for _, exchange := range []bool{false, true} {
		t.Run(fmt.Sprint("exchange ", exchange), func(t *testing.T) {
			t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
	_, w, target, _ := wired(t, time.Minute)
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

// I7: what may be on its way is bounded, and what nobody waits for any more
// makes room once it is known.
func TestI7_WhatNobodyWaitsForIsLetGo(t *testing.T) {
	t.Parallel()
	p, w, target, _ := wired(t, 2*time.Second)
	w.hold(false, true)
	unavailable(t, target.PublishBatch(bodies("b", 10_000)), "no answer")
	if n := p.Depth(t); n == 0 || n > 5000 {
		t.Errorf("%d were sent without an answer", n)
	}
	w.hold(false, false)
	eventually(t, "there is room", func() bool { return target.Publish("", body("other")) == nil })
}
