// Command bench measures what the bridge's promises cost, and what others do
// without them: the same work, a full source moved to an empty target, in all
// four directions between RabbitMQ queues and Kafka topics, or in some.
//
//	go run ./bridge/internal/bench [-case raw] [-peers all] [-rounds 3] [-seconds 5] [-keys 1000] [-size 1024]
//		[-window N] [-lanes 10000000] [-rate N] [-park 1000000] [-from rabbitmq] [-to kafka] [-json FILE] [-profile FILE]
//
// There are several cases, and -case says which are measured: one, some of them
// (displaced,keys) or all. In each the first contender is the base that the others
// are compared with.
//
// Case raw, without -case: the raw loop, which promises nothing (package rawloop),
// and the bridge as users run it, its store on disk. With -peers:
//
//   - watermill: a service on Watermill's own router, clients, Retry and
//     PoisonQueue, confirms on (package stock);
//   - shovel: RabbitMQ's own, from queue to queue, once over TCP and once direct,
//     acknowledging what was confirmed, with the raw loop's prefetch;
//   - mirrormaker: Kafka's MirrorMaker 2, from topic to topic, with two tasks.
//
// Case displaced: the bridge with all messages in order in the source, then with
// each of them up to 200 places away from its own and one in a hundred there
// twice, then up to 20,000 places away, which is beyond the window, so that
// messages wait in the store. The keys are drawn: where they take turns, the next
// message of a key is further away than 200 places. A note says how many messages
// stood behind a successor, and how many were parked.
//
// Case keys: the bridge with 1,000 keys, with 20 and with one.
//
// Case many-keys: the bridge with 1,000 keys and a new store, then with a store in
// which -lanes keys have settled their first revision, keys drawn evenly, then by
// Zipf's law with s = 1.1, where of ten million keys the first has a ninth of all
// messages. The store is made once, through its own interface, and each run has a
// copy, whose files are in the page cache. A note says how long it took from the
// start of the process until /readyz answered 200, seen every 50 ms.
//
// Case latency: messages are sent at a fixed rate, half of the bridge's own or -rate,
// through the raw loop and through the bridge. Each says when it was meant to leave,
// and its latency is counted from there, so that a sender that was held up hides
// nothing (no coordinated omission). After a warm-up of two seconds, -seconds count.
//
// Case trouble: the same with the bridge alone, undisturbed, then with one key in a
// hundred quarantined, retrying, or lacking a revision. What counts is the others.
//
// Case roulette: from a queue to a topic, 10,000 messages at -rate, or 400 a second,
// of which ten cannot be processed: a Watermill service that nacks them with requeue,
// others with what Watermill and the bridge have against that, and the binary. Some
// seconds after the last message what the ten lack is there, and dead letters are
// redriven. What counts is what became of the others until then, what it cost, and
// what is missing or out of order in the end.
//
// Case parked: -park messages wait for the first revision of their keys, of 10,000
// keys and of one; then the first revisions come. What counts is memory, how fast
// the parked drain beside what fresh messages do, and what other keys notice.
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
	var o choice
	o.flags(flag.CommandLine)
	raw := flag.String("raw", "", "be the raw loop on an `errand`; for bench itself")
	stock := flag.String("watermill", "", "be stock Watermill on an `errand`; for bench itself")
	server := flag.String("service", "", "be a service with this policy, on an errand and a folder; for bench itself")
	shown := flag.String("markdown", "", "measure nothing, and print the tables of the docs from this `file` of results")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	run := func() error { return bench(ctx, p, o) }
	switch {
	case *raw != "":
		run = func() error { return loop(ctx, *raw) }
	case *stock != "":
		run = func() error { return router(ctx, *stock) }
	case *server != "":
		run = func() error { return serve(ctx, policy(*server), flag.Arg(0), flag.Arg(1)) }
	case *shown != "":
		run = func() error { return show(*shown) }
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop was called
	}
}

func show(file string) error {
	m, err := readMeasured(file)
	if err != nil {
		return err
	}
	if r := m.Cases.Roulette; r != nil {
		fmt.Printf("docs/comparison.md:\n\n%s\nREADME.md:\n\n%s", r.markdown(), r.brief())
		return nil
	}
	fmt.Printf("docs/performance.md:\n\n%s\nREADME.md:\n\n%s", m.full(), m.brief())
	return nil
}

// choice is what is to be measured, and where it is written.
type choice struct{ cases, from, to, peers, file string }

func (o *choice) flags(set *flag.FlagSet) {
	set.StringVar(&o.cases, "case", experiments[0].name, "what is compared: all or some of "+names(experiments))
	set.StringVar(&o.from, "from", "all", "the source: rabbitmq, kafka or all")
	set.StringVar(&o.to, "to", "all", "the target: rabbitmq, kafka or all")
	set.StringVar(&o.peers, "peers", "", "who else runs in the first case: all or some of "+names(peers))
	set.StringVar(&o.file, "json", "", "write the results to this file too")
}

// bench sets the stage for the cases.
func bench(ctx context.Context, p plan, o choice) error {
	ways, err := directions(o.from, o.to)
	chosen, err2 := choosePeers(o.peers)
	cases, err3 := chooseCases(o.cases)
	if err := errors.Join(err, err2, err3, p.check()); err != nil {
		return err
	}
	s, err := setUp(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	s.peers = chosen
	r := results{Plan: p, Machine: machine(), Began: time.Now().UTC(), Cases: map[string]report{}}
	err = r.measure(ctx, s, cases, ways, o.file)
	if len(cases)*len(ways) > 1 {
		fmt.Print(r.table(cases))
	}
	return err
}
