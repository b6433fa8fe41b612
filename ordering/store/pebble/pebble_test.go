package pebble

import (
	"maps"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble/internal/rows"
	"github.com/brokerbridge/bridge/ordering/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStore(t *testing.T) {
	storetest.Run(t,
		func(t testing.TB) store.Store { return openIn(t, vfs.NewMem()) },
		func(t testing.TB, s store.Store) store.Store {
			fs := s.(*Store).files.FS
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			return openIn(t, fs)
		})
}

// TestIndexesAreCleaned: what is over leaves no row but its record, or listing
// the few blocked lanes of many would become slow.
func TestIndexesAreCleaned(t *testing.T) {
	s := openIn(t, vfs.NewMem())
	defer func() { _ = s.Close() }()
	openRoute(t, s, "r")
	c := everything(lane0, 0, nil)
	for _, c := range []store.Change{c, {
		Key: lane0, Version: 1, Record: &store.Record{}, Unpark: []lane.Revision{0}, Gone: []string{c.Dead[0].ID}, Close: []lane.Revision{0},
	}} {
		if err := s.Commit(t.Context(), c)[0]; err != nil {
			t.Fatal(err)
		}
	}
	left := map[rows.Table]int{}
	err := s.scan(nil, nil, func(key, _ []byte) (bool, error) {
		left[rows.Table(key[0])]++
		return true, nil
	})
	want := map[rows.Table]int{rows.Meta: 3, rows.Archive: 1, rows.Operations: 1, rows.Events: 1, rows.Told: 1, rows.Routes: 1, rows.Ledgers: 1, rows.Journal: 2, rows.Skips: 1, rows.Audits: 1, rows.AuditByKey: 1}
	if err != nil || !maps.Equal(left, want) {
		t.Errorf("rows by table: %v, want %v; %v", left, want, err)
	}
}

// TestStoreThatForgetsVersions runs the suite with room for a few heads only,
// so that most commits read what they replace.
func TestStoreThatForgetsVersions(t *testing.T) {
	storetest.Run(t, func(t testing.TB) store.Store {
		s := openIn(t, vfs.NewMem())
		s.known = newVersions(3 * overhead)
		return s
	}, nil)
}
