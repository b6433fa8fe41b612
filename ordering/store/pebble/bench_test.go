package pebble

import (
	"fmt"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// BenchmarkCommit commits to many of 100,000 lanes at once, or of 1,000, all of
// which the store has: with an fsync on the disk of the temporary directory, as the bridge does,
// and in memory, to see what the store itself costs.
func BenchmarkCommit(b *testing.B) {
	for _, n := range []int{1, 16, 256, 4096} {
		b.Run(fmt.Sprintf("disk/lanes=%d", n), func(b *testing.B) {
			s, err := Open(b.TempDir(), Options{Logger: quiet().Logger})
			benchmarkCommit(b, s, err, n, allLanes)
		})
	}
	for _, n := range []int{1, 16, 256, 4096} {
		b.Run(fmt.Sprintf("memory/lanes=%d", n), func(b *testing.B) {
			s, err := open("db", Options{Logger: quiet().Logger}, vfs.NewMem())
			benchmarkCommit(b, s, err, n, allLanes)
		})
	}
	b.Run("disk/lanes=256/of=1000", func(b *testing.B) { // a few that are busy
		s, err := Open(b.TempDir(), Options{Logger: quiet().Logger})
		benchmarkCommit(b, s, err, 256, 1000)
	})
}

const allLanes = 100_000

func benchmarkCommit(b *testing.B, s *Store, err error, n, of int) {
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	openRoute(b, s, "r")
	first := newBusy("r", min(4096, of), of)
	first.commitAll(b, s)
	w := newBusy("r", n, of)
	w.versions = first.versions
	b.ReportAllocs()
	for b.Loop() {
		w.commit(b, s)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/lane")
}

// busy is a route whose lanes take turns.
type busy struct {
	changes  []store.Change
	versions []uint64
	names    []string
	at       int
}

func newBusy(route string, n, lanes int) *busy {
	w := &busy{changes: make([]store.Change, n), versions: make([]uint64, lanes)}
	for i := range lanes {
		w.names = append(w.names, fmt.Sprintf("order-%06d", i*7919%lanes))
	}
	for i := range w.changes {
		w.changes[i].Key.Route = route
		w.changes[i].Ledger.Delivered = 1
		w.changes[i].Record = &store.Record{}
	}
	return w
}

func (w *busy) commit(b *testing.B, s *Store) {
	first := w.at
	for i := range w.changes {
		c := &w.changes[i]
		c.Key.Name = w.names[w.at]
		c.Version = w.versions[w.at]
		r := lane.Revision(c.Version + 100) // all prints are known
		st := &c.Record.State
		*st = lane.State{Base: 1, Next: r + 1, Highest: r, First: [2]lane.Print{1 << 60, 1 << 61}}
		for j := range st.Recent {
			st.Recent[j] = lane.Print(int64(j)+int64(r)) * 0x9E3779B97F4A7C15
		}
		w.at = (w.at + 1) % len(w.names)
	}
	for i, err := range s.Commit(b.Context(), w.changes...) {
		if err != nil {
			b.Fatal(err)
		}
		w.versions[(first+i)%len(w.names)]++
	}
}

// commitAll commits to every lane, at least once.
func (w *busy) commitAll(b *testing.B, s *Store) {
	for range (len(w.names) + len(w.changes) - 1) / len(w.changes) {
		w.commit(b, s)
	}
}

// BenchmarkRoutes commits 256 lanes at once on several routes that share
// fsyncs.
func BenchmarkRoutes(b *testing.B) {
	for _, routes := range []int{1, 4, 16} {
		b.Run(fmt.Sprintf("disk/routes=%d", routes), func(b *testing.B) {
			s, err := Open(b.TempDir(), Options{Logger: quiet().Logger})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			var ws []*busy
			for r := range routes {
				openRoute(b, s, fmt.Sprint(r))
				ws = append(ws, newBusy(fmt.Sprint(r), 256, allLanes))
			}
			b.ResetTimer()
			var wg sync.WaitGroup
			for _, w := range ws {
				wg.Go(func() {
					for range b.N {
						w.commit(b, s)
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*routes*256), "ns/lane")
		})
	}
}

// BenchmarkPark parks and unparks messages of 1 KiB in lanes that have some.
func BenchmarkPark(b *testing.B) {
	s, err := open("db", Options{Logger: quiet().Logger}, vfs.NewMem())
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	openRoute(b, s, "r")
	const lanes = 256
	changes := make([]store.Change, lanes)
	payload := make([]byte, 1024)
	b.ReportAllocs()
	for v := uint64(0); b.Loop(); v++ {
		for i := range changes {
			r := lane.Revision(v)
			changes[i] = store.Change{
				Key: store.Key{Route: "r", Name: fmt.Sprint(i)}, Version: v,
				Record: &store.Record{State: lane.State{Next: r, Highest: r, Lowest: r, Parked: 1}},
				Park:   []store.Message{{Rev: r + 3, ID: "id", Payload: payload}},
			}
			if r > 0 {
				changes[i].Unpark = []lane.Revision{r}
			}
		}
		for _, err := range s.Commit(b.Context(), changes...) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*lanes), "ns/lane")
}

// BenchmarkLoad loads lanes that are not in memory's versions.
func BenchmarkLoad(b *testing.B) {
	s, err := open("db", Options{Logger: quiet().Logger}, vfs.NewMem())
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	openRoute(b, s, "r")
	w := newBusy("r", 4096, allLanes)
	for range 25 {
		w.commit(b, s)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i = (i + 7919) % len(w.names)
		if _, err := s.Load(b.Context(), store.Key{Route: "r", Name: w.names[i]}); err != nil {
			b.Fatal(err)
		}
	}
}
