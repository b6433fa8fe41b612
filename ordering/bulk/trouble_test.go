package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/bulk"
	"github.com/brokerbridge/bridge/ordering/store"
)

// nameless sends messages without a key.
func (o *office) nameless(n int) {
	o.t.Helper()
	for i := range n {
		m := message.NewMessage(fmt.Sprintf("x%d", i), []byte(fmt.Sprint("body", i)))
		o.token++
		if err := o.take(o.t.Context(), ordering.Deliveries{Messages: []*message.Message{m}, Tokens: []uint64{o.token}, Acker: ignored{}}); err != nil {
			o.t.Fatal(err)
		}
	}
}

// The read of one that waited for its key is tried again.
func TestReadOfOneThatWaitedFails(t *testing.T) {
	o, f := faultyOffice(t, goOn)
	o.dead(4, 1)
	o.target(nil)
	f.noReads.Store(1)
	p := o.until(o.begin(bulk.Request{OutOfOrder: true}).ID, store.OperationDone)
	if counts(p) != [5]int64{4, 0, 0, 0, 0} || f.failed.Load() != 1 {
		t.Errorf("%v, %d reads failed", counts(p), f.failed.Load())
	}
}

// A store that does not answer for a moment uses an operation up by nothing.
func TestLanesAreNotReadForAMoment(t *testing.T) {
	o, f := faultyOffice(t, nil)
	o.dead(100, 100)
	o.leave()
	o.reopen()                                                               // the lanes are in the store only
	if _, err := o.resequencer().Ways(t.Context(), nil, false); err != nil { // the route runs
		t.Fatal(err)
	}
	o.target(nil)
	f.noLanes.Store(true)
	o.staff()
	op := o.begin(bulk.Request{})
	o.await("a read fails", func() bool { return f.failed.Load() > 0 })
	time.Sleep(300 * time.Millisecond)
	f.noLanes.Store(false)
	if p := o.until(op.ID, store.OperationDone); counts(p) != [5]int64{100, 0, 0, 0, 0} {
		t.Errorf("%v %s", counts(p), p.Refusal)
	}
}

// What was told to have failed has not begun, and does not begin later: or it can
// be seen and ended.
func TestCommitOfABeginningFails(t *testing.T) {
	start := func(t *testing.T, isStored bool) (*office, *faulty, error) {
		t.Helper()
		o, f := faultyOffice(t, unordered)
		o.dead(10, 5)
		f.commits(func(c *store.Change) error {
			if len(c.Operations) == 0 {
				return nil
			}
			if isStored {
				_ = f.Store.Commit(t.Context(), *c)
			}
			return store.ErrFailed
		})
		_, err := o.Start(t.Context(), bulk.Request{Action: ordering.ActDiscard, By: "ann", Reason: why})
		f.commits(nil)
		return o, f, err
	}
	t.Run("not stored", func(t *testing.T) {
		o, _, err := start(t, false)
		if !errors.Is(err, store.ErrFailed) {
			t.Errorf("told: %v", err)
		}
		o.restart()
		time.Sleep(50 * time.Millisecond)
		if ops, err := o.List(t.Context()); err != nil || len(ops) != 0 || o.ledger().Dead != 10 {
			t.Errorf("%+v, %v, %d dead", ops, err, o.ledger().Dead)
		}
	})
	t.Run("stored", func(t *testing.T) {
		o, _, err := start(t, true)
		if err != nil {
			t.Fatal(err)
		}
		ops, err := o.List(t.Context())
		if err != nil || len(ops) != 1 {
			t.Fatalf("%+v, %v", ops, err)
		}
		o.until(ops[0].ID, store.OperationDone)
		if o.ledger().Dead != 0 || o.audited("discard") != 1 {
			t.Errorf("%d dead, %d rows", o.ledger().Dead, o.audited("discard"))
		}
	})
}

// An operation of which nobody knew that it is stored does not begin by itself, and
// can be cancelled before it does with the next start.
func TestBeginningIsStoredAndNobodyKnows(t *testing.T) {
	o, f := faultyOffice(t, unordered)
	o.dead(10, 5)
	f.commits(func(c *store.Change) error {
		if len(c.Operations) == 0 {
			return nil
		}
		f.noJobs.Store(true)
		_ = f.Store.Commit(t.Context(), *c)
		return store.ErrFailed
	})
	_, err := o.Start(t.Context(), bulk.Request{Action: ordering.ActRedrive, Rate: 1, By: "ann", Reason: why})
	f.commits(nil)
	f.noJobs.Store(false)
	if !errors.Is(err, store.ErrFailed) {
		t.Fatalf("told: %v", err)
	}
	ops, err := o.List(t.Context())
	if err != nil || len(ops) != 1 {
		t.Fatalf("%+v, %v", ops, err)
	}
	if _, err := o.Cancel(t.Context(), ops[0].ID, "ann", "told to have failed"); err != nil {
		t.Fatal(err)
	}
	o.await("it has ended", func() bool { return !o.now(ops[0].ID).Ended.IsZero() })
	o.restart()
	time.Sleep(50 * time.Millisecond)
	if p := o.now(ops[0].ID); p.State != store.OperationCancelled || o.audited("redrive_cancelled") != 1 {
		t.Errorf("%s, %d rows", p.State, o.audited("redrive_cancelled"))
	}
}

// An end that is stored, and told to have failed, is in the audit once.
func TestCommitOfAnEndFails(t *testing.T) {
	for _, isStored := range []bool{true, false} {
		t.Run(fmt.Sprint("stored ", isStored), func(t *testing.T) {
			o, f := faultyOffice(t, unordered)
			o.dead(10, 5)
			o.target(nil)
			failed := false
			f.commits(func(c *store.Change) error {
				if failed || !signs(c, "redrive_done") {
					return nil
				}
				failed = true
				if isStored {
					_ = f.Store.Commit(t.Context(), *c)
				}
				return store.ErrFailed
			})
			op := o.begin(bulk.Request{})
			o.await("it has ended", func() bool { return !o.now(op.ID).Ended.IsZero() })
			if p := o.now(op.ID); counts(p) != [5]int64{10, 0, 0, 0, 0} || o.audited("redrive_done") != 1 {
				t.Errorf("%v, %d rows", counts(p), o.audited("redrive_done"))
			}
		})
	}
}

// A pause that is not stored leaves the cancel alone that came meanwhile.
func TestPauseThatFailsUndoesNoCancel(t *testing.T) {
	o, f := faultyOffice(t, unordered)
	o.dead(20, 5)
	o.target(nil)
	op := o.begin(bulk.Request{Rate: 2})
	o.await("the first are sent", func() bool { p := o.now(op.ID); return p.Done > 0 && p.UnderWay == 0 })
	time.Sleep(20 * time.Millisecond) // now it waits for the next
	reached, goOn := make(chan struct{}), make(chan struct{})
	f.commits(func(c *store.Change) error {
		if !signs(c, "operation_pause") {
			return nil
		}
		close(reached)
		<-goOn
		return store.ErrFull
	})
	paused, cancelled := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := o.Pause(context.Background(), op.ID, "bob", "lunch")
		paused <- err
	}()
	<-reached
	go func() {
		_, err := o.Cancel(context.Background(), op.ID, "carl", "wrong group")
		cancelled <- err
	}()
	time.Sleep(100 * time.Millisecond)
	close(goOn)
	if err := <-paused; !errors.Is(err, store.ErrFull) {
		t.Errorf("paused: %v", err)
	}
	if err := <-cancelled; err != nil {
		t.Fatal(err)
	}
	o.await("it has ended", func() bool { return !o.now(op.ID).Ended.IsZero() })
	if p := o.now(op.ID); p.State != store.OperationCancelled || o.audited("redrive_cancelled") != 1 {
		t.Errorf("it was cancelled and is %s: %v", p.State, counts(p))
	}
}
