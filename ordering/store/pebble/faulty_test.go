package pebble

import (
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// slowSync lets no fsync of a log through while held is locked.
type slowSync struct {
	vfs.FS
	held sync.Mutex
}

func (fs *slowSync) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, c)
	return &slowFile{f, fs}, err
}

func (fs *slowSync) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.ReuseForWrite(old, name, c)
	return &slowFile{f, fs}, err
}

type slowFile struct {
	vfs.File
	fs *slowSync
}

func (f *slowFile) wait() {
	f.fs.held.Lock()
	defer f.fs.held.Unlock()
}

func (f *slowFile) Sync() error {
	f.wait()
	return f.File.Sync()
}

func (f *slowFile) SyncData() error {
	f.wait()
	return f.File.SyncData()
}

// faulty fails writes of some files: those for which fails returns an error.
type faulty struct {
	vfs.FS
	fails  atomic.Pointer[func(op, name string) error]
	writes atomic.Int64 // that went through
}

func (fs *faulty) fail(f func(op, name string) error) { fs.fails.Store(&f) }

func (fs *faulty) try(op, name string) error {
	if f := fs.fails.Load(); f != nil {
		if err := (*f)(op, filepath.Base(name)); err != nil {
			return err
		}
	}
	fs.writes.Add(1)
	return nil
}

func (fs *faulty) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := fs.try("create", name); err != nil {
		return nil, err
	}
	f, err := fs.FS.Create(name, c)
	return &faultyFile{f, fs, name}, err
}

func (fs *faulty) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := fs.try("create", name); err != nil {
		return nil, err
	}
	f, err := fs.FS.ReuseForWrite(old, name, c)
	return &faultyFile{f, fs, name}, err
}

func (fs *faulty) Remove(name string) error {
	if err := fs.try("remove", name); err != nil {
		return err
	}
	return fs.FS.Remove(name)
}

type faultyFile struct {
	vfs.File
	fs   *faulty
	name string
}

// Write takes half of what it fails on, as a full disk does.
func (f *faultyFile) Write(p []byte) (int, error) {
	if err := f.fs.try("write", f.name); err != nil {
		n, werr := f.File.Write(p[:len(p)/2])
		if werr != nil {
			err = werr
		}
		return n, err
	}
	return f.File.Write(p)
}

func (f *faultyFile) Sync() error {
	if err := f.fs.try("sync", f.name); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f *faultyFile) SyncData() error {
	if err := f.fs.try("sync", f.name); err != nil {
		return err
	}
	return f.File.SyncData()
}

func isLog(name string) bool { return strings.HasSuffix(name, ".log") }

func isTable(name string) bool { return strings.HasSuffix(name, ".sst") }

func isManifest(name string) bool { return strings.HasPrefix(name, "MANIFEST") }
