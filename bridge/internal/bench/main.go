// Command bench measures what the bridge's promises cost: the same work, a full
// source moved to an empty target, by the bridge as users run it and by a loop
// that promises nothing (package rawloop), in all four directions between
// RabbitMQ queues and Kafka topics, or in some.
//
//	go run ./bridge/internal/bench -rounds 3 -seconds 5 -keys 1000 [-from rabbitmq] [-to kafka] [-json FILE]
//
// Both run as child processes, in turns, on the same number of messages: enough
// for the faster one to need so many seconds, but no more than a million. CPU is
// what the child used from its start to its end, in all threads, per million
// messages. Every run is checked: all there, none twice, none before its
// predecessor, nothing left in the source.
//
// The rate is that at the target. In a topic it is measured between the first
// and the last record, by the times at which Kafka appended them. A queue notes
// no times, and a consumer that watched it would take CPU from both: its depth is
// asked for every 50 ms, and the rate is that between the first look that found a
// message and the last that did not find all. Both looks say exactly how many
// there were at a known moment, so nothing is guessed; what one look costs is one
// small request to RabbitMQ.
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
	"time"
)

// plan is what is measured.
type plan struct {
	Rounds  int `json:"rounds"`
	Seconds int `json:"seconds"`
	Keys    int `json:"keys"`
	Size    int `json:"size"`

	Messages int `json:"-"` // of a run; each direction has its own number
}

func main() {
	p := plan{Size: 1024}
	flag.IntVar(&p.Rounds, "rounds", 3, "how often both run in each direction")
	flag.IntVar(&p.Seconds, "seconds", 5, "how long a run of the faster one takes, about")
	flag.IntVar(&p.Keys, "keys", 1000, "over how many keys the messages are spread")
	from := flag.String("from", "all", "the source: rabbitmq, kafka or all")
	to := flag.String("to", "all", "the target: rabbitmq, kafka or all")
	file := flag.String("json", "", "write the results to this file too")
	raw := flag.String("raw", "", "be the raw loop, from `KIND:NAME,KIND:NAME,N`; for bench itself")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	run := func() error { return bench(ctx, p, *from, *to, *file) }
	if *raw != "" {
		run = func() error { return loop(ctx, *raw) }
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop was called
	}
}

func bench(ctx context.Context, p plan, from, to, file string) error {
	ways, err := directions(from, to)
	if err != nil {
		return err
	}
	s, err := setUp(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	r := results{Plan: p, Machine: machine(), Began: time.Now().UTC()}
	for _, way := range ways {
		measured, err := s.measure(ctx, p, way)
		if err != nil {
			return fmt.Errorf("%s: %w", way, err)
		}
		r.Directions = append(r.Directions, measured)
		if err := r.write(file); err != nil {
			return err
		}
	}
	if len(ways) > 1 {
		fmt.Print(r.table())
	}
	return nil
}

// measure lets both run in one direction, in turns.
func (s *stage) measure(ctx context.Context, p plan, way direction) (result, error) {
	fmt.Println(way)
	r := result{direction: way}
	var err error
	if p.Messages, err = s.enough(ctx, p, way); err != nil {
		return r, err
	}
	r.Messages = p.Messages
	fmt.Printf("%d messages of %d bytes, %d keys, %d rounds\n\n%s\n", p.Messages, p.Size, p.Keys, p.Rounds, heading("round"))
	for i := range p.Rounds {
		pair, err := s.pair(ctx, p, way, i%2 == 1)
		if err != nil {
			return r, err
		}
		r.Pairs = append(r.Pairs, pair)
		fmt.Println(pair.row(fmt.Sprint(i + 1)))
	}
	r.summarise()
	fmt.Println(r.table())
	return r, nil
}

// write keeps what was measured so far: a later direction may fail.
func (r *results) write(file string) error {
	if file == "" {
		return nil
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}
