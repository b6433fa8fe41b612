package regress_test

import (
	"context"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-amqp/v2/pkg/amqp"
	"github.com/ThreeDotsLabs/watermill/message"
	rabbit "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/broker"
	edgeamqp "github.com/brokerbridge/bridge/bridge/broker/amqp"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/internal/faultnet"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
	"github.com/brokerbridge/bridge/policies"
)

// stockQueues publishes to queues as watermill-amqp does.
func stockQueues(t *testing.T, c amqp.Config) message.Publisher {
	t.Helper()
	p, err := amqp.NewPublisher(c, watermill.NopLogger{})
	return closing(t, p, err)
}

// W2: publishing to where no queue takes a message is an error, with mandatory set.
//
// Expected: an error. Observed: nil, with confirms on, too; RabbitMQ returns the
// message, nobody listens, and it is gone. watermill-amqp v2.1.3.
func TestStock_W2_UnroutableIsNoError(t *testing.T) {
	t.Parallel()
	missing := rig.Name(t)
	t.Run("stock", func(t *testing.T) {
		t.Parallel()
		c := amqp.NewDurableQueueConfig(rig.AMQP(t))
		c.Publish.Mandatory, c.Publish.ConfirmDelivery = true, true
		if err := stockQueues(t, c).Publish(missing, fresh("b")); err != nil {
			mended(t, "W2", err.Error())
		}
	})
	t.Run("ours", func(t *testing.T) {
		t.Parallel()
		if err := ourQueues(t).Publish(missing, fresh("b")); policies.ClassOf(err) != policies.Unavailable {
			t.Errorf("published to a queue that is not there: %v", err)
		}
	})
}

// W3: publishing ends with the deadline of the message's context.
//
// Expected: it returns, with an error, after 100 ms. Observed: it waits for the
// confirm, whatever the context says, and so for as long as RabbitMQ reads nothing,
// as it does under an alarm. watermill-amqp v2.1.3; of the client below it,
// rabbitmq/amqp091-go issues 111 and 178.
func TestStock_W3_DeadlineIsNotKept(t *testing.T) {
	t.Parallel()
	const deadline = 100 * time.Millisecond
	u, err := url.Parse(rig.AMQP(t))
	if err != nil {
		t.Fatal(err)
	}
	upstream := u.Host
	// published is what a publish ends with that RabbitMQ does not read, nil if it
	// does not end; afterwards it is read.
	published := func(t *testing.T, w *faultnet.Wire, publish func() error) error {
		t.Helper()
		if err := publish(); err != nil {
			t.Fatal(err)
		}
		w.Set(faultnet.Trouble{Hole: faultnet.Both})
		done := make(chan error, 1)
		go func() { done <- publish() }()
		select {
		case err := <-done:
			w.Set(faultnet.Trouble{})
			return err
		case <-time.After(10 * deadline):
			w.Set(faultnet.Trouble{})
			t.Logf("it ended after %v with %v", 10*deadline, <-done)
			return nil
		}
	}
	t.Run("stock", func(t *testing.T) {
		t.Parallel()
		w, u, queue := faultnet.NewAMQP(t, upstream), *u, rig.Queue(t)
		u.Host = w.Addr()
		c := amqp.NewDurableQueueConfig(u.String())
		c.Publish.ConfirmDelivery = true
		out := stockQueues(t, c)
		if err := published(t, w, func() error {
			m := fresh("b")
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			m.SetContext(ctx)
			return out.Publish(queue, m)
		}); err != nil {
			mended(t, "W3", err.Error())
		}
	})
	t.Run("ours", func(t *testing.T) {
		t.Parallel()
		w, u, queue := faultnet.NewAMQP(t, upstream), *u, rig.Queue(t)
		u.Host = w.Addr()
		shop := edgeamqp.New("shop", config.AMQP{URL: config.NewSecret(u.String())}, nil)
		out, err := shop.Target(config.To{Queue: queue}, broker.TargetOptions{Route: "route", Timeout: deadline})
		if err != nil {
			t.Fatal(err)
		}
		closing(t, out, nil)
		for out.Publish("", fresh("b")) != nil { // it connects
			time.Sleep(10 * time.Millisecond)
		}
		if err := published(t, w, func() error { return out.Publish("", fresh("b")) }); policies.ClassOf(err) != policies.Unavailable {
			t.Errorf("ended with %v", err)
		}
	})
}

// W5: what RabbitMQ refuses is an error.
//
// Expected: a queue that is full refuses, and the publisher says so. Observed: nil,
// and the message is gone, since confirms are off by default. watermill-amqp v2.1.3;
// ThreeDotsLabs/watermill issue 267, ThreeDotsLabs/watermill-amqp pull request 15.
func TestStock_W5_RefusedIsNoError(t *testing.T) {
	t.Parallel()
	const n = 100
	full := rabbit.Table{"x-max-length": int32(1), "x-overflow": "reject-publish"}
	// published is how many of n publishes had no error.
	published := func(out message.Publisher, queue string) (ok int) {
		for i := range n {
			if out.Publish(queue, fresh(fmt.Sprint(i))) == nil {
				ok++
			}
		}
		return ok
	}
	t.Run("stock", func(t *testing.T) {
		t.Parallel()
		queue := rig.QueueWith(t, full)
		if ok := published(stockQueues(t, amqp.NewDurableQueueConfig(rig.AMQP(t))), queue); ok != n {
			mended(t, "W5", fmt.Sprintf("%d of %d publishes to a full queue had an error", n-ok, n))
		}
		if there := rig.Depth(t, queue); there == n {
			t.Errorf("the queue was not full: it has %d", there)
		}
	})
	t.Run("ours", func(t *testing.T) {
		t.Parallel()
		queue := rig.QueueWith(t, full)
		if ok, there := published(ourQueues(t), queue), rig.Depth(t, queue); ok != there || ok == n {
			t.Errorf("%d publishes had no error, and %d messages are there", ok, there)
		}
	})
}
