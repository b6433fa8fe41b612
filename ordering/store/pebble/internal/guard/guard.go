// Package guard stands between Pebble and the file system and keeps from Pebble
// the errors that it cannot handle.
//
// After an error on its log, manifest or markers Pebble calls Logger.Fatalf,
// expects the process to end there and reports success if it does not; or it
// panics with its locks in a state that ends the process for good (a log that
// cannot be closed or created). A bridge must not exit blindly, and a process
// that goes on must not touch files whose state nobody knows: after a failed
// fsync the kernel may have dropped the pages, the next fsync says yes to data
// that is gone, and a manifest written behind it lets Pebble delete the log
// that still had it.
//
// So the first failure freezes the files. From then on nothing is written,
// renamed or removed, and Pebble is told that all went well: it lives on in a
// dream, can be closed in order, and the disk stays what the next start
// recovers from. Whoever gets a yes from Pebble has to ask [FS.Err] before
// believing it.
//
// A full disk is no failure: a write that Pebble needs waits until there is
// room. A table that cannot be written is an ordinary error: Pebble removes it
// and tries again. While either happens [FS.Full] says so, and nothing new
// should be written, or the log would take the room that its tables need. A
// failed fsync is a failure whatever the file.
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

const (
	// pace is how long a full disk is left alone between tries, and how long an
	// error is held back from Pebble's background work, which tries again at
	// once.
	pace = 100 * time.Millisecond
	// calm is how long no write must have met a full disk for it not to be one:
	// longer than it takes to write a table that does not fit.
	calm = 3 * time.Second
)

// FS is a file system that freezes on the first failure.
type FS struct {
	vfs.FS
	log *slog.Logger

	patient atomic.Bool
	full    atomic.Int64 // when a write last met a full disk, Unix nanoseconds
	warned  atomic.Bool  // about the disk being full
	stop    chan struct{}
	stopped sync.Once

	spared atomic.Pointer[spared]
	relief atomic.Pointer[Relief]
	tidied sync.Map // names of tables that only make room

	failing sync.Once
	failed  chan struct{}
	cause   error // set before failed is closed
}

// New returns a guard over inner. Until it is told to be patient, every write
// that goes wrong is a failure: Pebble would try for ever to open its database.
func New(inner vfs.FS, log *slog.Logger) *FS {
	return &FS{FS: inner, log: log, stop: make(chan struct{}), failed: make(chan struct{})}
}

// BePatient has a full disk waited for and failed tables tried again.
func (g *FS) BePatient() { g.patient.Store(true) }

// Fail freezes the files. The first cause is kept.
func (g *FS) Fail(cause error) {
	g.failing.Do(func() {
		g.cause = cause
		close(g.failed)
		g.log.Error("store failed; its files are left as they are", "error", cause.Error())
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

// Full reports whether the disk is, or was a moment ago, full.
func (g *FS) Full() bool {
	if time.Now().UnixNano()-g.full.Load() < int64(calm) {
		return true
	}
	if g.warned.Swap(false) {
		g.log.Info("store's disk has room again")
	}
	return false
}

// Stop ends the waits for room: what waits fails.
func (g *FS) Stop() { g.stopped.Do(func() { close(g.stop) }) }

// Unwrap is for vfs.Root.
func (g *FS) Unwrap() vfs.FS { return g.FS }

// change runs op, which changes the named file, and reports whether it really
// did. An error is one that Pebble can handle.
func (g *FS) change(name string, op func() error) (done bool, err error) {
	if sp := g.spares(name); sp != nil {
		return true, sp.try(op)
	}
	for g.Err() == nil {
		err := g.leaveRoom(name, op)
		if err == nil {
			return true, nil
		}
		full, patient := IsFull(err), g.patient.Load()
		needed := full && patient && !g.tidying(name)
		if needed && g.relieved() {
			continue
		}
		if needed {
			g.markFull(name)
		}
		if g.triedAgain(name, full, patient) {
			time.Sleep(pace)
			return false, err
		}
		if !full || !patient || !g.wait() {
			g.Fail(fmt.Errorf("file %s: %w", filepath.Base(name), err))
		}
	}
	return false, nil
}

// triedAgain reports whether Pebble goes on without this file. While it opens its
// database, it does so without what only makes room.
func (g *FS) triedAgain(name string, full, patient bool) bool {
	return isTable(name) && (patient || full && g.tidying(name))
}

// synced takes note of how an fsync went.
func (g *FS) synced(name string, err error) {
	if err != nil {
		g.Fail(fmt.Errorf("fsync of file %s: %w", filepath.Base(name), err))
	}
}

// IsFull reports whether err says that there is no room.
func IsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

func (g *FS) markFull(name string) {
	g.full.Store(time.Now().UnixNano())
	if !g.warned.Swap(true) {
		g.log.Warn("store's disk is full; commits wait for room", "file", name)
	}
}

// wait waits a little for room; false: Stop ended it.
func (g *FS) wait() bool {
	t := time.NewTimer(pace)
	defer t.Stop()
	select {
	case <-g.stop:
		return false
	case <-t.C:
		return true
	}
}

// isTable reports whether Pebble goes on after an error on this file.
func isTable(name string) bool {
	ext := filepath.Ext(name)
	return ext == ".sst" || ext == ".blob"
}
