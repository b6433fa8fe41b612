package pebble

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openIn(t testing.TB, fs vfs.FS) *Store {
	t.Helper()
	s, err := open("db", quiet(), fs)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

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
