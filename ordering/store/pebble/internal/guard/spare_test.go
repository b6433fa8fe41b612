package guard

import (
	"errors"
	"log/slog"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// tight is a disk with little room.
type tight struct{}

func (tight) Release() bool { return false }
func (tight) Tight() bool   { return true }

// TestNoRoomForACompactionIsNoFailure, neither while a database is opened nor later:
// other files still have room.
func TestNoRoomForACompactionIsNoFailure(t *testing.T) {
	for _, patient := range []bool{false, true} {
		g := New(vfs.NewMem(), slog.New(slog.DiscardHandler))
		g.Relieve(tight{})
		if patient {
			g.BePatient()
		}
		if _, err := g.Create("000001.sst", "pebble-compaction"); !errors.Is(err, syscall.ENOSPC) || g.Err() != nil || g.Full() {
			t.Errorf("patient %v: %v, failed %v, full %v", patient, err, g.Err(), g.Full())
		}
		f, err := g.Create("000002.sst", "pebble-memtable-flush")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(make([]byte, 100)); err != nil || g.Err() != nil {
			t.Error(err, g.Err())
		}
	}
}
