package main

import (
	"context"
	"os"
	"strings"

	"github.com/brokerbridge/bridge/bridge/internal/bench/service"
)

// games are both kinds of poison: what the handler refuses, and what the stock
// client cannot decode, so that no handler ever sees it.
func games() []game {
	return []game{
		newGame("nothing is refused", nil, true, serviceAs("nack with requeue", service.Requeue)),
		newGame("the handler refuses ten", "yes", true,
			serviceAs("nack with requeue", service.Requeue),
			serviceAs("the same, prefetch 100", service.Ahead),
			serviceAs("Retry, then requeue", service.Retry),
			serviceAs("Retry and PoisonQueue", service.PoisonQueue),
			serviceAs("the bridge's middlewares", service.Middlewares),
			serviceAs("and its subscriber", service.Edges),
		),
		newGame("ten have a header that is a number", int32(1), false,
			serviceAs("Retry and PoisonQueue", service.PoisonQueue),
			theBridge,
		),
	}
}

func newGame(name string, poison any, mend bool, who ...contender) game {
	g := game{Name: name, poison: poison, mend: mend, who: who}
	for _, c := range who {
		g.Players = append(g.Players, player{Name: c.name})
	}
	return g
}

// serviceAs is a Watermill service with a policy, as a child.
func serviceAs(name string, policy service.Policy) contender {
	return contender{name: name, start: func(_ context.Context, s *stage, p plan, sc scene, words *os.File) (mover, error) {
		return startServer(sc, words, 0, s.self, "-service", string(policy), sc.errand(p).String(), storeDir(s.dir, sc))
	}}
}

// serve is such a service; it runs until ctx ends.
func serve(ctx context.Context, policy string, args []string) error {
	e, err := parseErrand(args[0])
	if err != nil {
		return err
	}
	return service.Run(ctx, service.Options{
		Policy: service.Policy(policy), URL: amqpURL(), Queue: e.from.name,
		Brokers: kafkaAddrs(), Topic: e.to.name, Dead: deadOf(e.to.name), Dir: args[1],
	})
}

func deadOf(topic string) string { return topic + "-dead" }

// said is what a service has said last.
func (c *course) said() (last service.Counts, err error) {
	text, err := os.ReadFile(c.words.Name())
	for l := range strings.Lines(string(text)) {
		if n, ok := service.Parse(l); ok && strings.HasSuffix(l, "\n") {
			last = n
		}
	}
	return last, err
}
