//go:build linux && !race

package pebble

// The race detector has Pebble check itself at each step, which takes thirty times as
// long: these tests, which are of much, run without it.

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// settle discards dead letters, or has them redriven, until n are gone.
func (b *flood) settle(n int) {
	b.t.Helper()
	for b.gone < n {
		changes := make([]store.Change, floodCommit)
		for i := range changes {
			at := b.order[b.gone]
			c := store.Change{Key: store.Key{Route: "r"}, Gone: []string{floodID(at)}, Ledger: store.Ledger{Discarded: 1}}
			if b.gone/floodCommit%2 == 1 {
				c.Key.Name, c.Version = floodKey(at), 1
				c.Record, c.Ledger = &store.Record{State: lane.State{Next: 3, Highest: 2, Lowest: 3}}, store.Ledger{Redriven: 1}
			}
			changes[i] = c
			b.gone++
		}
		changes[0].Audit = []store.Audit{{Action: "discard", Key: "k"}}
		b.commit(changes)
	}
}

// openFlood opens a store with the settings that a bridge has.
func openFlood(t *testing.T, dir string, reserve int64) *Store {
	t.Helper()
	s, err := Open(dir, Options{Reserve: reserve, Logger: quiet().Logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	openRoute(t, s, "r")
	return s
}

// TestBulkOnAFullDisk: of a disk that others have filled to the last byte, most dead
// letters are discarded or redriven, in no order and by the thousand. No commit
// waits long, also after a restart on the full disk, and what was theirs comes back.
// The full form has the sizes of a bridge with its defaults.
func TestBulkOnAFullDisk(t *testing.T) {
	t.Parallel()
	size, reserve, n := "192m", int64(16<<20), 24_000
	if os.Getenv("BRIDGE_TEST_FULL") != "" {
		size, reserve, n = "768m", 128<<20, 60_000
	}
	disk := smallDisk(t, size)
	dir := filepath.Join(disk, "db")
	b := &flood{t: t, s: openFlood(t, dir, reserve)}
	eventually(t, "the reserve", func() bool { return !b.s.care.reserve.spent() })
	bytes := b.write(n)
	fillDisk(t, disk)
	b.settle(n / 4)
	mustClose(t, b.s)
	b.s = openFlood(t, dir, reserve)
	b.settle(n / 4 * 3)
	eventually(t, "most of the room", func() bool {
		free, _ := b.s.care.reserve.free()
		return !b.s.care.reserve.spent() || free > reserve+bytes/4
	})
	l, err := b.s.Ledger(t.Context(), "r")
	if err != nil || l.Dead != int64(n-b.gone) || l.Discarded+l.Redriven != int64(b.gone) {
		t.Errorf("%d are gone of %d: %+v %v", b.gone, n, l, err)
	}
	mustClose(t, b.s)
	if r, says := checked(t, dir); says != "" || r.Routes[0].Ledger.Dead != int64(n-b.gone) {
		t.Error(says)
	}
}

// TestRoomComesBackTableByTable: where most is kept, there is no room to write all
// of it anew, and no need to.
func TestRoomComesBackTableByTable(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "512m") // room for what has to be written anew before others fill it
	b := &flood{t: t, s: openFlood(t, filepath.Join(disk, "db"), 8<<20)}
	eventually(t, "the reserve", func() bool { return !b.s.care.reserve.spent() })
	const n = 32_000
	bytes := b.write(n)
	slices.Sort(b.order)
	if err := b.s.db.Compact(t.Context(), []byte{0}, []byte{255}, false); err != nil {
		t.Fatal(err) // what waits to be compacted would need its room, too
	}
	fillDisk(t, disk)
	b.settle(n / 4)
	eventually(t, "their room", func() bool {
		free, _ := b.s.care.reserve.free()
		return !b.s.care.reserve.spent() && free > bytes/8
	})
}

// TestRoomIsLeftToDiscard: what comes in does not take the last of the reserve, so
// that dead letters can be discarded however many came.
func TestRoomIsLeftToDiscard(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "128m")
	b := &flood{t: t, s: openFlood(t, filepath.Join(disk, "db"), 16<<20)}
	eventually(t, "the reserve", func() bool { return !b.s.care.reserve.spent() })
	const n = 8000
	b.write(n)
	fillDisk(t, disk)
	var err error
	for i := 0; err == nil && i < 2000; i++ {
		err = letters(t, b.s, i, 1)
	}
	if !errors.Is(err, store.ErrFull) || !b.s.care.reserve.spent() || b.s.files.Full() {
		t.Fatalf("the disk takes too much: %v", err)
	}
	b.settle(n)
}
