package bulk_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/bulk"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// R13: equal times, filtered pages, a full window, keys that wait: nothing is skipped.
func TestR13_NothingSkipped(t *testing.T) {
	o := newOffice(t, func(c *ordering.Config) { c.OnFailure, c.Order, c.Identify, c.Remember = lane.Continue, ordering.Unordered, nil, -1 })
	var ls []store.DeadLetter
	for i := range 12000 {
		reason := "no"
		if i%600 == 7 {
			reason = "yes"
		}
		ls = append(ls, store.DeadLetter{ID: fmt.Sprintf("id-%05d", (i*7919)%12000), Key: fmt.Sprint("k", i%3), Reason: reason,
			Message: store.Message{ID: fmt.Sprint(i), Metadata: map[string]string{"key": fmt.Sprint("k", i%3), "revision": fmt.Sprint(i)}, Payload: []byte("x"), Tries: store.Tries{Attempts: 1}}})
	}
	if _, err := o.resequencer().Import(t.Context(), ls, ordering.Operation{By: "x", Reason: "y"}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(5 * time.Millisecond)
	p := o.until(o.begin(bulk.Request{Selection: store.Selection{Reason: "yes"}}).ID, store.OperationDone)
	if p.Total != 20 || p.Done != 20 {
		t.Errorf("%d %v", p.Total, counts(p))
	}
	op := o.begin(bulk.Request{OutOfOrder: true})
	time.Sleep(300 * time.Millisecond)
	o.restart()
	time.Sleep(200 * time.Millisecond)
	o.close()
	o.open()
	p = o.until(op.ID, store.OperationDone)
	t.Logf("%d %v", p.Total, counts(p))
	if o.ledger().Dead != 0 || o.twice() != nil || sum(p) != p.Total {
		t.Errorf("%+v", o.ledger())
	}
}
