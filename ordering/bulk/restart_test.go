package bulk_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/ordering/bulk"
	"github.com/brokerbridge/bridge/ordering/store"
)

// What is refused is counted once, however often the route starts again behind one
// that has not ended.
func TestRefusedAreCountedOnce(t *testing.T) {
	o := newOffice(t, nil)
	o.dead(1, 1)
	o.nameless(10)
	o.await("all dead", func() bool { return o.ledger().Dead == 11 })
	time.Sleep(2 * time.Millisecond)
	o.target(func(string, int) error { return away{"nobody there"} })
	op := o.begin(bulk.Request{StopAt: 1})
	for range 2 {
		o.await("all were read", func() bool { p := o.now(op.ID); return p.Refused >= 10 && p.UnderWay == 1 })
		o.close()
		o.await("nothing under way", func() bool { return o.now(op.ID).UnderWay == 0 })
		o.open()
	}
	o.await("all were read", func() bool { p := o.now(op.ID); return p.Refused >= 10 && p.UnderWay == 1 })
	o.target(nil)
	if p := o.until(op.ID, store.OperationDone); p.Total != 11 || counts(p) != [5]int64{1, 0, 10, 0, 0} {
		t.Errorf("%v of %d", counts(p), p.Total)
	}
}

// One that is cancelled while the route does not run ends all the same, and where
// its end could not be stored, with the next start.
func TestCancelledWhileTheRouteDoesNotRun(t *testing.T) {
	for _, later := range []bool{false, true} {
		t.Run(fmt.Sprint("after a restart ", later), func(t *testing.T) {
			o, f := faultyOffice(t, nil)
			o.dead(50, 50)
			o.target(func(string, int) error { return away{"nobody there"} })
			op := o.begin(bulk.Request{})
			o.await("all under way", func() bool { return o.now(op.ID).UnderWay == 50 })
			if later {
				f.commits(func(c *store.Change) error {
					if signs(c, "redrive_cancelled") {
						return store.ErrFull
					}
					return nil
				})
			}
			o.close()
			if _, err := o.Cancel(t.Context(), op.ID, "bob", "wrong group"); err != nil {
				t.Fatal(err)
			}
			ended := func() bool { return !o.now(op.ID).Ended.IsZero() }
			if later {
				o.await("nothing under way", func() bool { return o.now(op.ID).UnderWay == 0 })
				if ended() {
					t.Error("it has ended, and its end is not stored")
				}
				o.leave()
				f.commits(nil)
				o.staff()
			}
			o.await("it has ended", ended)
			o.restart()
			if p := o.now(op.ID); p.State != store.OperationCancelled || p.Ended.IsZero() || o.audited("redrive_cancelled") != 1 {
				t.Errorf("%s, ended %v, %d rows", p.State, p.Ended, o.audited("redrive_cancelled"))
			}
		})
	}
}

// What was given up before an operation began, and stored after it had counted, is
// part of it.
func TestGivenUpBeforeAndStoredAfter(t *testing.T) {
	o, f := faultyOffice(t, unordered)
	o.dead(40, 5)
	reached, goOn := make(chan struct{}, 100), make(chan struct{})
	f.commits(func(c *store.Change) error {
		if len(c.Dead) > 0 {
			reached <- struct{}{}
			<-goOn
		}
		return nil
	})
	for i := range 5 {
		o.send("late", i)
	}
	<-reached
	time.Sleep(20 * time.Millisecond)
	op := o.begin(bulk.Request{Rate: 20})
	o.target(nil)
	close(goOn)
	p := o.until(op.ID, store.OperationDone)
	if op.Total != 40 || p.Total != 45 || counts(p) != [5]int64{45, 0, 0, 0, 0} {
		t.Errorf("%v of %d", counts(p), p.Total)
	}
}

// What the last commit of a run settles is done, and not gone.
func TestLastEndsOfARunAreCounted(t *testing.T) {
	for i := range 5 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			o := newOffice(t, unordered)
			o.dead(20, 5)
			o.target(nil)
			o.slow(50 * time.Millisecond)
			op := o.begin(bulk.Request{})
			o.await("all under way", func() bool { return o.now(op.ID).UnderWay == 20 })
			time.Sleep(10 * time.Millisecond)
			o.reopen()
			if p := o.until(op.ID, store.OperationDone); counts(p) != [5]int64{20, 0, 0, 0, 0} {
				t.Error(counts(p))
			}
		})
	}
}
