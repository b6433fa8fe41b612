//go:build ignore

// Publish sends messages to a RabbitMQ queue, to try a bridge with:
//
//	go run docs/try/publish.go [-url URL] [-queue QUEUE] [-size BYTES] KEY REVISION...
//
// Each message has the headers key and revision, and both in its body. AMQP_URL
// in the environment is where, unless -url is given.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"
)

func main() {
	url := flag.String("url", cmp.Or(os.Getenv("AMQP_URL"), "amqp://guest:guest@127.0.0.1:5672/"), "of RabbitMQ")
	queue := flag.String("queue", "orders", "to publish to")
	size := flag.Int("size", 0, "of each body, in bytes; 0: what it needs")
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
		body := fmt.Sprintf(`{"order":%q,"revision":%q}`, key, revision)
		body += strings.Repeat(" ", max(0, *size-len(body)))
		c, err := ch.PublishWithDeferredConfirm("", *queue, true, false, amqp.Publishing{
			Headers:      amqp.Table{"key": key, "revision": revision},
			DeliveryMode: amqp.Persistent,
			Body:         []byte(body),
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
