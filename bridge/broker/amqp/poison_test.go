package amqp

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
	"github.com/brokerbridge/bridge/policies"
)

// Rule 13: a message that ends its channel, or its connection, does not look
// like an outage. It is found among those of four callers and fails for good;
// all others arrive. The messages are made past what keeps such ones back.
func TestRule13_PoisonIsFoundAlone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil  func(*parcel)
		reason string
	}{
		"expiration": {func(p *parcel) { p.Expiration = "soon" }, "permanent"},
		"user-id":    {func(p *parcel) { p.UserId = "nobody" }, "permanent"},
		"CC":         {func(p *parcel) { p.Headers["CC"] = "text" }, "permanent"},
		"BCC":        {func(p *parcel) { p.Headers["BCC"] = int32(1) }, "permanent"},
		"reply-to":   {func(p *parcel) { p.ReplyTo = directReply }, "permanent"},
		"frame_max": {func(p *parcel) {
			p.Headers["large"], p.header = strings.Repeat("x", 200_000), 0
		}, "too_large"},
		"max_message_size": {func(p *parcel) { p.Body = make([]byte, 128<<20+1) }, "too_large"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := rig.Queue(t)
			target, told := targetOn(t, q)
			for round := range 2 {
				publishAmongPoison(t, target, round, c.reason, c.spoil)
			}
			if n := len(told); n != 1 || <-told != nil {
				t.Errorf("State was told %d times: one poison looked like an outage", n)
			}
			checkHealthy(t, q, 2)
		})
	}
}

const (
	poisonCallers = 4
	healthy       = 50 // messages of each caller
)

// publishAmongPoison has callers publish at once; two of them have a message
// that is spoilt.
func publishAmongPoison(t *testing.T, target *Target, round int, reason string, spoil func(*parcel)) {
	t.Helper()
	var wg sync.WaitGroup
	for c := range poisonCallers {
		wg.Go(func() {
			msgs := make([]*message.Message, healthy+1)
			for i := range msgs {
				id := fmt.Sprintf("%d-%d-%d", round, c, i)
				msgs[i] = &message.Message{UUID: id, Metadata: message.Metadata{}, Payload: []byte(id)}
			}
			poison := -1
			errs := make([]error, len(msgs))
			ps := target.pack("", msgs, errs)
			if c < 2 {
				poison = 10 + 20*c
				spoil(ps[poison])
			} else {
				ps, errs = ps[:healthy], errs[:healthy]
			}
			target.deliver(ps)
			for i, err := range errs {
				switch {
				case i != poison && err != nil:
					t.Errorf("caller %d, message %d failed with it: %v", c, i, err)
				case i == poison && (policies.ClassOf(err) != policies.Permanent || policies.ReasonOf(err) != reason):
					t.Errorf("the poison: %v (%v, %q)", err, policies.ClassOf(err), policies.ReasonOf(err))
				}
			}
		})
	}
	wg.Wait()
}

func checkHealthy(t *testing.T, queue string, rounds int) {
	t.Helper()
	ch := rig.Channel(t)
	came := map[string]int{}
	for {
		d, ok, err := ch.Get(queue, true)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		came[string(d.Body)]++
	}
	if want := rounds * poisonCallers * healthy; len(came) != want {
		t.Errorf("%d messages came, want %d", len(came), want)
	}
}

// Rule 13: what is known to end a channel is not published live, or not at all.
// It costs no channel.
func TestRule13_WhatIsKnownIsKeptBack(t *testing.T) {
	q := rig.Queue(t)
	target, told := targetOn(t, q)
	msgs := []*message.Message{
		{UUID: "0", Metadata: message.Metadata{
			broker.HeaderAMQP: `{"expiration":"soon","user-id":"nobody","reply-to":"amq.rabbitmq.reply-to","values":{"CC":{"I":1}}}`,
			"BCC":             "x",
		}},
		{UUID: "1", Metadata: message.Metadata{"large": strings.Repeat("x", 131_064)}},
		{UUID: "2", Metadata: message.Metadata{"fits": strings.Repeat("x", 130_900)}},
	}
	errs := target.PublishBatch(msgs)
	if errs[0] != nil || policies.ReasonOf(errs[1]) != "too_large" || policies.ClassOf(errs[1]) != policies.Permanent || errs[2] != nil {
		t.Errorf("outcomes are %v", errs)
	}
	target.mu.Lock()
	ch := target.outlet.ch
	target.mu.Unlock()
	if ch.IsClosed() || ch.GetNextPublishSeqNo() != 3 || len(told) != 1 {
		t.Errorf("it has cost the channel: %d were published on it", ch.GetNextPublishSeqNo()-1)
	}
}

// W2: a return that fits nothing which is on its way ends the channel, and what
// is on its way gets its outcome one by one.
func TestW2_StrayReturnIsNotIgnored(t *testing.T) {
	t.Parallel()
	q := rig.Queue(t)
	target := targetTo(t, config.To{
		Exchange: "amq.direct", RoutingKey: config.Dynamic{Field: config.Field{Kind: config.Header, Name: "to"}},
	}, nil)
	if err := rig.Channel(t).QueueBind(q, q, "amq.direct", false, nil); err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		var msgs []*message.Message
		for i := range 100 {
			msgs = append(msgs, &message.Message{UUID: fmt.Sprint(round, i), Metadata: message.Metadata{"to": q}})
		}
		msgs[50].Metadata["to"] = "nowhere"
		before := outletOf(t, target)
		before.returns <- amqp.Return{RoutingKey: "of nobody"}
		for i, err := range target.PublishBatch(msgs) {
			if (err != nil) != (i == 50) || i == 50 && policies.ReasonOf(err) != "unroutable" {
				t.Errorf("round %d, message %d: %v", round, i, err)
			}
		}
		if outletOf(t, target) == before {
			t.Error("the channel goes on")
		}
	}
}

func outletOf(t *testing.T, target *Target) *outlet {
	t.Helper()
	w := target.patience()
	defer w.timer.Stop()
	o, err := target.await(w)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func targetOn(t *testing.T, queue string) (*Target, chan error) {
	t.Helper()
	told := make(chan error, 100)
	return targetTo(t, config.To{Queue: queue}, func(err error) { told <- err }), told
}

func targetTo(t *testing.T, to config.To, state func(error)) *Target {
	t.Helper()
	b := New("test", config.AMQP{URL: config.NewSecret(rig.AMQP(t))}, nil)
	target, err := b.Target(to, broker.TargetOptions{Route: "route", Timeout: time.Minute, State: state})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return target.(*Target)
}
