package memory_test

import (
	"testing"

	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
	"github.com/brokerbridge/bridge/ordering/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t,
		func(testing.TB) store.Store { return memory.New() },
		func(t testing.TB, s store.Store) store.Store {
			c := s.(*memory.Store).Clone()
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			return c
		})
}
