package pebble

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/brokerbridge/bridge/ordering/store"
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

// TestStoreThatForgetsVersions runs the suite with room for a few heads only,
// so that most commits read what they replace.
func TestStoreThatForgetsVersions(t *testing.T) {
	storetest.Run(t, func(t testing.TB) store.Store {
		s := openIn(t, vfs.NewMem())
		s.known = newVersions(3 * overhead)
		return s
	}, nil)
}
