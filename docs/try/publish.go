//go:build ignore

// Publish sends messages to a RabbitMQ queue, to try a bridge with:
//
//	go run docs/try/publish.go [-url URL] [-queue QUEUE] KEY REVISION...
//
// Each message has the headers key and revision, and both in its body.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"

	amqp "github.com/rabbitmq/amqp091-go"
)

func main() {
	url := flag.String("url", "amqp://guest:guest@127.0.0.1:5672/", "of RabbitMQ")
	queue := flag.String("queue", "orders", "to publish to")
	flag.Parse()
	if flag.NArg() < 2 {
		log.Fatal("want KEY REVISION...")
	}
	conn, err := amqp.Dial(*url)
	check(err)
	ch, err := conn.Channel()
	check(err)
	_, err = ch.QueueDeclarePassive(*queue, true, false, false, false, nil)
	check(err)
	check(ch.Confirm(false))
	key := flag.Arg(0)
	for _, revision := range flag.Args()[1:] {
		c, err := ch.PublishWithDeferredConfirm("", *queue, true, false, amqp.Publishing{
			Headers:      amqp.Table{"key": key, "revision": revision},
			DeliveryMode: amqp.Persistent,
			Body:         fmt.Appendf(nil, `{"order":%q,"revision":%q}`, key, revision),
		})
		check(err)
		if acked, err := c.WaitContext(context.Background()); err != nil || !acked {
			log.Fatalf("revision %s was not confirmed: %v", revision, err)
		}
		fmt.Println("sent", key, revision)
	}
	check(conn.Close())
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
