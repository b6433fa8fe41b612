package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/brokerbridge/bridge/bridge/internal/faultnet"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// broker does something to the process of the broker that a fault hits.
func broker(verb string) func(context.Context, *world, fault) error {
	return func(_ context.Context, _ *world, f fault) error {
		_, err := rig.Script(verb, f.kind.hits)
		return err
	}
}

// killRabbit kills it at a moment at which it will remember its queues.
func killRabbit(ctx context.Context, w *world, f fault) error {
	w.forgets.Lock()
	defer w.forgets.Unlock()
	return broker("kill")(ctx, w, f)
}

// ctl tells RabbitMQ something.
func ctl(words ...string) func(context.Context, *world, fault) error {
	return func(context.Context, *world, fault) error {
		_, err := rig.Script(append([]string{"ctl", "-q"}, words...)...)
		return err
	}
}

// freeze stops a broker's process: its connections stay, and nobody answers.
func freeze(_ context.Context, w *world, f fault) error {
	said, err := rig.Script("pid", f.kind.hits)
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(said))
	if err != nil {
		return fmt.Errorf("scripts/brokers pid %s: %w", f.kind.hits, err)
	}
	w.keep(f, func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
	return syscall.Kill(pid, syscall.SIGSTOP)
}

func thaw(_ context.Context, w *world, f fault) error {
	w.back(f)
	return nil
}

// startFlapping lets connections in for a while, and ends them, in turns.
func startFlapping(_ context.Context, w *world, f fault) error {
	rng := rand.New(rand.NewPCG(f.draw, 1))
	wire := w.wire(f.kind.hits)
	w.works(f, func(ctx context.Context) {
		defer wire.Set(faultnet.Trouble{})
		for shut := true; ; shut = !shut {
			wire.Set(faultnet.Trouble{Shut: shut})
			if !pause(ctx, time.Duration(100+rng.IntN(900))*time.Millisecond) {
				return
			}
		}
	})
	return nil
}

func endFlapping(_ context.Context, w *world, f fault) error {
	w.back(f)
	return nil
}
