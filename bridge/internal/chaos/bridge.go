package main

import (
	"context"
	"fmt"
	"syscall"
	"time"
)

// killBridge ends it as a crash does.
func killBridge(_ context.Context, w *world, _ fault) error { return w.endBridge(syscall.SIGKILL) }

// stopBridge ends it as a service manager does.
func stopBridge(_ context.Context, w *world, _ fault) error { return w.endBridge(syscall.SIGTERM) }

// A stop waits 20 s for what is under way; more than this is a hang.
const stopping = 30 * time.Second

func (w *world) endBridge(s syscall.Signal) error {
	w.alive.Lock()
	defer w.alive.Unlock()
	w.ends++
	if err := w.bridge.Signal(s); err != nil {
		return err
	}
	if !w.bridge.Wait(stopping) {
		w.log.violate("I8", "the bridge did not end within %v after %v", stopping, s)
		_ = w.bridge.Signal(syscall.SIGKILL)
		w.bridge.Wait(stopping)
	}
	if code := w.bridge.Code(); s == syscall.SIGTERM && code != 0 {
		w.log.violate("I8", "the bridge ended with %d after %v", code, s)
	}
	return nil
}

// starting is how long a bridge may take until it answers, on a busy machine.
const starting = 30 * time.Second

func runBridge(ctx context.Context, w *world, _ fault) error {
	w.alive.Lock()
	defer w.alive.Unlock()
	w.bridge.Run(nil)
	return w.awaitBridge(ctx)
}

// awaitBridge returns when it answers. One that ends by itself is started again, as
// a service manager does, and reported.
func (w *world) awaitBridge(ctx context.Context) error {
	for until := time.Now().Add(starting); ; {
		if code, _ := w.bridge.Ready(); code != 0 {
			return nil
		}
		if !w.bridge.Running() {
			w.log.violate("I8", "the bridge ended by itself, with %d", w.bridge.Code())
			w.ends++
			w.bridge.Run(nil)
		}
		if time.Now().After(until) {
			return fmt.Errorf("the bridge did not answer within %v", starting)
		}
		if !pause(ctx, 50*time.Millisecond) {
			return ctx.Err()
		}
	}
}

// freezeBridge stops it while its brokers wait for it, and then take it for dead.
func freezeBridge(_ context.Context, w *world, _ fault) error {
	w.alive.Lock()
	defer w.alive.Unlock()
	return w.bridge.Signal(syscall.SIGSTOP)
}

func thawBridge(_ context.Context, w *world, _ fault) error {
	w.alive.Lock()
	defer w.alive.Unlock()
	return w.bridge.Signal(syscall.SIGCONT)
}

// pid is the number of its process at the moment.
func (w *world) pid() int {
	w.alive.Lock()
	defer w.alive.Unlock()
	return w.bridge.PID()
}

// lives looks for a bridge that ended by itself.
func (w *world) lives() bool {
	w.alive.Lock()
	defer w.alive.Unlock()
	return w.bridge.Running()
}
