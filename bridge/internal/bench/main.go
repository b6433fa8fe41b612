// Command bench measures what the bridge's promises cost: the same work, a full
// RabbitMQ queue moved to a Kafka topic, by the bridge as users run it and by a
// loop that promises nothing (package rawloop).
//
//	go run ./bridge/internal/bench -rounds 5 -seconds 5 -keys 1000 [-json FILE]
//
// Both run as child processes, in turns, on the same number of messages: enough
// for the faster one to need so many seconds. The rate is that at the target,
// between the first and the last record, by the times at which Kafka appended
// them. CPU is what the child used from its start to its end, in all threads,
// per million messages. Every run is checked: all there, none twice, none before
// its predecessor.
//
// Rates of different rounds differ with the weather on the machine, so read the
// ratios: each is of two runs that followed one another.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/brokerbridge/bridge/bridge/internal/rawloop"
)

// plan is what is measured.
type plan struct {
	Rounds   int `json:"rounds"`
	Seconds  int `json:"seconds"`
	Keys     int `json:"keys"`
	Size     int `json:"size"`
	Messages int `json:"messages"`
}

func main() {
	p := plan{Size: 1024}
	flag.IntVar(&p.Rounds, "rounds", 5, "how often both run")
	flag.IntVar(&p.Seconds, "seconds", 5, "how long a run of the faster one takes, at least")
	flag.IntVar(&p.Keys, "keys", 1000, "over how many keys the messages are spread")
	file := flag.String("json", "", "write the results to this file too")
	raw := flag.String("raw", "", "be the raw loop, from `QUEUE,TOPIC,N`; for bench itself")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	run := func() error { return bench(ctx, p, *file) }
	if *raw != "" {
		run = func() error { return loop(ctx, *raw) }
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop was called
	}
}

// loop is the raw loop as a child.
func loop(ctx context.Context, words string) error {
	var queue, topic string
	var n int
	if _, err := fmt.Sscan(strings.ReplaceAll(words, ",", " "), &queue, &topic, &n); err != nil {
		return fmt.Errorf("-raw %q: %w", words, err)
	}
	_, err := rawloop.Run(ctx, amqpURL(), queue, kafkaAddrs(), topic, n)
	return err
}

func bench(ctx context.Context, p plan, file string) error {
	s, err := setUp(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	if p.Messages, err = s.enough(ctx, p); err != nil {
		return err
	}
	fmt.Printf("%d messages of %d bytes, %d keys, %d rounds\n\n", p.Messages, p.Size, p.Keys, p.Rounds)
	r := results{Plan: p, Machine: machine(), Began: time.Now().UTC()}
	fmt.Println(heading)
	for i := range p.Rounds {
		pair, err := s.pair(ctx, p, i%2 == 1)
		if err != nil {
			return err
		}
		r.Pairs = append(r.Pairs, pair)
		fmt.Println(pair.row(fmt.Sprint(i + 1)))
	}
	r.summarise()
	fmt.Println(r.table())
	if file == "" {
		return nil
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}
