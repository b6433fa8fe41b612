package pebble

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/brokerbridge/bridge/ordering/lane"
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

// goneIn is a bulk of dead letters of which the store loses its disk while they are
// discarded and redriven.
type goneIn struct {
	t    *testing.T
	n    int
	sent int // how many were asked for to be gone, in the order of their numbers
	said int // how many of them were reported
}

// goneAt is how many are dealt with in one commit.
var goneAt = large(20)

// commit makes the next changes: every other dead letter is discarded, and of the
// others each lane goes on, with a message that is parked in the place.
func (g *goneIn) commit(s *Store) error {
	changes := make([]store.Change, goneAt)
	for i := range changes {
		k := store.Key{Route: "r", Name: floodKey(g.sent + i)}
		c := store.Change{Key: store.Key{Route: "r"}, Gone: []string{floodID(g.sent + i)}, Ledger: store.Ledger{Discarded: 1}}
		if g.redriven(g.sent + i) {
			c.Key, c.Version, c.Ledger = k, 1, store.Ledger{Redriven: 1}
			c.Record = &store.Record{State: lane.State{Next: 3, Highest: 4, Lowest: 4, Parked: 1}}
			c.Park = []store.Message{{Rev: 4, Payload: make([]byte, 6000)}}
		}
		changes[i] = c
	}
	g.sent += goneAt
	err := errors.Join(s.Commit(g.t.Context(), changes...)...)
	if err == nil {
		g.said = g.sent
	}
	return err
}

func (g *goneIn) redriven(i int) bool { return i%2 == 1 }

// TestFailedDiskWhileDeadLettersGo: whatever fails while dead letters are discarded
// and redriven by the thousand, nothing is reported from then on, each of them is
// there or gone as a whole, and the counts say which.
func TestFailedDiskWhileDeadLettersGo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, op string
		file     func(string) bool
		ns       []int64
	}{
		{"log", "sync", isLog, []int64{1, 30}},
		{"log", "write", isLog, []int64{1, 60}}, // half of it is there
		{"log", "create", isLog, []int64{1}},
		{"manifest", "sync", isManifest, []int64{1}},
		{"table", "sync", isTable, []int64{1}},
	} {
		for _, n := range c.ns {
			t.Run(fmt.Sprintf("%s of a %s %d", c.op, c.name, n), func(t *testing.T) { goneUntil(t, c.op, c.file, n) })
		}
	}
}

func goneUntil(t *testing.T, op string, file func(string) bool, n int64) {
	mem := vfs.NewCrashableMem()
	fs := &faulty{FS: mem}
	s := openIn(t, fs)
	openRoute(t, s, "r")
	g := &goneIn{t: t, n: large(1000)}
	(&flood{t: t, s: s}).write(g.n)
	var count atomic.Int64
	fs.fail(func(o, name string) error {
		if o == op && file(name) && count.Add(1) == n {
			return fmt.Errorf("%s: %w", name, syscall.EIO)
		}
		return nil
	})
	var err error
	for err == nil && g.sent < g.n {
		err = g.commit(s)
	}
	if !errors.Is(err, store.ErrFailed) || g.said != g.sent-goneAt {
		t.Fatalf("%d were reported of %d: %v", g.said, g.sent, err)
	}
	asked, said := g.sent, g.said
	for g.sent+goneAt <= g.n {
		if err := g.commit(s); !errors.Is(err, store.ErrFailed) || g.said != said {
			t.Fatalf("behind the failure %d were reported, before it %d: %v", g.said, said, err)
		}
	}
	g.sent = asked
	left := []vfs.FS{mem}
	rng := rand.New(rand.NewPCG(uint64(n), 2))
	left = append(left, mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng}))
	if err := s.Close(); !errors.Is(err, store.ErrFailed) {
		t.Errorf("close: %v", err)
	}
	for _, fs := range left {
		g.thereOrGone(fs)
	}
}

// thereOrGone opens what is left of a store.
func (g *goneIn) thereOrGone(fs vfs.FS) {
	t := g.t
	t.Helper()
	s := openIn(t, fs)
	gone := 0
	for i := range g.n {
		_, err := s.DeadLetter(t.Context(), "r", floodID(i))
		isGone := errors.Is(err, store.ErrNotFound)
		if err != nil && !isGone || i < g.said && !isGone || i >= g.sent && isGone {
			t.Fatalf("dead letter %d, of %d reported gone and %d asked for: %v", i, g.said, g.sent, err)
		}
		r, err := s.Load(t.Context(), store.Key{Route: "r", Name: floodKey(i)})
		if err != nil || (r.Version == 2) != (isGone && g.redriven(i)) {
			t.Fatalf("dead letter %d, gone %v: its lane is at %d, %v", i, isGone, r.Version, err)
		}
		if isGone {
			gone++
		}
	}
	l, err := s.Ledger(t.Context(), "r")
	gs, err2 := s.Groups(t.Context(), "r")
	if err = errors.Join(err, err2); err != nil || l.Dead != int64(g.n-gone) || l.Discarded+l.Redriven != int64(gone) ||
		l.Parked != l.Redriven || len(gs) != 1 || gs[0].Dead != l.Dead {
		t.Errorf("%d are gone: %+v, %+v, %v", gone, l, gs, err)
	}
	mustClose(t, s)
	dir := filepath.Join(t.TempDir(), "db")
	if _, err := vfs.Clone(fs, vfs.Default, "db", dir); err != nil {
		t.Fatal(err)
	}
	if _, says := checked(t, dir); says != "" {
		t.Error(says)
	}
}
