package ordering

import (
	"testing"

	"github.com/brokerbridge/bridge/ordering/store"
)

// TestI7_SeenIsForgotten: what the store remembers is not kept in memory as well.
func TestI7_SeenIsForgotten(t *testing.T) {
	var s seen
	var c change
	for i := range byte(5) {
		it := &item{sight: store.SeenPrint{i + 1}}
		s.know(it)
		c.remember(it)
		c.remember(it)
	}
	s.know(&item{}) // without an id
	if len(s.at) != 5 || len(c.store.Seen) != 5 {
		t.Fatalf("%d known, %d remembered", len(s.at), len(c.store.Seen))
	}
	if s.remembered(&c); len(s.at) != 0 {
		t.Errorf("%d are still in memory", len(s.at))
	}
}
