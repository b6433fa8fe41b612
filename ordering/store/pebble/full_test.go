package pebble

import (
	"context"
	"errors"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/brokerbridge/bridge/ordering/store"
)

// TestFullDiskWaitsForRoom (B4): on a full disk commits fail or wait, nothing
// breaks, and the store goes on by itself when there is room.
func TestFullDiskWaitsForRoom(t *testing.T) {
	mem := vfs.NewCrashableMem()
	fs := &faulty{FS: mem}
	s := openIn(t, fs)
	defer func() { _ = s.Close() }()
	openRoute(t, s, "r")
	said, err := fill(t.Context(), s, 30)
	if err != nil {
		t.Fatal(err)
	}
	fs.fail(func(op, _ string) error {
		if op == "write" || op == "create" {
			return syscall.ENOSPC
		}
		return nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err = s.Commit(ctx, everything(lane0, said, nil))[0]
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("the commit that met the full disk: %v", err)
	}
	if err = s.Commit(t.Context(), everything(lane0, said, nil))[0]; !errors.Is(err, store.ErrFull) {
		t.Fatalf("the next: %v", err)
	}
	if err = s.SavePositions(t.Context(), "r", store.Position{}); !errors.Is(err, store.ErrFull) {
		t.Fatalf("a position: %v", err)
	}
	fs.fail(func(string, string) error { return nil })
	for err = store.ErrFull; errors.Is(err, store.ErrFull); time.Sleep(10 * time.Millisecond) {
		err = s.Commit(t.Context(), everything(lane0, said, nil))[0]
	}
	if !errors.Is(err, store.ErrConflict) { // the first went through after all
		t.Fatal(err)
	}
	after := openIn(t, mem.CrashClone(vfs.CrashCloneCfg{})) // the log is whole
	defer func() { _ = after.Close() }()
	for _, s := range []*Store{s, after} {
		if got := whole(t, s, "r")["a"]; got != said+1 {
			t.Fatalf("%d changes, want %d", got, said+1)
		}
	}
}

// TestCloseDoesNotWaitForRoom: a full disk does not keep a process from
// stopping.
func TestCloseDoesNotWaitForRoom(t *testing.T) {
	fs := &faulty{FS: vfs.NewMem()}
	s := openIn(t, fs)
	openRoute(t, s, "r")
	fs.fail(func(op, name string) error {
		if op == "write" && isLog(name) { // tables are also written by none of our calls
			return syscall.ENOSPC
		}
		return nil
	})
	done := make(chan error, 1)
	go func() { done <- s.Commit(t.Context(), everything(lane0, 0, nil))[0] }()
	for !s.files.Full() {
		time.Sleep(time.Millisecond)
	}
	if err := s.Close(); !errors.Is(err, store.ErrFailed) {
		t.Errorf("close: %v", err)
	}
	if err := <-done; !errors.Is(err, store.ErrFailed) && !errors.Is(err, store.ErrFull) {
		t.Errorf("commit: %v", err)
	}
	fs.fail(func(string, string) error { return nil })
	after := openIn(t, fs.FS)
	whole(t, after, "r")
	if err := after.Close(); err != nil {
		t.Error(err)
	}
}

// TestTableThatFailsIsTriedAgain: a table is no reason to fail, nor to spin. On
// a full disk commits leave it the room meanwhile.
func TestTableThatFailsIsTriedAgain(t *testing.T) {
	for _, fault := range []error{syscall.EIO, syscall.ENOSPC} {
		fs := &faulty{FS: vfs.NewMem()}
		s := openIn(t, fs)
		openRoute(t, s, "r")
		var tries atomic.Int64
		fs.fail(func(op, name string) error {
			if op == "write" && isTable(name) && tries.Add(1) <= 5 {
				return fault
			}
			return nil
		})
		start, refused := time.Now(), 0
		for v := uint64(0); v < 50 || tries.Load() < 6; {
			switch err := s.Commit(t.Context(), everything(lane0, v, make([]byte, 20_000)))[0]; {
			case err == nil:
				v++
			case errors.Is(err, store.ErrFull):
				refused++
			default:
				t.Fatalf("commit %d: %v", v, err)
			}
			time.Sleep(time.Millisecond)
		}
		if d := time.Since(start); d < 300*time.Millisecond || (refused > 0) != (fault == syscall.ENOSPC) {
			t.Errorf("%v: %d tries, %d commits refused in %v", fault, tries.Load(), refused, d)
		}
		whole(t, s, "r")
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestCloseOfAStuckDisk: tables that never fit do not keep a process from
// stopping, and cost nothing that was reported.
func TestCloseOfAStuckDisk(t *testing.T) {
	fs := &faulty{FS: vfs.NewMem()}
	s := openIn(t, fs)
	openRoute(t, s, "r")
	fs.fail(func(op, name string) error {
		if op == "write" && isTable(name) {
			return syscall.ENOSPC
		}
		return nil
	})
	said, err := fill(t.Context(), s, 200)
	if !errors.Is(err, store.ErrFull) {
		t.Fatal(err)
	}
	start := time.Now()
	if err := s.Close(); !errors.Is(err, errFullAtClose) || time.Since(start) > 5*time.Second {
		t.Errorf("close: %v after %v", err, time.Since(start))
	}
	after := openIn(t, fs.FS)
	if got := whole(t, after, "r")["a"]; got != said {
		t.Errorf("%d changes, want %d", got, said)
	}
	if err := after.Close(); err != nil {
		t.Error(err)
	}
}

// TestOpenOnAFullDisk fails at once, and harms nothing.
func TestOpenOnAFullDisk(t *testing.T) {
	mem := vfs.NewCrashableMem()
	s := openIn(t, mem)
	openRoute(t, s, "r")
	said, err := fill(t.Context(), s, 30)
	if err != nil {
		t.Fatal(err)
	}
	fs := &faulty{FS: mem.CrashClone(vfs.CrashCloneCfg{})}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, file := range []func(string) bool{isTable, isManifest} {
		fs.fail(func(op, name string) error {
			if op == "write" && file(name) {
				return syscall.ENOSPC
			}
			return nil
		})
		if s, err := open("db", quiet(), fs); !errors.Is(err, store.ErrFull) {
			t.Fatal(s, err)
		}
	}
	after := openIn(t, fs.FS)
	if got := whole(t, after, "r")["a"]; got != said {
		t.Errorf("%d changes, want %d", got, said)
	}
	if err := after.Close(); err != nil {
		t.Error(err)
	}
}
