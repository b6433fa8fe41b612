package pebble

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/brokerbridge/bridge/ordering/store"
)

// lane0 is the lane the tests of failures write to.
var lane0 = store.Key{Route: "r", Name: "a"}

// fill commits to lane0 until a commit fails, at most n times. It returns how
// many were reported durable.
func fill(ctx context.Context, s *Store, n int) (said uint64, err error) {
	payload := bytes.Repeat([]byte("x"), 20_000)
	for v := range uint64(n) {
		r, err := s.Load(ctx, lane0)
		if err != nil {
			return v, err
		}
		if err := s.Commit(ctx, everything(lane0, r.Version, payload))[0]; err != nil {
			return r.Version, err
		}
	}
	return uint64(n), nil
}

// TestFailedDiskIsNeverAcked (B5): after the n-th write or fsync of a log or a
// manifest failed, nothing is reported durable that is not, the store says why
// to whoever asks, and what it said before is there after a restart.
func TestFailedDiskIsNeverAcked(t *testing.T) {
	for _, c := range []struct {
		op   string
		file func(string) bool
		ns   []int64
	}{
		{"sync", isLog, []int64{1, 2, 7, 40}},
		{"write", isLog, []int64{1, 2, 7, 40}},
		{"create", isLog, []int64{1, 2}},
		{"write", isManifest, []int64{1, 2}},
		{"sync", isManifest, []int64{1, 2}},
		{"sync", isTable, []int64{1}},
	} {
		for _, n := range c.ns {
			name := "a log"
			if c.file("MANIFEST-1") {
				name = "a manifest"
			} else if c.file("1.sst") {
				name = "a table"
			}
			t.Run(fmt.Sprintf("%s of %s %d", c.op, name, n), func(t *testing.T) { failAt(t, c.op, c.file, n) })
		}
	}
}

func failAt(t *testing.T, op string, file func(string) bool, n int64) {
	mem := vfs.NewCrashableMem()
	fs := &faulty{FS: mem}
	s := openIn(t, fs)
	openRoute(t, s, "r")
	var count atomic.Int64
	fs.fail(func(o, name string) error {
		if o == op && file(name) && count.Add(1) == n { // once: a second fsync would lie
			return fmt.Errorf("%s: %w", name, syscall.EIO)
		}
		return nil
	})
	said, err := fill(t.Context(), s, 400)
	if !errors.Is(err, store.ErrFailed) || !errors.Is(err, syscall.EIO) && !strings.Contains(err.Error(), "input/output") {
		t.Fatalf("after %d commits: %v", said, err)
	}
	time.Sleep(10 * time.Millisecond)
	crashed := mem.CrashClone(vfs.CrashCloneCfg{})
	writes := fs.writes.Load()
	refusesAll(t, s)
	if err := s.Close(); !errors.Is(err, store.ErrFailed) {
		t.Errorf("close: %v", err)
	}
	if now := fs.writes.Load(); now != writes {
		t.Errorf("%d writes went to files that should be frozen", now-writes)
	}
	for _, fs := range []vfs.FS{crashed, mem} {
		after := openIn(t, fs)
		got := whole(t, after, "r")["a"]
		if got < said {
			t.Errorf("%d commits were reported, %d are there", said, got)
		}
		if err := after.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestPebblesYesIsNotBelieved: Pebble reports success after a failed fsync.
func TestPebblesYesIsNotBelieved(t *testing.T) {
	fs := &faulty{FS: vfs.NewMem()}
	s := openIn(t, fs)
	defer func() { _ = s.Close() }()
	fs.fail(func(op, name string) error {
		if op == "sync" && isLog(name) {
			return syscall.EIO
		}
		return nil
	})
	b := s.db.NewBatch()
	if err := b.Set([]byte("k"), nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.write(b, true); !errors.Is(err, store.ErrFailed) {
		t.Fatal(err)
	}
}

func refusesAll(t *testing.T, s *Store) {
	t.Helper()
	_, load := s.Load(t.Context(), lane0)
	_, find := s.Find(t.Context(), lane0, 1)
	_, open := s.Open(t.Context(), store.Identity{Route: "new"})
	_, positions := s.Positions(t.Context(), "r")
	save := s.SavePositions(t.Context(), "r", store.Position{})
	for _, err := range []error{load, find, open, positions, save, s.Commit(t.Context(), everything(lane0, 0, nil))[0]} {
		if !errors.Is(err, store.ErrFailed) {
			t.Errorf("not refused: %v", err)
		}
	}
}

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

// openHeld opens a store with the route r, whose disk syncs no log until it is
// released.
func openHeld(t *testing.T) (s *Store, release func()) {
	t.Helper()
	slow := &slowSync{FS: vfs.NewMem()}
	s = openIn(t, slow)
	openRoute(t, s, "r")
	slow.held.Lock()
	release = sync.OnceFunc(slow.held.Unlock)
	t.Cleanup(func() {
		release()
		_ = s.Close()
	})
	return s, release
}

// TestCommitMayBeLeft: a caller whose time is up leaves; the commit is over
// when the disk is done, and its version tells.
func TestCommitMayBeLeft(t *testing.T) {
	s, release := openHeld(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	change := everything(lane0, 0, []byte("payload"))
	if err := s.Commit(ctx, change)[0]; !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	change.Park[0].Payload[0] = 'X' // the caller's again
	if err := s.Commit(ctx, change)[0]; !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	release()
	if err := s.Commit(t.Context(), change)[0]; !errors.Is(err, store.ErrConflict) {
		t.Fatal(err)
	}
	ms, err := s.Parked(t.Context(), lane0, 0, 0)
	if err != nil || len(ms) != 1 || string(ms[0].Payload) != "payload" {
		t.Fatal(ms, err)
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
