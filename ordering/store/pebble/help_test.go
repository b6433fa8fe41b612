package pebble

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// quiet are options for a store that flushes early and says nothing.
func quiet() Options {
	return Options{Logger: slog.New(slog.DiscardHandler), memtable: 512 << 10, journal: 4 << 10}
}

// openIn opens the store of a file system.
func openIn(t testing.TB, fs vfs.FS) *Store {
	t.Helper()
	s, err := open("db", quiet(), fs)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// openRoute opens a route of a store.
func openRoute(t testing.TB, s *Store, route string) {
	t.Helper()
	if _, err := s.Open(t.Context(), store.Identity{Route: route}); err != nil {
		t.Fatal(err)
	}
}

// everything is a change that writes a row of every kind: the v-th of a lane.
func everything(k store.Key, v uint64, payload []byte) store.Change {
	r := lane.Revision(v)
	c := store.Change{
		Key: k, Version: v,
		Record: &store.Record{State: lane.State{Next: r + 1, Highest: r, Lowest: r + 1, Parked: int(r) + 1}},
		Park:   []store.Message{{Rev: r, Payload: payload}},
		Skip:   []store.Skip{{From: r, To: r}},
		Dead:   []store.DeadLetter{{ID: deadID(k, v), Key: k.Name}},
		Ledger: store.Ledger{Delivered: 1},

		Archive:    []store.Archived{{DeadLetter: store.DeadLetter{ID: deadID(k, v), Key: k.Name}}},
		Operations: []store.Operation{{ID: deadID(k, v)}},
		Events:     []store.Event{{Type: "skip", Key: k.Name}},
	}
	if v > 0 {
		c.Mirrored = []store.Mirrored{{ID: deadID(k, v-1)}}
	}
	if v%auditEvery == 0 {
		c.Audit = []store.Audit{{Action: "skip", Key: k.Name}}
	}
	return c
}

// deadID is the id of the dead letter of the v-th change of a lane.
func deadID(k store.Key, v uint64) string {
	return k.Name + "-" + string(rune('a'+v%26)) + string(rune('0'+v/26))
}

// auditEvery: audits are numbered across routes, one fsync after the other.
const auditEvery = 5

// audited is how many audit rows are in the first n changes of a lane.
func audited(n uint64) int { return int((n + auditEvery - 1) / auditEvery) }

// whole fails unless the lanes of a route hold whole changes only. It returns
// how many each has.
func whole(t testing.TB, s *Store, route string) map[string]uint64 {
	t.Helper()
	var n, bytes int64
	lanes := map[string]uint64{}
	for r, err := range s.Lanes(t.Context(), store.Query{Route: route}) {
		if err != nil {
			t.Fatal(err)
		}
		lanes[r.Key.Name] = r.Version
		n += int64(r.Version)
		bytes += wholeLane(t, s, r)
		rows := 0
		for _, err := range s.Audits(t.Context(), store.AuditQuery{Route: route, Key: r.Key.Name}) {
			if rows++; err != nil {
				t.Fatal(err)
			}
		}
		if rows != audited(r.Version) {
			t.Fatalf("lane %q has %d changes and %d audit rows", r.Key.Name, r.Version, rows)
		}
	}
	wholeAside(t, s, route, n)
	got, err := s.Ledger(t.Context(), route)
	if err != nil {
		t.Fatal(err)
	}
	want := store.Ledger{Delivered: n, Parked: n, ParkedTotal: n, ParkedBytes: bytes, Dead: n, DeadLettered: n, Unmirrored: int64(len(lanes)), OpenSkips: n, Kept: n, Unsent: n}
	if got != want {
		t.Fatalf("route %s\n has %+v\nwant %+v", route, got, want)
	}
	return lanes
}

// wholeAside fails unless n changes are in what is not of a lane.
func wholeAside(t testing.TB, s *Store, route string, n int64) {
	t.Helper()
	gs, err := s.Groups(t.Context(), route)
	os, err2 := s.Operations(t.Context(), route)
	es, err3 := s.Events(t.Context(), route, 0, 0)
	if err := errors.Join(err, err2, err3); err != nil {
		t.Fatal(err)
	}
	dead := int64(0)
	for _, g := range gs {
		dead += g.Dead
	}
	for i, e := range es {
		if e.Seq != uint64(i)+1 {
			t.Fatalf("event %d has number %d", i, e.Seq)
		}
	}
	skips := int64(0)
	for _, err := range s.OpenSkips(t.Context(), route, store.OpenSkip{}) {
		if skips++; err != nil {
			t.Fatal(err)
		}
	}
	if dead != n || skips != n || int64(len(os)) != n || int64(len(es)) != n {
		t.Fatalf("%d changes have %d dead letters in groups, %d open ranges, %d operations, %d events", n, dead, skips, len(os), len(es))
	}
	if _, _, err := store.VerifyAudits(s.Audits(t.Context(), store.AuditQuery{})); err != nil {
		t.Fatal(err)
	}
}

// wholeLane returns the size of what a lane has parked.
func wholeLane(t testing.TB, s *Store, r store.Record) (bytes int64) {
	t.Helper()
	ms, err := s.Parked(t.Context(), r.Key, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range ms {
		bytes += m.Size()
	}
	skips, err := s.Skips(t.Context(), r.Key)
	if err != nil {
		t.Fatal(err)
	}
	dead := 0
	for _, err := range s.DeadLetters(t.Context(), store.Query{Route: r.Key.Route, Key: r.Key.Name}) {
		if err != nil {
			t.Fatal(err)
		}
		dead++
	}
	for d, err := range s.DeadLetters(t.Context(), store.Query{Route: r.Key.Route, Key: r.Key.Name, Unmirrored: true}) {
		if err != nil || d.ID != deadID(r.Key, r.Version-1) {
			t.Fatalf("dead letter %s of lane %v at version %d waits for a mirror, %v", d.ID, r.Key, r.Version, err)
		}
	}
	if v := int(r.Version); len(ms) != v || len(skips) != v || dead != v || int(r.State.Next) != v {
		t.Fatalf("lane %v at version %d has next %d, %d parked, %d skips, %d dead letters", r.Key, r.Version, r.State.Next, len(ms), len(skips), dead)
	}
	return bytes
}

// flood is many dead letters, of which a part is dealt with in a random order.
type flood struct {
	t     *testing.T
	s     *Store
	n     int
	order []int
	gone  int
}

var floodCommit = large(1000)

func floodID(i int) string  { return fmt.Sprintf("%08d", i) }
func floodKey(i int) string { return fmt.Sprintf("key-%d", i) }

// write commits n dead letters of 1 to 4 KB, each with a lane of its own.
func (b *flood) write(n int) (bytes int64) {
	b.t.Helper()
	noise := rand.NewChaCha8([32]byte{})
	for b.n < n {
		changes := make([]store.Change, floodCommit)
		for i := range changes {
			payload := make([]byte, 1024+rand.IntN(3072))
			_, _ = noise.Read(payload) // which never fails
			bytes += int64(len(payload))
			changes[i] = store.Change{
				Key: store.Key{Route: "r", Name: floodKey(b.n)}, Record: &store.Record{State: lane.State{Next: 2, Highest: 1, Lowest: 2}},
				Dead: []store.DeadLetter{{ID: floodID(b.n), Key: floodKey(b.n), At: time.Unix(int64(b.n), 0), Message: store.Message{Payload: payload}}},
			}
			b.n++
		}
		b.commit(changes)
	}
	b.order = rand.Perm(n)
	return bytes
}

func (b *flood) commit(changes []store.Change) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 20*time.Second)
	defer cancel()
	for _, err := range b.s.Commit(ctx, changes...) {
		if err != nil {
			b.t.Fatalf("%d written, %d gone: %v", b.n, b.gone, err)
		}
	}
}
