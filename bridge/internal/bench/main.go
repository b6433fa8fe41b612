// Command bench measures what the bridge's promises cost, and what others do
// without them: the same work, a full source moved to an empty target, in all
// four directions between RabbitMQ queues and Kafka topics, or in some.
//
//	go run ./bridge/internal/bench [-peers all] [-rounds 3] [-seconds 5] [-keys 1000] [-size 1024] [-window N]
//		[-from rabbitmq] [-to kafka] [-json FILE] [-profile FILE]
//
// Always there are the raw loop, which promises nothing (package rawloop), and
// the bridge as users run it, its store on disk. With -peers:
//
//   - watermill: a service on Watermill's own router, clients, Retry and
//     PoisonQueue, confirms on (package stock);
//   - shovel: RabbitMQ's own, from queue to queue, once over TCP and once direct,
//     acknowledging what was confirmed, with the raw loop's prefetch;
//   - mirrormaker: Kafka's MirrorMaker 2, from topic to topic, with two tasks.
//
// In each round all run, in turns, and each round begins with another. Each
// contender has a number of messages of its own, so that its run takes the
// seconds asked for. All but the shovel run as child processes; the shovel works
// inside RabbitMQ. Every run is checked: all there, none twice, none before its
// predecessor, nothing left in the source.
//
// The rate is that at the target. In a topic it is measured between the first
// and the last record, by the times at which Kafka appended them. A queue notes
// no times, and a consumer that watched it would take CPU from all: its depth is
// asked for every 50 ms, and the rate is that between the first look that found a
// message and the last that did not find all. Both looks say exactly how many
// there were at a known moment, so nothing is guessed; what one look costs is one
// small request to RabbitMQ.
//
// CPU is what a child used from its start to its end, in all threads, per million
// messages; a note says how much of it was before the first message, where that
// is a lot, as with a JVM. The brokers' CPU is what those of the direction used in that time,
// whoever caused it. RSS is the most that a child had resident. What is not known
// is left out: a shovel has no process, and brokers are only found on Linux and
// where scripts/brokers started them as plain processes.
//
// Rates of different rounds differ with the weather on the machine, so read the
// ratios: each is of two runs of the same round. They are given as the median and
// the lowest and highest of all rounds. That interval needs no assumption about
// how they are distributed: it misses the true median only if all rounds fell on
// the same side of it, so with n independent rounds it covers it with probability
// 1 - 2*(1/2)^n: 75 % for three rounds, 93.75 % for five.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	p := plan{}
	p.flags(flag.CommandLine)
	from := flag.String("from", "all", "the source: rabbitmq, kafka or all")
	to := flag.String("to", "all", "the target: rabbitmq, kafka or all")
	others := flag.String("peers", "", "who else runs: all or some of watermill,shovel,mirrormaker")
	file := flag.String("json", "", "write the results to this file too")
	raw := flag.String("raw", "", "be the raw loop on an `errand`; for bench itself")
	stock := flag.String("watermill", "", "be stock Watermill on an `errand`; for bench itself")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	run := func() error { return bench(ctx, p, *from, *to, *others, *file) }
	switch {
	case *raw != "":
		run = func() error { return loop(ctx, *raw) }
	case *stock != "":
		run = func() error { return router(ctx, *stock) }
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop was called
	}
}

func bench(ctx context.Context, p plan, from, to, others, file string) error {
	ways, err := directions(from, to)
	chosen, err2 := choosePeers(others)
	if err := errors.Join(err, err2, p.check()); err != nil {
		return err
	}
	s, err := setUp(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.prepare(ways, chosen); err != nil {
		return err
	}
	r := results{Plan: p, Machine: machine(), Began: time.Now().UTC()}
	for _, way := range ways {
		measured, err := s.measure(ctx, p, way, contenders(way, chosen))
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

// measure lets all run in one direction, in turns.
func (s *stage) measure(ctx context.Context, p plan, way direction, all []contender) (r result, err error) {
	defer func() { err = errors.Join(err, s.dropSources()) }()
	fmt.Printf("%s: messages of %d bytes, %d keys, %d rounds\n", way, p.Size, p.Keys, p.Rounds)
	r.direction = way
	for _, c := range all {
		n, err := s.calibrate(ctx, p, way, c)
		if err != nil {
			return r, err
		}
		fmt.Printf("%s: %d messages\n", c.name, n)
		r.Contenders = append(r.Contenders, series{Name: c.name, Messages: n})
	}
	if err := s.dropSources(); err != nil { // those of the calibration
		return r, err
	}
	if err := s.rounds(ctx, p, all, &r); err != nil {
		return r, err
	}
	r.summarise()
	fmt.Println("\n" + r.table(p))
	return r, nil
}

// rounds begins each with another contender: who follows whom matters little, who
// is first may.
func (s *stage) rounds(ctx context.Context, p plan, all []contender, r *result) error {
	fmt.Printf("\n"+runHead, "")
	for i := range p.Rounds {
		for j := range all {
			k := (i + j) % len(all)
			p.Messages = r.Contenders[k].Messages
			m, err := s.run(ctx, p, r.direction, all[k])
			if err != nil {
				return err
			}
			r.Contenders[k].Runs = append(r.Contenders[k].Runs, m)
			fmt.Print(m.line(i+1, all[k].name))
		}
	}
	return nil
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
