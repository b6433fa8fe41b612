package pebble

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/brokerbridge/bridge/ordering/store"
)

// crashRoutes and crashLanes: one writer per route, all lanes in each commit.
const crashRoutes, crashLanes = 3, 4

// acked is how far the store said each lane is.
type acked [crashRoutes][crashLanes]atomic.Uint64

// TestCrashKeepsWhatWasReported (I1, B3): whenever the power goes, each change
// that was reported durable is there, and the others are whole or absent.
func TestCrashKeepsWhatWasReported(t *testing.T) {
	rounds := 8
	if testing.Short() {
		rounds = 3
	}
	for seed := range rounds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { crash(t, rand.New(rand.NewPCG(uint64(seed), 1))) })
	}
}

func crash(t *testing.T, rng *rand.Rand) {
	fs := vfs.NewCrashableMem()
	s := openIn(t, fs)
	for r := range crashRoutes {
		openRoute(t, s, fmt.Sprint(r))
	}
	var said acked
	var done atomic.Bool
	var wg sync.WaitGroup
	for r := range crashRoutes {
		wg.Go(func() { writeUntil(t, s, r, &said, &done) })
	}
	var crashes []func()
	for range 8 {
		time.Sleep(time.Duration(rng.IntN(8_000)) * time.Microsecond)
		before := new(acked)
		for r := range before {
			for l := range before[r] {
				before[r][l].Store(said[r][l].Load())
			}
		}
		left := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
		crashes = append(crashes, func() { recovers(t, left, before) })
	}
	done.Store(true)
	wg.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, check := range crashes {
		check()
	}
	recovers(t, fs.CrashClone(vfs.CrashCloneCfg{}), &said)
}

// writeUntil commits to all lanes of a route again and again.
func writeUntil(t *testing.T, s *Store, r int, said *acked, done *atomic.Bool) {
	payload := bytes.Repeat([]byte("x"), 8000) // enough for flushes meanwhile
	for v := uint64(0); !done.Load() && v < 26*70; v++ {
		time.Sleep(500 * time.Microsecond)
		var changes []store.Change
		for l := range crashLanes {
			k := store.Key{Route: fmt.Sprint(r), Name: fmt.Sprint("k", l)}
			changes = append(changes, everything(k, v, payload))
		}
		for l, err := range s.Commit(t.Context(), changes...) {
			if err != nil {
				t.Errorf("route %d lane %d: %v", r, l, err)
				return
			}
			said[r][l].Store(v + 1)
		}
	}
}

// recovers opens what a crash left and compares it with what was reported
// before.
func recovers(t *testing.T, fs vfs.FS, before *acked) {
	t.Helper()
	s := openIn(t, fs)
	defer func() { _ = s.Close() }()
	for r := range crashRoutes {
		got := whole(t, s, fmt.Sprint(r))
		for l := range crashLanes {
			if want := before[r][l].Load(); got[fmt.Sprint("k", l)] < want {
				t.Fatalf("route %d lane %d: %d changes were reported, %d are there", r, l, want, got[fmt.Sprint("k", l)])
			}
		}
	}
}

// TestCrashKeepsPositions (rule 20): a position that was reported durable, and
// on whose word Kafka was told an offset, is there after any crash.
func TestCrashKeepsPositions(t *testing.T) {
	fs := vfs.NewCrashableMem()
	s := openIn(t, fs)
	openRoute(t, s, "r")
	var said atomic.Int64
	var done atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := int64(1); !done.Load() && n < 5000; n++ {
			if err := s.SavePositions(t.Context(), "r", store.Position{Next: n}); err != nil {
				t.Error(err)
				return
			}
			said.Store(n)
		}
	})
	rng := rand.New(rand.NewPCG(1, 2))
	for range 10 {
		time.Sleep(time.Duration(rng.IntN(5_000)) * time.Microsecond)
		before := said.Load()
		left := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
		after := openIn(t, left)
		ps, err := after.Positions(t.Context(), "r")
		if err != nil || before > 0 && (len(ps) != 1 || ps[0].Next < before) {
			t.Errorf("%d was saved, there is %+v %v", before, ps, err)
		}
		if err := after.Close(); err != nil {
			t.Error(err)
		}
	}
	done.Store(true)
	wg.Wait()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestPositionsWaitForTheDisk (rule 20): what Positions tells is durable, and a
// save that was left under way does not undo a later one.
func TestPositionsWaitForTheDisk(t *testing.T) {
	s, release := openHeld(t)
	short := func() context.Context {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		t.Cleanup(cancel)
		return ctx
	}
	for n := int64(1); n <= 2; n++ {
		if err := s.SavePositions(short(), "r", store.Position{Next: n}); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("saved without the disk: %v", err)
		}
	}
	if ps, err := s.Positions(short(), "r"); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("told before it was durable: %+v %v", ps, err)
	}
	saved := make(chan error, 1)
	go func() { saved <- s.SavePositions(t.Context(), "r", store.Position{Next: 3}) }()
	release()
	if err := <-saved; err != nil {
		t.Fatal(err)
	}
	ps, err := s.Positions(t.Context(), "r")
	if err != nil || len(ps) != 1 || ps[0].Next != 3 {
		t.Fatal(ps, err)
	}
}

// TestPositionsDoNotWaitForCommits (I6): a commit that hangs on the audit rows
// of another route holds up neither a route's positions nor its lanes.
func TestPositionsDoNotWaitForCommits(t *testing.T) {
	s := openIn(t, vfs.NewMem())
	defer func() { _ = s.Close() }()
	openRoute(t, s, "r")
	<-s.auditing // another route's operator
	stuck := make(chan error, 1)
	go func() {
		stuck <- s.Commit(t.Context(), store.Change{Key: store.Key{Route: "r"}, Audit: []store.Audit{{Action: "skip"}}})[0]
	}()
	if err := s.SavePositions(t.Context(), "r", store.Position{Next: 1}); err != nil {
		t.Fatal(err)
	}
	openRoute(t, s, "q")
	if err := s.Commit(t.Context(), everything(store.Key{Route: "q", Name: "a"}, 1, nil))[0]; !errors.Is(err, store.ErrConflict) {
		t.Fatal(err)
	}
	if err := s.Commit(t.Context(), store.Change{Key: store.Key{Route: "q"}, Ledger: store.Ledger{Purged: 1}})[0]; err != nil {
		t.Fatal(err)
	}
	s.auditing <- struct{}{}
	if err := <-stuck; err != nil {
		t.Fatal(err)
	}
}

// TestReadsWaitForTheDisk (rule 1): what Load tells survives a crash, though
// Pebble shows it earlier.
func TestReadsWaitForTheDisk(t *testing.T) {
	s, release := openHeld(t)
	k := store.Key{Route: "r", Name: "a"}
	committed := make(chan []error, 1)
	go func() { committed <- s.Commit(t.Context(), everything(k, 0, nil)) }()
	loaded := make(chan store.Record, 1)
	for visible := false; !visible; time.Sleep(time.Millisecond) {
		for _, err := range s.DeadLetters(t.Context(), store.Query{Route: "r"}) {
			visible = err == nil
		}
	}
	for _, blocked := range []bool{false, true} {
		for r, err := range s.Lanes(t.Context(), store.Query{Route: "r", Blocked: blocked}) {
			t.Fatalf("lane %v is shown before it is durable, %v", r.Key, err)
		}
	}
	go func() {
		r, _ := s.Load(t.Context(), k)
		loaded <- r
	}()
	elsewhere, err := s.Load(t.Context(), store.Key{Route: "r", Name: "b"}) // does not wait
	if err != nil || elsewhere.Version != 0 {
		t.Fatal(elsewhere, err)
	}
	select {
	case r := <-loaded:
		t.Fatalf("version %d was told before it was durable", r.Version)
	case <-time.After(50 * time.Millisecond):
	}
	release()
	if err := (<-committed)[0]; err != nil {
		t.Fatal(err)
	}
	if r := <-loaded; r.Version != 1 {
		t.Fatalf("version %d", r.Version)
	}
}
