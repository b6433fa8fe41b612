package main

import (
	"context"
	"errors"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// doing is how long a fault may take until it is done, or taken back.
const doing = 40 * time.Second

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

// deleteTargetQueue reads a queue to its end and deletes it while it is empty, so
// that no message is lost with it.
func deleteTargetQueue(ctx context.Context, w *world, f fault) error {
	r := anyOf(w.targets(false), f)
	for until := time.Now().Add(doing); time.Now().Before(until) && ctx.Err() == nil; {
		err := onChannel(w, func(ch *amqp.Channel) error {
			read, err := drain(w, ch, r.to.String())
			r.before = append(r.before, read...)
			return err
		})
		if err != nil {
			return err
		}
		if gone, err := deleteEmpty(w, r.to.String()); err != nil || gone {
			return err
		}
	}
	w.log.note("%s: %s was never empty, and is left", f.kind.name, r.to)
	return nil
}

// quiet is how long nothing comes from a queue that was read to its end.
const quiet = 10 * time.Millisecond

// drain takes out of a queue what is in it.
func drain(w *world, ch *amqp.Channel, queue string) (read []journal.Entry, err error) {
	in, err := ch.Consume(queue, "reader", false, false, false, false, nil)
	if err != nil {
		return nil, err
	}
	take := func(d amqp.Delivery) {
		read = append(read, e2e.OfDelivery(w.t, &d))
		err = errors.Join(err, d.Ack(false))
	}
	for more := true; more && err == nil; {
		select {
		case d, ok := <-in:
			if more = ok; ok {
				take(d)
			}
		case <-time.After(quiet):
			more = false
		}
	}
	err = errors.Join(err, ch.Cancel("reader", false))
	for d := range in { // what came before the answer
		take(d)
	}
	return read, err
}

// deleteEmpty deletes a queue that has no message; false where it has one.
func deleteEmpty(w *world, queue string) (gone bool, err error) {
	err = onChannel(w, func(ch *amqp.Channel) error {
		_, err := ch.QueueDelete(queue, false, true, false)
		return err
	})
	var said *amqp.Error
	if errors.As(err, &said) && said.Code == amqp.PreconditionFailed {
		return false, nil
	}
	return err == nil, err
}

func makeQueue(_ context.Context, w *world, f fault) error {
	return declare(w, anyOf(w.targets(false), f).to.String())
}

func declare(w *world, queue string) error {
	return onChannel(w, func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclare(queue, true, false, false, false, nil)
		return err
	})
}

// refuseQueue has the queue take no message more.
func refuseQueue(_ context.Context, w *world, f fault) error {
	_, err := rig.Script("ctl", "-q", "set_policy", "--apply-to", "queues", "chaos",
		"^"+anyOf(w.targets(false), f).to.String()+"$", `{"max-length":1,"overflow":"reject-publish"}`)
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
	return declare(w, r.from.String())
}
