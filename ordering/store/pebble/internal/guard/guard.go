// Package guard stands between Pebble and the file system and decides what
// becomes of the errors that Pebble cannot handle.
//
// Pebble hands those to Logger.Fatalf, expects the process to end there, and
// reports success if it does not. A bridge must not exit blindly, and a process
// that goes on must not touch files whose state nobody knows: after a failed
// fsync the kernel may have dropped the pages, a second fsync says yes to data
// that is gone, and a manifest written behind it lets Pebble delete the log
// that still had it. So the first failure freezes the files: from then on
// nothing is written, renamed or removed, background work of Pebble fails
// harmlessly, and what is on the disk is what the next start recovers from.
//
// A full disk is no failure. Pebble does not survive an error on its log or
// manifest, so a write of these waits until there is room. A table that does
// not fit is an ordinary error: Pebble removes it and tries again.
package guard

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// pace is how long a failed write is held up, because Pebble's background work
// tries again at once, and how long a full disk is left alone between tries.
const pace = 100 * time.Millisecond

// errFrozen is what Pebble sees after a failure.
var errFrozen = errors.New("files are frozen after a failure")

// FS is a file system that freezes on the first failure.
type FS struct {
	vfs.FS
	log *slog.Logger

	full    atomic.Bool // a vital write waits for room
	stop    chan struct{}
	stopped sync.Once

	failing sync.Once
	failed  chan struct{}
	cause   error // set before failed is closed
}

// New returns a guard over inner.
func New(inner vfs.FS, log *slog.Logger) *FS {
	return &FS{FS: inner, log: log, stop: make(chan struct{}), failed: make(chan struct{})}
}

// Fail freezes the files. The first cause is kept.
func (g *FS) Fail(cause error) {
	g.failing.Do(func() {
		g.cause = cause
		close(g.failed)
		g.log.Error("store failed; its files are left as they are", "error", cause)
	})
}

// Failed is closed by the first failure.
func (g *FS) Failed() <-chan struct{} { return g.failed }

// Err returns the first failure, or nil.
func (g *FS) Err() error {
	select {
	case <-g.failed:
		return g.cause
	default:
		return nil
	}
}

// Full reports whether the disk is full right now.
func (g *FS) Full() bool { return g.full.Load() }

// Stop ends the waits for room: what waits fails.
func (g *FS) Stop() { g.stopped.Do(func() { close(g.stop) }) }

// Unwrap is for vfs.Root.
func (g *FS) Unwrap() vfs.FS { return g.FS }

// write runs op, which changes files, unless they are frozen. What is vital and
// finds the disk full is tried until there is room.
func (g *FS) write(name string, op func() error) error {
	for waited := false; ; waited = true {
		if g.Err() != nil {
			g.sleep()
			return errFrozen
		}
		err := op()
		switch {
		case err == nil && waited:
			g.hasRoom()
			return nil
		case err == nil:
			return nil
		case !vital(name):
			g.sleep()
			return err
		case !isFull(err) || !g.awaitRoom(name):
			return err
		}
	}
}

func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// awaitRoom waits a little; false: not any longer.
func (g *FS) awaitRoom(name string) bool {
	if !g.full.Swap(true) {
		g.log.Warn("store's disk is full; commits wait for room", "file", name)
	}
	return g.sleep()
}

func (g *FS) hasRoom() {
	if g.full.Swap(false) {
		g.log.Info("store's disk has room again")
	}
}

// sleep reports whether it was not ended by Stop.
func (g *FS) sleep() bool {
	t := time.NewTimer(pace)
	defer t.Stop()
	select {
	case <-g.stop:
		return false
	case <-t.C:
		return true
	}
}

// sync fails the store if an fsync does. The error Pebble sees does not wrap
// the cause: nothing may take it for one that can be tried again.
func (g *FS) sync(name string, err error) error {
	if err == nil {
		return nil
	}
	g.Fail(fmt.Errorf("fsync of %s: %w", name, err))
	return errFrozen
}

// vital reports whether Pebble cannot go on after an error on this file: all
// but its tables.
func vital(name string) bool {
	ext := filepath.Ext(name)
	return ext != ".sst" && ext != ".blob"
}
