package pebble

import (
	"fmt"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// TestJournalAndRowsAreOne: whether the record of a lane is in the journal, in a
// row of its own or in both, the newest is found and listed, in order; before a
// crash and after it.
func TestJournalAndRowsAreOne(t *testing.T) {
	fs := vfs.NewCrashableMem()
	o := quiet()
	o.journal = 1 << 20 // folded here only
	s, err := open("db", o, fs)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	openRoute(t, s, "r")
	openRoute(t, s, "q") // its lanes are not in between
	want := map[string]uint64{}
	commit := func(s *Store, route string, lanes ...int) {
		t.Helper()
		for _, n := range lanes {
			k := store.Key{Route: route, Name: fmt.Sprintf("k%03d", n)}
			v := want[route+k.Name]
			c := store.Change{Key: k, Version: v, Record: &store.Record{State: lane.State{Next: lane.Revision(v)}}}
			if err := s.Commit(t.Context(), c)[0]; err != nil {
				t.Fatal(err)
			}
			want[route+k.Name]++
		}
	}
	commit(s, "q", 1, 2)
	for n := range 2 * lanePage {
		commit(s, "r", 2*n) // rows
	}
	foldNow(s, "r")
	commit(s, "r", 0, 1, 7, 2*lanePage, 4*lanePage-2, 4*lanePage-1, 999) // both, and the journal
	foldNow(s, "q")
	left := fs.CrashClone(vfs.CrashCloneCfg{})
	agree(t, s, want)
	for n := range 3 {
		after, err := open("db", o, left)
		if err != nil {
			t.Fatal(err)
		}
		agree(t, after, want)
		commit(after, "r", 3, 5+n) // behind what was replayed
		left = left.CrashClone(vfs.CrashCloneCfg{})
		if err := after.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // and once more after a clean end
		after := openIn(t, left)
		agree(t, after, want)
		if err := after.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// foldNow folds the journal of a route, whatever its size.
func foldNow(s *Store, route string) {
	r := s.routes[route]
	<-r.turn
	defer func() { r.turn <- struct{}{} }()
	s.fold(r)
}

// agree fails unless the store has these lanes at these versions.
func agree(t *testing.T, s *Store, want map[string]uint64) {
	t.Helper()
	got := map[string]uint64{}
	for _, route := range []string{"q", "r"} {
		var names []string
		for rec, err := range s.Lanes(t.Context(), store.Query{Route: route}) {
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, rec.Key.Name)
			got[route+rec.Key.Name] = rec.Version
			if loaded, err := s.Load(t.Context(), rec.Key); err != nil || loaded.Version != rec.Version {
				t.Errorf("lane %v is listed at version %d and loaded at %d, %v", rec.Key, rec.Version, loaded.Version, err)
			}
		}
		if !slices.IsSorted(names) {
			t.Errorf("route %s lists %q", route, names)
		}
	}
	for lane, v := range want {
		if got[lane] != v {
			t.Errorf("lane %s is at version %d, want %d", lane, got[lane], v)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d lanes, want %d", len(got), len(want))
	}
}

// TestJournalIsFolded: it does not grow with the number of commits.
func TestJournalIsFolded(t *testing.T) {
	s := openIn(t, vfs.NewMem())
	defer func() { _ = s.Close() }()
	openRoute(t, s, "r")
	most := 0
	for v := range uint64(2000) {
		c := store.Change{Key: store.Key{Route: "r", Name: fmt.Sprint(v % 10)}, Version: v / 10, Record: &store.Record{}}
		if err := s.Commit(t.Context(), c)[0]; err != nil {
			t.Fatal(err)
		}
		prefix := journalKey(nil, s.routes["r"].number, 0)[:5]
		n := 0
		if err := s.scan(prefix, append(prefix, 0xff), func(_, row []byte) (bool, error) { n += len(row); return true, nil }); err != nil {
			t.Fatal(err)
		}
		most = max(most, n)
	}
	if most == 0 || most > 2*quiet().journal {
		t.Errorf("it grew to %d bytes", most)
	}
}
