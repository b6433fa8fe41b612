package bulk_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/bulk"
	"github.com/brokerbridge/bridge/ordering/store"
)

// importing makes dead letters of three keys at once, of which some have another
// reason. Their ids are not in the order in which they came.
func (o *office) importing(n, every int) {
	o.t.Helper()
	ls := make([]store.DeadLetter, n)
	for i := range ls {
		key, reason := fmt.Sprint("k", i%3), "permanent"
		if i%every == 7 {
			reason = "too_large"
		}
		ls[i] = store.DeadLetter{
			ID: fmt.Sprintf("id-%05d", i*7919%n), Key: key, Reason: reason,
			Message: store.Message{
				ID: fmt.Sprint(i), Payload: []byte("body"), Tries: store.Tries{Attempts: 1},
				Metadata: map[string]string{"key": key, "revision": fmt.Sprint(i)},
			},
		}
	}
	if _, err := o.resequencer().Import(o.t.Context(), ls, ordering.Operation{By: "ann", Reason: why}); err != nil {
		o.t.Fatal(err)
	}
	time.Sleep(5 * time.Millisecond)
}

// Of so many of one instant, with most filtered out, with keys that wait for
// themselves and with restarts, none is left behind.
func TestNoneIsLeftBehind(t *testing.T) {
	o := newOffice(t, unordered)
	const n, few = 4600, 20 // more than are under way at once
	o.importing(n, n/few)
	p := o.until(o.begin(bulk.Request{Selection: store.Selection{Reason: "too_large"}}).ID, store.OperationDone)
	if p.Total != few || counts(p) != [5]int64{few, 0, 0, 0, 0} {
		t.Errorf("%v of %d", counts(p), p.Total)
	}
	op := o.begin(bulk.Request{OutOfOrder: true})
	for _, again := range []func(){o.restart, o.reopen} {
		before := o.now(op.ID)
		o.await("some are sent", func() bool {
			p := o.now(op.ID)
			return p.State.Ended() || p.Done+p.Gone > before.Done+before.Gone
		})
		again()
	}
	p = o.until(op.ID, store.OperationDone)
	if o.ledger().Dead != 0 || o.twice() != nil || p.Total != n-few || p.Done+p.Gone != n-few || p.Refused+p.Failed != 0 {
		t.Errorf("%v of %d, %d dead, twice %q", counts(p), p.Total, o.ledger().Dead, o.twice())
	}
	o.accounted()
}

// As many ids as there may be: each dead letter is read to be counted, to be put in
// order, and to be sent.
func TestMostIDs(t *testing.T) {
	o, f := faultyOffice(t, unordered)
	const n = 10_000
	o.importing(n, n)
	o.target(nil)
	before := f.reads.Load()
	var ids []string
	for b, err := range o.store.Briefs(t.Context(), store.Query{Route: route}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, b.ID)
	}
	p := o.until(o.begin(bulk.Request{Selection: store.Selection{IDs: ids}}).ID, store.OperationDone)
	if counts(p) != [5]int64{n, 0, 0, 0, 0} || o.twice() != nil || o.ledger().Dead != 0 {
		t.Errorf("%v, %d dead, twice %q", counts(p), o.ledger().Dead, o.twice())
	}
	if reads := f.reads.Load() - before; reads > 3*n {
		t.Errorf("%d reads of %d dead letters", reads, n)
	}
}

// All are counted without their content, however many there are.
func TestAllAreCountedWithoutTheirContent(t *testing.T) {
	o, f := faultyOffice(t, unordered)
	const n = 10_000
	o.importing(n, n)
	reads, listed := f.reads.Load(), f.listed.Load()
	op := o.begin(bulk.Request{Rate: 1})
	reads, listed = f.reads.Load()-reads, f.listed.Load()-listed
	if op.Total != n || reads > 0 || listed > 10 { // what it sends until then
		t.Errorf("%d counted; %d were read, %d listed", op.Total, reads, listed)
	}
}

// Operations that begin at once keep their order, and none takes the place of
// another.
func TestManyOperationsAtOnce(t *testing.T) {
	o := newOffice(t, unordered)
	o.dead(1, 1)
	const n = 600
	for range n {
		o.begin(bulk.Request{Action: ordering.ActDiscard})
	}
	ops, err := o.List(t.Context())
	if err != nil || len(ops) != n {
		t.Fatalf("%d are left, %v", len(ops), err)
	}
	for i := 1; i < n; i++ {
		if ops[i].Began.Before(ops[i-1].Began) {
			t.Errorf("operation %d began before the one before it", i)
		}
	}
}
