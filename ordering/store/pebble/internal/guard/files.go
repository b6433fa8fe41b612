package guard

import (
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// file guards an open file.
type file struct {
	vfs.File
	g    *FS
	name string
}

func (g *FS) opened(name string, open func() (vfs.File, error)) (vfs.File, error) {
	var f vfs.File
	err := g.write(name, func() (err error) {
		f, err = open()
		return err
	})
	if err != nil {
		return nil, err
	}
	return &file{File: f, g: g, name: name}, nil
}

// Create implements vfs.FS.
func (g *FS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
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
	f, err := g.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &file{File: f, g: g, name: name}, nil
}

// Link implements vfs.FS.
func (g *FS) Link(old, name string) error {
	return g.write(name, func() error { return g.FS.Link(old, name) })
}

// Rename implements vfs.FS.
func (g *FS) Rename(old, name string) error {
	return g.write(name, func() error { return g.FS.Rename(old, name) })
}

// Remove implements vfs.FS.
func (g *FS) Remove(name string) error {
	return g.write(name, func() error { return g.FS.Remove(name) })
}

// RemoveAll implements vfs.FS.
func (g *FS) RemoveAll(name string) error {
	return g.write(name, func() error { return g.FS.RemoveAll(name) })
}

// MkdirAll implements vfs.FS.
func (g *FS) MkdirAll(dir string, perm os.FileMode) error {
	return g.write(dir, func() error { return g.FS.MkdirAll(dir, perm) })
}

// Write goes on behind what a full disk still took.
func (f *file) Write(p []byte) (n int, err error) {
	err = f.g.write(f.name, func() error {
		m, err := f.File.Write(p[n:])
		n += m
		return err
	})
	return n, err
}

// WriteAt goes on behind what a full disk still took.
func (f *file) WriteAt(p []byte, off int64) (n int, err error) {
	err = f.g.write(f.name, func() error {
		m, err := f.File.WriteAt(p[n:], off+int64(n))
		n += m
		return err
	})
	return n, err
}

// Preallocate only saves time: a full disk shows where it is written to.
func (f *file) Preallocate(offset, length int64) error {
	if f.g.Err() != nil {
		return errFrozen
	}
	return f.File.Preallocate(offset, length)
}

// Sync implements vfs.File.
func (f *file) Sync() error {
	if f.g.Err() != nil {
		return errFrozen
	}
	return f.g.sync(f.name, f.File.Sync())
}

// SyncData implements vfs.File.
func (f *file) SyncData() error {
	if f.g.Err() != nil {
		return errFrozen
	}
	return f.g.sync(f.name, f.File.SyncData())
}

// SyncTo implements vfs.File.
func (f *file) SyncTo(length int64) (full bool, err error) {
	if f.g.Err() != nil {
		return false, errFrozen
	}
	full, err = f.File.SyncTo(length)
	return full, f.g.sync(f.name, err)
}
