//go:build ignore

// Limit sets how large a record of a Kafka topic may be, to try a redrive with:
//
//	go run docs/try/limit.go [-brokers HOST:PORT] TOPIC BYTES
package main

import (
	"context"
	"flag"
	"fmt"
	"log"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	brokers := flag.String("brokers", "127.0.0.1:9092", "of Kafka")
	flag.Parse()
	if flag.NArg() != 2 {
		log.Fatal("want TOPIC BYTES")
	}
	topic, limit := flag.Arg(0), flag.Arg(1)
	client, err := kgo.NewClient(kgo.SeedBrokers(*brokers))
	check(err)
	defer client.Close()
	responses, err := kadm.NewClient(client).AlterTopicConfigs(context.Background(),
		[]kadm.AlterConfig{{Name: "max.message.bytes", Value: &limit}}, topic)
	check(err)
	_, err = responses.On(topic, nil)
	check(err)
	check(responses[0].Err)
	fmt.Println(topic, "takes", limit, "bytes")
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
