package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// diskSize is enough for a store of ours, and little enough to be filled at once.
const diskSize = "512M"

// small is a disk of its own for the store. What it can is what root can do here.
type small struct {
	dir           string
	fills, freeze bool
}

// newDisk makes a file system in a file, which can be frozen, or else one in
// memory. Who is not root has a plain folder.
func newDisk(t testing.TB) small {
	t.Helper()
	d := small{dir: t.TempDir()}
	if os.Geteuid() != 0 {
		return d
	}
	image := filepath.Join(t.TempDir(), "disk")
	d.freeze = tool("truncate", "-s", diskSize, image) == nil && tool("mkfs.ext4", "-q", "-F", image) == nil &&
		tool("mount", "-o", "loop", image, d.dir) == nil
	if !d.freeze {
		if err := syscall.Mount("tmpfs", d.dir, "tmpfs", 0, "size="+diskSize); err != nil {
			return d
		}
	}
	d.fills = true
	t.Cleanup(func() {
		if err := tool("umount", d.dir); err != nil {
			t.Error(err)
		}
	})
	return d
}

func tool(words ...string) error {
	if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", words, err, out)
	}
	return nil
}

// freezeDisk has whoever writes wait. It thaws by itself if we should not live to do
// it: what waits for a frozen disk cannot be killed.
func freezeDisk(_ context.Context, w *world, f fault) error {
	rescue := exec.Command("sh", "-c", `sleep 60; exec fsfreeze -u "$0"`, w.disk.dir)
	rescue.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := rescue.Start(); err != nil {
		return err
	}
	w.keep(f, func() {
		_ = rescue.Process.Kill()
		_ = rescue.Wait()
	})
	return tool("fsfreeze", "-f", w.disk.dir)
}

func thawDisk(_ context.Context, w *world, f fault) error {
	defer w.back(f)
	return tool("fsfreeze", "-u", w.disk.dir)
}

// fillDisk takes all room that is left.
func fillDisk(_ context.Context, w *world, f fault) error {
	name := filepath.Join(w.disk.dir, "others")
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	w.keep(f, func() { _ = os.Remove(name) })
	at := int64(0)
	for size := int64(1 << 30); size >= 4096; size /= 2 {
		for syscall.Fallocate(int(file.Fd()), 0, at, size) == nil {
			at += size
		}
	}
	return nil
}

func freeDisk(_ context.Context, w *world, f fault) error {
	w.back(f)
	return nil
}
