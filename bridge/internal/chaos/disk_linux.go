package main

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// diskSize is enough for a store of ours, and little enough to be filled at once.
const diskSize = "512m"

// smallDisk is a disk of its own for the store. Mounting takes root.
func smallDisk(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if os.Geteuid() != 0 {
		return dir
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+diskSize); err != nil {
		t.Fatalf("mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// canFill says whether the store has a disk that can be filled.
func canFill() bool { return os.Geteuid() == 0 }

// fillDisk takes all room that is left.
func fillDisk(_ context.Context, w *world, f fault) error {
	name := filepath.Join(w.disk, "others")
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	w.keep(f, func() { _ = os.Remove(name) })
	for size := 1 << 20; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = file.Write(make([]byte, size))
		}
	}
	return nil
}

func freeDisk(_ context.Context, w *world, f fault) error {
	w.back(f)
	return nil
}
