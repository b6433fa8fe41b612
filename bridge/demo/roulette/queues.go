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

// poison is how many messages of each queue cannot be processed; each key has so
// many revisions.
const poison, revisions = 10, 10

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
func deal(ctx context.Context, conn *rabbit.Connection, queues []string, messages int) error {
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
			if last, err = ch.PublishWithDeferredConfirmWithContext(ctx, "", queue, true, false, card(i, messages)); err != nil {
				return err
			}
		}
		if ok, err := last.WaitContext(ctx); err != nil || !ok { // of one queue, what came before is there too
			return fmt.Errorf("fill queue %q: confirmed %v, %w", queue, ok, err)
		}
	}
	return nil
}

// card is the i-th message of so many.
func card(i, messages int) rabbit.Publishing {
	keys := messages / revisions
	p := rabbit.Publishing{
		MessageId: fmt.Sprint(i), DeliveryMode: rabbit.Persistent, Body: []byte("{}"),
		Headers: rabbit.Table{keyHeader: fmt.Sprint(i % keys), revisionHeader: fmt.Sprint(i/keys + 1)},
	}
	if poisoned(i, messages) {
		p.Headers[poisonHeader] = "yes"
	}
	return p
}

// poisoned is one in a tenth of the messages, each of another key.
func poisoned(i, messages int) bool {
	every := messages / poison
	j := i / every
	return i == j*every+every/2+j
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
