package roulette

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/brokerbridge/bridge/bridge/demo/internal/screen"
)

const opening = `Three services, a queue each on this RabbitMQ, the same %s messages in each; ten
of them lack something that comes in %v. The handlers work in memory, the rest is
real. Seconds, then for each: messages done; tries of the ten that failed.

`

// head names the players over the columns of line.
func head(players []*player) string {
	b := "    "
	for _, p := range players {
		b += fmt.Sprintf("  %-26s", p.name)
	}
	return strings.TrimRight(b, " ") + "\n"
}

// line is how all are doing.
func line(ctx context.Context, after time.Duration, players []*player) string {
	b := fmt.Sprintf("%3.0fs", after.Seconds())
	for _, p := range players {
		s := p.standing(ctx)
		b += fmt.Sprintf("  %6s done %8s tries", screen.Count(s.Done), screen.Count(s.Refused))
	}
	return b + "\n"
}

// report is the end.
func report(scores []Score, messages int) string {
	var b strings.Builder
	b.WriteString("\nThen what they lack was there, and the bridge's dead letters were redriven.\n")
	for _, s := range scores {
		fmt.Fprintf(&b, "\n%s\n", s.Name)
		line := func(n int, format string, args ...any) {
			fmt.Fprintf(&b, "  %9s  %s\n", screen.Count(n), fmt.Sprintf(format, args...))
		}
		line(s.Then.Done, "messages done before that, of %s that lack nothing", screen.Count(messages-poison))
		line(s.Then.Again, "times RabbitMQ delivered what it had delivered before")
		line(s.Then.Refused, "tries of the ten")
		if s.Then.Dead > 0 {
			line(s.Then.Dead, "dead letters, and %d messages parked behind them", s.Then.Parked)
		}
		line(s.End.Early, "messages processed before the one before them of their key")
		line(messages-s.End.Done, "messages missing in the end")
	}
	return b.String()
}
