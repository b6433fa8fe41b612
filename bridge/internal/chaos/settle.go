package main

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/brokerbridge/bridge/bridge/internal/bench/proc"
	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
)

// What a bridge may take when all has settled, and what it may have taken at most.
const (
	idleCPU    = 0.25 // of one processor: it looks at its brokers, and that is all
	idleFor    = 3 * time.Second
	peakMemory = 512 << 20 // bytes
	openFiles  = 256       // with nothing to do: connections, and files of the store
)

// settle ends the traffic, waits until all of it has come to rest, looks what the
// bridge does with nothing to do, and stops it.
func (w *world) settle(ctx context.Context) {
	close(w.stop)
	want := int64(0)
	for _, r := range w.routes {
		want += int64(journal.Outcome{Sent: r.feed.End()}.Count().Messages)
	}
	w.rests(ctx, want)
	w.idles(ctx)
	if err := w.endBridge(syscall.SIGTERM); err != nil {
		w.log.violate("harness", "%v", err)
	}
	w.ends-- // at rest it costs nothing
	for _, r := range w.routes {
		if n := e2e.Left(w.t, r.from); n > 0 {
			w.log.violate("I4", "%s: %d messages are not acknowledged", r.name, n)
		}
	}
}

// rests waits until so many messages are delivered and none is elsewhere: I10.
func (w *world) rests(ctx context.Context, want int64) {
	const within = 2 * time.Minute
	last := ""
	for until := time.Now().Add(within); time.Now().Before(until); {
		if m, ok := w.bridge.Metrics(); ok {
			elsewhere := int64(0)
			for _, name := range []string{"dead_letter", "parked", "inflight", "held", "source_lag", "unaccounted"} {
				elsewhere += m.Sum("bridge_" + name + "_messages")
			}
			w.unaccounted = m.Sum("bridge_unaccounted_messages")
			if last = e2e.Describe(m); elsewhere == 0 && m.Sum(delivered) == want && m.Has("bridge_unaccounted_messages") {
				return
			}
		}
		if !pause(ctx, lookEvery) {
			break
		}
	}
	_, says := w.bridge.Ready()
	w.log.violate("I10", "%v after the traffic has ended not all of %d messages is delivered: %s; /readyz: %s", within, want, last, says)
	for _, r := range w.routes {
		for i, d := range w.bridge.DeadLetters(r.name) {
			if i < 5 {
				w.log.violate("I1", "%s: %s is a dead letter: %s %s", r.name, d.MessageID, d.Reason, d.Error)
			}
		}
		w.log.note("%s: %d keys do not flow", r.name, len(w.bridge.Keys(r.name)))
	}
}

// idles looks what a bridge with nothing to do takes.
func (w *world) idles(ctx context.Context) {
	before, err := proc.CPU(w.pid())
	if err != nil {
		return // not known on this system
	}
	pause(ctx, idleFor)
	after, err := proc.CPU(w.pid())
	if share := (after - before).Seconds() / idleFor.Seconds(); err == nil && share > idleCPU {
		w.log.violate("I5", "with nothing to do it takes %.0f %% of a processor", share*100)
	}
	if files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", w.pid())); err == nil && len(files) > openFiles {
		w.log.violate("I7", "with nothing to do it has %d files open", len(files))
	}
}
