package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/faultnet"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// doing is how long a fault may take until it is done, or taken back.
const doing = 90 * time.Second

// anyOf chooses one of the routes a fault may hit.
func anyOf(all []*route, f fault) *route { return all[f.draw%uint64(len(all))] }

// onChannel opens a channel that does not go over the wire.
func onChannel(w *world, work func(*amqp.Channel) error) error {
	conn, err := amqp.Dial(rig.AMQP(w.t))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	return work(ch)
}

// deleteTargetQueue keeps the bridge from RabbitMQ, reads a queue to its end and
// deletes it, so that no message is lost with it. Under a publisher that could not
// be: RabbitMQ confirms what is on its way to a queue that is being deleted.
func deleteTargetQueue(ctx context.Context, w *world, f fault) error {
	w.wire(rabbitWire).Set(faultnet.Trouble{Shut: true})
	defer w.wire(rabbitWire).Set(faultnet.Trouble{})
	r := anyOf(w.targets(false), f)
	return again(ctx, func() error {
		err := onChannel(w, func(ch *amqp.Channel) error { return r.drain(w, ch) })
		if said, ok := errors.AsType[*amqp.Error](err); ok && said.Code == amqp.NotFound {
			return nil // deleted, but the answer was lost
		}
		if err != nil {
			return err
		}
		gone, err := deleteEmpty(w, r.to.String())
		if err == nil && !gone {
			err = fmt.Errorf("%s is not empty", r.to)
		}
		return err
	})
}

// again does something until it succeeds: another fault may hit the broker.
func again(ctx context.Context, do func() error) error {
	for until := time.Now().Add(doing); ; {
		err := do()
		if err == nil || time.Now().After(until) || !pause(ctx, 100*time.Millisecond) {
			return err
		}
	}
}

// quiet is how long nothing comes from a queue that was read to its end.
const quiet = 300 * time.Millisecond

// drain takes out of the target what is in it.
func (r *route) drain(w *world, ch *amqp.Channel) error {
	in, err := ch.Consume(r.to.String(), "", false, false, false, false, nil)
	if err != nil {
		return err
	}
	for {
		select {
		case d, ok := <-in:
			if !ok {
				return amqp.ErrClosed
			}
			r.took(w, &d)
			if err := d.Ack(false); err != nil {
				return err
			}
		case <-time.After(quiet):
			return ch.Close() // after the acknowledgements
		}
	}
}

// took notes what was taken out of the target, once: it comes again if the
// acknowledgement was lost with RabbitMQ.
func (r *route) took(w *world, d *amqp.Delivery) {
	e := e2e.OfDelivery(w.t, d)
	me := id{e.Key, e.Rev}
	if d.Redelivered && r.taken[me] {
		return
	}
	r.taken[me] = true
	r.before = append(r.before, e)
}

// deleteEmpty deletes a queue that has no message; false where it has one.
func deleteEmpty(w *world, queue string) (gone bool, err error) {
	err = onChannel(w, func(ch *amqp.Channel) error {
		_, err := ch.QueueDelete(queue, false, true, false)
		return err
	})
	if said, ok := errors.AsType[*amqp.Error](err); ok && said.Code == amqp.PreconditionFailed {
		return false, nil
	}
	return err == nil, err
}

// makeQueue makes it again, and lets nobody kill RabbitMQ until it will remember.
func makeQueue(ctx context.Context, w *world, f fault) error {
	w.forgets.RLock()
	defer w.forgets.RUnlock()
	err := again(ctx, func() error { return declare(w, anyOf(w.targets(false), f).to.String(), refusing) })
	pause(ctx, settling)
	return err
}

// refusing is what a target is declared with, so that its limit refuses what is new
// and drops nothing of what is there. RabbitMQ 3.10 would, if one policy said both.
var refusing = amqp.Table{"x-overflow": "reject-publish"}

func declare(w *world, queue string, args amqp.Table) error {
	return onChannel(w, func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclare(queue, true, false, false, false, args)
		return err
	})
}

// refuseQueue has the queue take no message more.
func refuseQueue(_ context.Context, w *world, f fault) error {
	_, err := rig.Script("ctl", "-q", "set_policy", "--apply-to", "queues", "chaos",
		"^"+anyOf(w.targets(false), f).to.String()+"$", `{"max-length":1}`)
	return err
}

func allowQueue(context.Context, *world, fault) error {
	_, err := rig.Script("ctl", "-q", "clear_policy", "chaos")
	return err
}

// deleteSourceQueue deletes a queue under its consumer, at a moment at which all of
// it is acknowledged: what is lost with a queue is not the bridge's. The producer
// waits meanwhile.
func deleteSourceQueue(ctx context.Context, w *world, f fault) error {
	r := anyOf(w.sources(false), f)
	r.feed.Pause()
	until := time.Now().Add(doing)
	for {
		left, err := leftIn(r.from.String())
		if err != nil {
			return err
		}
		if left == "0" {
			break
		}
		if time.Now().After(until) || !pause(ctx, 100*time.Millisecond) {
			w.log.note("%s: %s was not read to its end, and is left", f.kind.name, r.from)
			return nil
		}
	}
	_, err := deleteEmpty(w, r.from.String())
	return err
}

// leftIn is how many messages of a queue are not acknowledged.
func leftIn(queue string) (string, error) {
	said, err := rig.Script("ctl", "-q", "list_queues", "--no-table-headers", "name", "messages")
	for line := range strings.Lines(said) {
		if name, n, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok && name == queue {
			return n, err
		}
	}
	return "", err
}

func makeSourceQueue(_ context.Context, w *world, f fault) error {
	r := anyOf(w.sources(false), f)
	defer r.feed.Resume()
	return declare(w, r.from.String(), nil)
}
