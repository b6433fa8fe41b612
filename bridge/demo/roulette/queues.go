package roulette

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	rabbit "github.com/rabbitmq/amqp091-go"
)

// Of each queue's messages, each a revision of a key, ten are poison, of a key each.
const (
	messages = 10_000
	keys     = 1_000
	poison   = 10
)

// arguments have RabbitMQ delete the queues, should nobody be left who does.
var arguments = rabbit.Table{"x-expires": int64(10 * time.Minute / time.Millisecond)}

// names are those of the queues.
func names() (all []string) {
	run := strings.ToLower(rand.Text()[:10])
	for _, of := range []string{"requeue", "prefetch", "bridge"} {
		all = append(all, fmt.Sprintf("bridge-roulette-%s-%s", run, of))
	}
	return all
}

// deal makes the queues and fills them, all alike.
func deal(ctx context.Context, conn *rabbit.Connection, queues []string) error {
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer func() { _ = ch.Close() }()
	if err := ch.Confirm(false); err != nil {
		return err
	}
	for _, queue := range queues {
		if _, err := ch.QueueDeclare(queue, true, false, false, false, arguments); err != nil {
			return err
		}
		var last *rabbit.DeferredConfirmation
		for i := range messages {
			if last, err = ch.PublishWithDeferredConfirmWithContext(ctx, "", queue, true, false, card(i)); err != nil {
				return err
			}
		}
		if ok, err := last.WaitContext(ctx); err != nil || !ok { // of one queue, what came before is there too
			return fmt.Errorf("fill queue %q: confirmed %v, %w", queue, ok, err)
		}
	}
	return nil
}

// card is the i-th message.
func card(i int) rabbit.Publishing {
	p := rabbit.Publishing{
		MessageId: fmt.Sprint(i), DeliveryMode: rabbit.Persistent, Body: []byte("{}"),
		Headers: rabbit.Table{keyHeader: fmt.Sprint(i % keys), revisionHeader: fmt.Sprint(i/keys + 1)},
	}
	if poisoned(i) {
		p.Headers[poisonHeader] = "yes"
	}
	return p
}

// poisoned is every thousandth, each of another key.
func poisoned(i int) bool {
	const every = messages / poison
	j := i / every
	return i == j*every+every/2+7*j
}

// clearTable deletes the queues, also when the play was stopped.
func clearTable(conn *rabbit.Connection, queues []string) error {
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	for _, queue := range queues {
		_, e := ch.QueueDelete(queue, false, false, false)
		err = errors.Join(err, e)
	}
	return errors.Join(err, ch.Close())
}
