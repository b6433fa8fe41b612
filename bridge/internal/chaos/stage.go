package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
)

// stage stands in for a test where there is none: what rig and e2e ask of one.
type stage struct {
	testing.TB // nil: nothing else is asked

	ctx    context.Context
	say    func(string)
	mu     sync.Mutex
	failed bool
	after  []func()
	dirs   []string
}

// standIn runs something that needs a test, and reports whether it went well.
func standIn(ctx context.Context, say func(string), do func(testing.TB)) bool {
	t := &stage{ctx: ctx, say: say}
	code := e2e.Within(func() int {
		var running sync.WaitGroup
		running.Go(func() { // FailNow ends it
			defer t.cleanup()
			do(t)
		})
		running.Wait()
		return 0
	})
	return code == 0 && !t.Failed()
}

func (t *stage) cleanup() {
	for {
		t.mu.Lock()
		n := len(t.after)
		if n == 0 {
			t.mu.Unlock()
			break
		}
		last := t.after[n-1]
		t.after = t.after[:n-1]
		t.mu.Unlock()
		last()
	}
	for _, dir := range t.dirs {
		_ = os.RemoveAll(dir)
	}
}

func (t *stage) Helper()                  {}
func (t *stage) Name() string             { return "chaos" }
func (t *stage) Context() context.Context { return t.ctx }

func (t *stage) Cleanup(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.after = append(t.after, f)
}

func (t *stage) TempDir() string {
	dir, err := os.MkdirTemp("", "bridge-chaos-")
	if err != nil {
		t.Fatal(err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dirs = append(t.dirs, dir)
	return dir
}

func (t *stage) Fail() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failed = true
}

func (t *stage) Failed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed
}

func (t *stage) FailNow() {
	t.Fail()
	runtime.Goexit()
}

func (t *stage) Log(args ...any)            { t.say(fmt.Sprint(args...)) }
func (t *stage) Logf(f string, args ...any) { t.say(fmt.Sprintf(f, args...)) }

func (t *stage) Error(args ...any) {
	t.Log(args...)
	t.Fail()
}

func (t *stage) Errorf(f string, args ...any) { t.Error(fmt.Sprintf(f, args...)) }

func (t *stage) Fatal(args ...any) {
	t.Log(args...)
	t.FailNow()
}

func (t *stage) Fatalf(f string, args ...any) { t.Fatal(fmt.Sprintf(f, args...)) }
