package guard

import (
	"os"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// file guards an open file.
type file struct {
	vfs.File
	g    *FS
	name string
}

// opened returns what open does; after a failure, a file that goes nowhere.
func (g *FS) opened(name string, open func() (vfs.File, error)) (vfs.File, error) {
	var f vfs.File
	done, err := g.change(name, func() (err error) {
		f, err = open()
		return err
	})
	if err != nil {
		return nil, err
	}
	if sp := g.spares(name); sp != nil {
		return &sparedFile{f, sp}, nil
	}
	if !done {
		f = vfs.NewMemFile(nil)
	}
	return &file{File: f, g: g, name: name}, nil
}

// Create implements vfs.FS.
func (g *FS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	g.tidies(name, c)
	return g.opened(name, func() (vfs.File, error) { return g.FS.Create(name, c) })
}

// OpenReadWrite implements vfs.FS.
func (g *FS) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return g.opened(name, func() (vfs.File, error) { return g.FS.OpenReadWrite(name, c, opts...) })
}

// ReuseForWrite implements vfs.FS.
func (g *FS) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return g.opened(name, func() (vfs.File, error) { return g.FS.ReuseForWrite(old, name, c) })
}

// OpenDir implements vfs.FS. Directories are opened to be synced.
func (g *FS) OpenDir(name string) (vfs.File, error) {
	return g.opened(name, func() (vfs.File, error) { return g.FS.OpenDir(name) })
}

// Open implements vfs.FS. A table that was only dreamt of is not there, which
// Pebble's background work must not ask for again and again.
func (g *FS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := g.FS.Open(name, opts...)
	if err != nil && g.Err() != nil {
		time.Sleep(pace)
	}
	return f, err
}

// Link implements vfs.FS.
func (g *FS) Link(old, name string) error {
	_, err := g.change(name, func() error { return g.FS.Link(old, name) })
	return err
}

// Rename implements vfs.FS.
func (g *FS) Rename(old, name string) error {
	_, err := g.change(name, func() error { return g.FS.Rename(old, name) })
	return err
}

// Remove implements vfs.FS. What cannot be removed is Pebble's to try again.
func (g *FS) Remove(name string) error {
	if g.Err() != nil {
		return nil
	}
	return g.FS.Remove(name)
}

// RemoveAll implements vfs.FS.
func (g *FS) RemoveAll(name string) error {
	if g.Err() != nil {
		return nil
	}
	return g.FS.RemoveAll(name)
}

// MkdirAll implements vfs.FS.
func (g *FS) MkdirAll(dir string, perm os.FileMode) error {
	_, err := g.change(dir, func() error { return g.FS.MkdirAll(dir, perm) })
	return err
}

// Write goes on behind what a full disk still took.
func (f *file) Write(p []byte) (n int, err error) {
	done, err := f.g.change(f.name, func() error {
		m, err := f.File.Write(p[n:])
		n += m
		return err
	})
	return written(p, n, done, err)
}

// WriteAt goes on behind what a full disk still took.
func (f *file) WriteAt(p []byte, off int64) (n int, err error) {
	done, err := f.g.change(f.name, func() error {
		m, err := f.File.WriteAt(p[n:], off+int64(n))
		n += m
		return err
	})
	return written(p, n, done, err)
}

// written says that all of p was written where it was not and is not to show.
func written(p []byte, n int, done bool, err error) (int, error) {
	if !done && err == nil {
		return len(p), nil
	}
	return n, err
}

// Preallocate only saves time: Pebble does not look at its error.
func (f *file) Preallocate(offset, length int64) error {
	if f.g.Err() != nil {
		return nil
	}
	return f.File.Preallocate(offset, length)
}

// Sync implements vfs.File.
func (f *file) Sync() error {
	if f.g.Err() == nil {
		f.g.synced(f.name, f.File.Sync())
	}
	return nil
}

// SyncData implements vfs.File.
func (f *file) SyncData() error {
	if f.g.Err() == nil {
		f.g.synced(f.name, f.File.SyncData())
	}
	return nil
}

// SyncTo implements vfs.File.
func (f *file) SyncTo(length int64) (full bool, err error) {
	if f.g.Err() == nil {
		full, err = f.File.SyncTo(length)
		f.g.synced(f.name, err)
	}
	return full, nil
}

// Close implements vfs.File. Some file systems report a failed write only here.
func (f *file) Close() error {
	f.g.tidied.Delete(f.name)
	if err := f.File.Close(); err != nil {
		f.g.Fail(err)
	}
	return nil
}
