package guard

import (
	"path/filepath"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// spared is a directory whose errors are not the store's.
type spared struct {
	dir  string
	stop func() error
}

// Spare lets errors in a directory through as they are until done is called: a
// backup goes there, and a backup disk that is full or broken is no trouble of
// the store. Writes fail with what stop returns, nil to go on. One directory at
// a time.
func (g *FS) Spare(dir string, stop func() error) (done func()) {
	g.spared.Store(&spared{filepath.Clean(dir), stop})
	return func() { g.spared.Store(nil) }
}

func (g *FS) spares(name string) *spared {
	sp := g.spared.Load()
	if sp == nil || name != sp.dir && !strings.HasPrefix(name, sp.dir+string(filepath.Separator)) {
		return nil
	}
	return sp
}

func (sp *spared) try(op func() error) error {
	if err := sp.stop(); err != nil {
		return err
	}
	return op()
}

// sparedFile is written until stop says otherwise.
type sparedFile struct {
	vfs.File
	sp *spared
}

// Write implements vfs.File.
func (f *sparedFile) Write(p []byte) (n int, err error) {
	err = f.sp.try(func() (err error) {
		n, err = f.File.Write(p)
		return err
	})
	return n, err
}

// Relief is what makes room on a full disk.
type Relief interface {
	// Release is asked before the disk counts as full, and reports whether it made
	// some room.
	Release() bool
	// Tight reports whether there is only as much room as is needed to remove
	// something.
	Tight() bool
}

// Relieve sets what makes room on a full disk.
func (g *FS) Relieve(r Relief) { g.relief.Store(&r) }

func (g *FS) relieved() bool {
	r := g.relief.Load()
	return r != nil && (*r).Release()
}

// tidies notes a table that a compaction writes. Pebble can do without it: it
// leaves the last room to the log and to what is in memory, and that there is none
// for it neither makes the disk count as full nor keeps a database from being opened.
func (g *FS) tidies(name string, c vfs.DiskWriteCategory) {
	if c == "pebble-compaction" && g.relief.Load() != nil {
		g.tidied.Store(name, nil)
	}
}

func (g *FS) tidying(name string) bool {
	_, ok := g.tidied.Load(name)
	return ok
}

// leaveRoom is op, unless it would take the last room for a table that Pebble can
// do without.
func (g *FS) leaveRoom(name string, op func() error) error {
	if g.tidying(name) {
		if r := g.relief.Load(); (*r).Tight() {
			return syscall.ENOSPC
		}
	}
	return op()
}
