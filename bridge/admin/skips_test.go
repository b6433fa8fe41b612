package admin

import (
	"reflect"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// TestOpenSkipsComeInPages follows the pages: each skip comes once, in the same
// order, of whatever key.
func TestOpenSkipsComeInPages(t *testing.T) {
	s := opened(t, memory.New())
	for i, key := range hostileKeys {
		c := store.Change{
			Key:    store.Key{Route: "orders", Name: key, Epoch: uint32(i % 2)},
			Record: &store.Record{State: lane.State{Base: 1, Next: 9, Highest: 8, Skips: 2}},
			Skip:   []store.Skip{{From: 2, To: 3, At: noon, By: "gap"}, {From: 5, To: 5, At: noon.Add(time.Duration(i) * time.Minute), By: "gap"}},
		}
		commit(t, s, c)
	}
	srv := over(t, s, nil)
	const all = "/api/v1/routes/orders/skips"
	want := reads[api.Page[api.OpenSkip]](t, srv, all).Items
	var got []api.OpenSkip
	for at := all + "?limit=4"; at != ""; {
		page := reads[api.Page[api.OpenSkip]](t, srv, at)
		got, at = append(got, page.Items...), page.Next
	}
	if len(want) != 2*len(hostileKeys) || !reflect.DeepEqual(got, want) {
		t.Errorf("%d skips in pages, %d at once", len(got), len(want))
	}
	for _, after := range []string{"x", "a.b.c.d", "a.1.x.d"} {
		if w := ask(srv, "GET", all+"?after="+after, ""); w.Code != 400 {
			t.Errorf("after %s: %d", after, w.Code)
		}
	}
}
