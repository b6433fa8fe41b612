package bulk_test

import (
	"testing"
	"time"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/bulk"
	"github.com/brokerbridge/bridge/ordering/store"
)

// R8: a Start that is answered with an error begins with the next start of the bridge.
func TestR8_StartThatFailedBeginsLater(t *testing.T) {
	o, f := faultyOffice(t, unordered)
	o.dead(10, 5)
	h := func(cs []store.Change) error {
		for _, c := range cs {
			if len(c.Operations) > 0 {
				f.Store.Commit(t.Context(), cs...) // stored, but the caller is told that it failed
				return store.ErrFailed
			}
		}
		return nil
	}
	f.onCommit.Store(&h)
	_, err := o.Start(t.Context(), bulk.Request{Action: ordering.ActDiscard, By: "ann", Reason: why})
	f.onCommit.Store(nil)
	time.Sleep(300 * time.Millisecond)
	before := o.ledger().Dead
	ops, _ := o.List(t.Context())
	t.Logf("start: %v; %d dead; listed: %d, %s", err, before, len(ops), ops[0].State)
	_, cerr := o.Cancel(t.Context(), ops[0].ID, "ann", "no")
	t.Logf("cancel: %v", cerr)
	o.restart()
	time.Sleep(time.Second)
	if n := o.ledger().Dead; n != before {
		t.Errorf("%d of %d were discarded after the restart", before-n, before)
	}
}

// R9: an end whose commit is told as failed is in the audit twice.
func TestR9_EndAuditedTwice(t *testing.T) {
	o, f := faultyOffice(t, unordered)
	o.dead(10, 5)
	o.target(nil)
	once := false
	h := func(cs []store.Change) error {
		for _, c := range cs {
			if len(c.Audit) > 0 && c.Audit[0].Action == "redrive_done" && !once {
				once = true
				f.Store.Commit(t.Context(), cs...)
				return store.ErrFailed
			}
		}
		return nil
	}
	f.onCommit.Store(&h)
	op := o.begin(bulk.Request{})
	time.Sleep(3 * time.Second)
	p, _ := o.Get(t.Context(), op.ID)
	n := 0
	for a := range o.store.Audits(t.Context(), store.AuditQuery{Route: route}) {
		if a.Action == "redrive_done" {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%s, %d rows", p.State, n)
	}
}
