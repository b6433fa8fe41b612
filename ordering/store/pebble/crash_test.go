package pebble

import (
	"bytes"
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

// TestReadsWaitForTheDisk (rule 1): what Load tells survives a crash, though
// Pebble shows it earlier.
func TestReadsWaitForTheDisk(t *testing.T) {
	fs := vfs.NewCrashableMem()
	slow := &slowSync{FS: fs}
	s := openIn(t, slow)
	defer func() { _ = s.Close() }()
	openRoute(t, s, "r")
	k := store.Key{Route: "r", Name: "a"}
	slow.held.Lock()
	release := sync.OnceFunc(slow.held.Unlock)
	defer release()
	committed := make(chan []error, 1)
	go func() { committed <- s.Commit(t.Context(), everything(k, 0, nil)) }()
	loaded := make(chan store.Record, 1)
	for visible := false; !visible; time.Sleep(time.Millisecond) {
		for _, err := range s.Lanes(t.Context(), store.Query{Route: "r"}) {
			visible = err == nil
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
