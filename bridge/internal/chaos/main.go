// Command chaos does to a bridge and its brokers what goes wrong in production, and
// looks whether the promises hold.
//
//	go run ./bridge/internal/chaos [-seed 1] [-time 10m] [-faults N] [-directions r-k,k-r,r-r,k-k] [-rate 200] [-only words]
//
// One bridge, the binary with a topology file, runs a route in each direction between
// a real RabbitMQ and a real Kafka, under load. Brokers are killed, stopped and
// restarted, so is the bridge; connections are cut, slowed down and swallowed; queues
// and topics refuse or are deleted; the disk of the store fills up. Faults come in
// acts, in which they may overlap, with a calm after each in which every route has to
// move again, by itself and within a minute.
//
// The seed says which faults come in which act, when each begins after the act did, how
// long it lasts and what it hits: the same in each run. What a broker needs to start,
// and how long the bridge takes to recover, is added as it comes.
//
// A message counts as sent when the broker has confirmed it; the journal of the
// producer is compared with what is in the targets, in their order. The checker
// knows the promises and nothing of the bridge: no loss, the order of each key, few
// duplicates, bodies and headers as they were. It ends with 1 when one was broken, and
// says of which message and after which faults.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"
)

func main() {
	o, err := parse(os.Args[1:])
	if err != nil {
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	say := func(line string) { fmt.Println(line) }
	ok := standIn(ctx, say, func(t testing.TB) {
		v := run(ctx, t, o, say)
		fmt.Print("\n", v)
		if len(v.broken) > 0 {
			t.Fail()
		}
	})
	if !ok {
		fmt.Printf("to repeat it: go run ./bridge/internal/chaos%s\n", quoted(os.Args[1:]))
		stop()
		os.Exit(1) //nolint:gocritic // stop was called
	}
}

func quoted(words []string) string {
	var b strings.Builder
	for _, w := range words {
		fmt.Fprintf(&b, " '%s'", w)
	}
	return b.String()
}

func parse(args []string) (options, error) {
	var o options
	set := flag.NewFlagSet("chaos", flag.ContinueOnError)
	set.Uint64Var(&o.seed, "seed", 1, "the same one is the same schedule")
	set.DurationVar(&o.lasts, "time", 10*time.Minute, "no act begins later than this; 0: no bound")
	set.IntVar(&o.faults, "faults", 0, "how many faults; 0: no bound")
	set.IntVar(&o.rate, "rate", 200, "messages a second, of each direction")
	set.StringVar(&o.only, "only", "", "kinds of faults that contain one of these words, \"kill,cut\"")
	set.StringVar(&o.words, "log", "", "a file for what the bridge says")
	ways := set.String("directions", everyWay, "from and to, r for RabbitMQ and k for Kafka")
	if err := set.Parse(args); err != nil {
		return o, err
	}
	for _, d := range strings.Split(*ways, ",") {
		if !strings.Contains(","+everyWay+",", ","+d+",") {
			fmt.Fprintf(os.Stderr, "chaos: %q is no direction; there are %s\n", d, everyWay)
			return o, flag.ErrHelp
		}
		o.directions = append(o.directions, d)
	}
	return o, nil
}

const everyWay = "r-k,k-r,r-r,k-k"
