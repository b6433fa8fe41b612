package main

import (
	"context"
	"os"
	"strings"

	"github.com/brokerbridge/bridge/bridge/demo/service"
)

// games are both kinds of poison: what the handler refuses, and what the stock
// client cannot decode, so that no handler ever sees it.
func games() []game {
	return []game{
		newGame("nothing is refused", nil, true, serviceAs("nack with requeue", requeue)),
		newGame("the handler refuses ten", "yes", true,
			serviceAs("nack with requeue", requeue),
			serviceAs("the same, prefetch 100", ahead),
			serviceAs("Retry, then requeue", retry),
			serviceAs("Retry and PoisonQueue", poisonQueue),
			serviceAs("the bridge's middlewares", middlewares),
			serviceAs("and its subscriber", edges),
		),
		newGame("ten have a header that is a number", int32(1), false,
			serviceAs("Retry and PoisonQueue", poisonQueue),
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
func serviceAs(name string, p policy) contender {
	return contender{name: name, start: func(_ context.Context, s *stage, of plan, sc scene, words *os.File) (mover, error) {
		return startServer(sc, words, 0, s.self, "-service", string(p), sc.errand(of).String(), storeDir(s.dir, sc))
	}}
}

func deadOf(topic string) string { return topic + "-dead" }

// said is what a service has said last.
func (c *course) said() (last service.Counts, err error) {
	text, err := os.ReadFile(c.words.Name())
	for l := range strings.Lines(string(text)) {
		if n, ok := heard(l); ok && strings.HasSuffix(l, "\n") {
			last = n
		}
	}
	return last, err
}
