//go:build !race

package admin

// The race detector has Pebble check itself at each step: these tests, which are of
// much, run without it.

import (
	"fmt"
	"log/slog"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble"
)

// TestALineIsBoundedWhateverIsParked draws keys with very much parked in no time, in
// one piece, in two, and in as many as there are messages.
func TestALineIsBoundedWhateverIsParked(t *testing.T) {
	const n = 1_000_000
	const less = n / 5
	s, err := pebble.Open(t.TempDir(), pebble.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	opened(t, s)
	park(t, s, "holed", n, func(i int) lane.Revision { return lane.Revision(3 + i + i/(n/2)) })
	park(t, s, "whole", less, func(i int) lane.Revision { return lane.Revision(3 + i) })
	park(t, s, "sparse", less, func(i int) lane.Revision { return lane.Revision(3 + 2*i) })
	srv := over(t, s, nil)
	for key, want := range map[string]string{
		"whole":  "settled 1, gap 2, parked 3-200002",
		"sparse": "399500 more",
		"holed":  "settled 1, gap 2, parked 3-",
	} {
		best := time.Hour
		for range 3 { // the machine may do something else
			began := time.Now()
			w := ask(srv, "GET", "/api/v1/routes/orders/keys/"+key+"/line", "")
			best = min(best, time.Since(began))
			got := read[api.Line](t, w)
			if text := drawn(t, got); !strings.Contains(text, want) || w.Body.Len() > 200<<10 {
				t.Fatalf("%s: %d bytes, %d runs, %s", key, w.Body.Len(), len(got.Runs), text[max(0, len(text)-80):])
			}
		}
		if best > 100*time.Millisecond {
			t.Errorf("%s took %s", key, best)
		}
	}
}

// TestASearchIsBoundedWhateverIsDead looks through very many dead letters: a page ends
// in time, what an index finds comes at once, and page by page all is looked at.
func TestASearchIsBoundedWhateverIsDead(t *testing.T) {
	const n = 1_000_000
	s, err := pebble.Open(t.TempDir(), pebble.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	opened(t, s)
	const at = 20_000
	for from := 0; from < n; from += at {
		c := store.Change{Key: store.Key{Route: "orders"}}
		for i := from; i < from+at; i++ {
			d := store.DeadLetter{ID: fmt.Sprintf("d%07d", i), Key: fmt.Sprintf("k%d", i%1000), Reason: "permanent", At: noon.Add(time.Duration(i) * time.Second)}
			d.Message = store.Message{Rev: lane.Revision(i), ID: fmt.Sprint("m", i), Metadata: map[string]string{"n": fmt.Sprint(i)}}
			c.Dead = append(c.Dead, d)
		}
		commit(t, s, c)
	}
	srv := over(t, s, nil)
	for query, indexed := range map[string]int{"key:k7": 1000, "d0000007": 1, "since:" + noon.Add((n-5)*time.Second).Format(time.RFC3339): 5, "header:n=3": 0, "error:nothing": 0} {
		began := time.Now()
		page := read[api.Hits](t, ask(srv, "GET", "/api/v1/search?limit=1000&q="+url.QueryEscape(query), ""))
		if took := time.Since(began); took > 4*searchTime {
			t.Errorf("%s took %s", query, took)
		}
		if len(page.Items) < indexed || page.Looked == 0 || indexed == 0 && page.Next == "" {
			t.Errorf("%s: %d hits of %d looked at, next %s", query, len(page.Items), page.Looked, page.Next)
		}
	}
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	found, looked := hits(t, srv, "reason:permanent key:k999 id:d0000999", "")
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	if !slices.Equal(found, []string{"dead_letter d0000999"}) || looked < n {
		t.Errorf("%q of %d", found, looked)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 64<<20 {
		t.Errorf("it keeps %d bytes", grown)
	}
}

// park parks so many messages of a key.
func park(t *testing.T, s store.Store, key string, n int, rev func(i int) lane.Revision) {
	t.Helper()
	const at = 50_000
	for from := 0; from < n; from += at {
		c := store.Change{Key: store.Key{Route: "orders", Name: key}, Version: uint64(from / at)}
		for i := from; i < from+at; i++ {
			c.Park = append(c.Park, store.Message{Rev: rev(i)})
		}
		highest := rev(from + at - 1)
		c.Record = &store.Record{State: lane.State{Base: 1, Next: 2, Lowest: rev(0), Highest: highest, Parked: from + at, Mode: lane.Gap}}
		commit(t, s, c)
	}
}
