package bulk_test

import (
	"fmt"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/bulk"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble"
)

func TestR15_PurgeBlocksTheLoop(t *testing.T) {
	o := newOffice(t, unordered)
	o.leave()
	o.close()
	s, err := pebble.Open(t.TempDir(), pebble.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	o.store = s
	o.open()
	o.staff()
	t.Cleanup(func() { o.leave(); o.close(); s.Close() })
	for p := range 100 {
		var ls []store.DeadLetter
		for i := range 200 {
			ls = append(ls, store.DeadLetter{ID: fmt.Sprint("id", p, "-", i), Key: fmt.Sprint("k", i), Reason: "x", Message: store.Message{Payload: make([]byte, 10000)}})
		}
		if _, err := o.resequencer().Import(t.Context(), ls, ordering.Operation{By: "x", Reason: "y"}); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(5 * time.Millisecond)
	o.until(o.begin(bulk.Request{Action: ordering.ActArchive}).ID, store.OperationDone)
	var a, b runtime.MemStats
	runtime.ReadMemStats(&a)
	from := time.Now()
	out, err := o.resequencer().Purge(t.Context(), "nobody", ordering.Operation{DryRun: true})
	runtime.ReadMemStats(&b)
	t.Logf("%v %v: the loop stood still for %v, %d MB, with %d archived", out.Says, err, time.Since(from), (b.TotalAlloc-a.TotalAlloc)>>20, o.ledger().Kept)
}
