package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/bulk"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

type faulty struct {
	store.Store
	failReads atomic.Int64
	onCommit  atomic.Pointer[func([]store.Change) error]
}

func (f *faulty) DeadLetter(ctx context.Context, r, id string) (store.DeadLetter, error) {
	if f.failReads.Load() > 0 {
		f.failReads.Add(-1)
		return store.DeadLetter{}, errors.New("read failed")
	}
	return f.Store.DeadLetter(ctx, r, id)
}

func (f *faulty) Commit(ctx context.Context, cs ...store.Change) []error {
	if h := f.onCommit.Load(); h != nil {
		if err := (*h)(cs); err != nil {
			errs := make([]error, len(cs))
			for i := range errs {
				errs[i] = err
			}
			return errs
		}
	}
	return f.Store.Commit(ctx, cs...)
}

func faultyOffice(t *testing.T, change func(*ordering.Config)) (*office, *faulty) {
	f := &faulty{Store: memory.New()}
	o := newOffice(t, change)
	o.leave()
	o.close()
	o.store = f
	o.open()
	o.staff()
	return o, f
}

func (o *office) nameless(n int) {
	for i := range n {
		m := message.NewMessage(fmt.Sprintf("x%d", i), []byte(fmt.Sprint("body", i)))
		o.token++
		if err := o.take(o.t.Context(), ordering.Deliveries{Messages: []*message.Message{m}, Tokens: []uint64{o.token}, Acker: ignored{}}); err != nil {
			o.t.Fatal(err)
		}
	}
}

func sum(p bulk.Progress) int64 { return p.Done + p.Failed + p.Refused + p.Gone + p.Operation.Left() }

// R1: a failed read of one that waited is lost for the job: it never ends.
func TestR1_WaitedReadFails(t *testing.T) {
	o, f := faultyOffice(t, goOn)
	o.dead(4, 1)
	o.target(nil)
	f.failReads.Store(1)
	op := o.begin(bulk.Request{OutOfOrder: true})
	time.Sleep(5 * time.Second)
	p, _ := o.Get(t.Context(), op.ID)
	t.Logf("%s %v under way %d", p.State, counts(p), p.UnderWay)
	if p.State != store.OperationDone {
		t.Error("stuck")
	}
}

// R2: refused ones behind the place are counted again after a restart of the route.
func TestR2_RefusedTwice(t *testing.T) {
	o := newOffice(t, nil)
	o.dead(1, 1)
	o.nameless(10)
	o.await("dead", func() bool { return o.ledger().Dead == 11 })
	time.Sleep(2 * time.Millisecond)
	o.target(func(string, int) error { return away{"x"} })
	op := o.begin(bulk.Request{StopAt: 1})
	o.await("refused", func() bool { p, _ := o.Get(t.Context(), op.ID); return p.Refused == 10 })
	for range 2 {
		o.close()
		o.open()
		time.Sleep(400 * time.Millisecond)
	}
	o.target(nil)
	p := o.until(op.ID, store.OperationDone)
	if sum(p) != p.Total {
		t.Errorf("total %d, %v sum %d", p.Total, counts(p), sum(p))
	}
}

// R3: cancelled while the route does not run: no end, no audit, ever.
func TestR3_CancelledWhileHalted(t *testing.T) {
	o := newOffice(t, unordered)
	o.dead(50, 5)
	o.target(func(string, int) error { return away{"x"} })
	op := o.begin(bulk.Request{})
	o.await("under way", func() bool { p, _ := o.Get(t.Context(), op.ID); return p.UnderWay == 50 })
	o.close()
	if _, err := o.Cancel(t.Context(), op.ID, "bob", "no"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	p, _ := o.Get(t.Context(), op.ID)
	t.Logf("halted: %s ended %v under %d", p.State, p.Ended, p.UnderWay)
	o.restart()
	time.Sleep(time.Second)
	p, _ = o.Get(t.Context(), op.ID)
	var last string
	for a, err := range o.store.Audits(t.Context(), store.AuditQuery{Route: route}) {
		if err == nil {
			last = a.Action
		}
	}
	if p.Ended.IsZero() || last != "redrive_cancelled" {
		t.Errorf("after a restart: %s, ended %v, last audit %s", p.State, p.Ended, last)
	}
}

// R4: a pause whose commit fails undoes a cancel that was answered with success.
func TestR4_FailedPauseUndoesCancel(t *testing.T) {
	o, f := faultyOffice(t, unordered)
	o.dead(50, 5)
	o.target(nil)
	op := o.begin(bulk.Request{Rate: 5})
	reached, goOn := make(chan bool), make(chan bool)
	h := func(cs []store.Change) error {
		for _, c := range cs {
			if len(c.Audit) > 0 && c.Audit[0].Action == "operation_pause" {
				reached <- true
				<-goOn
				return store.ErrFull
			}
		}
		return nil
	}
	f.onCommit.Store(&h)
	go func() { _, _ = o.Pause(context.Background(), op.ID, "bob", "lunch") }()
	<-reached
	done := make(chan error)
	go func() { _, err := o.Cancel(context.Background(), op.ID, "carl", "wrong"); done <- err }()
	time.Sleep(100 * time.Millisecond)
	close(goOn)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	time.Sleep(2500 * time.Millisecond)
	p, _ := o.Get(t.Context(), op.ID)
	if p.State != store.OperationCancelled {
		t.Errorf("cancelled with success, and it is %s, %v", p.State, counts(p))
	}
}

// R5: a dead letter given up before the beginning and committed after the count.
func TestR5_CommittedLate(t *testing.T) {
	o, f := faultyOffice(t, unordered)
	o.dead(10, 5)
	reached, goOn := make(chan bool, 100), make(chan bool)
	h := func(cs []store.Change) error {
		for _, c := range cs {
			if len(c.Dead) > 0 {
				reached <- true
				<-goOn
			}
		}
		return nil
	}
	f.onCommit.Store(&h)
	for i := range 5 {
		o.send("late", i)
	}
	<-reached
	time.Sleep(20 * time.Millisecond)
	op := o.begin(bulk.Request{Rate: 5})
	time.Sleep(100 * time.Millisecond)
	o.target(nil)
	close(goOn)
	p := o.until(op.ID, store.OperationDone)
	if sum(p) != p.Total {
		t.Errorf("total %d, %v", p.Total, counts(p))
	}
}

// R6: the ends of the last commit of a run are not told.
func TestR6_LastEndsLost(t *testing.T) {
	lost := int64(0)
	for range 10 {
		o := newOffice(t, unordered)
		o.dead(20, 5)
		o.target(nil)
		o.mu.Lock()
		o.pause = 50 * time.Millisecond
		o.mu.Unlock()
		op := o.begin(bulk.Request{})
		o.await("under way", func() bool { p, _ := o.Get(t.Context(), op.ID); return p.UnderWay == 20 })
		time.Sleep(10 * time.Millisecond)
		o.close() // orderly
		o.open()
		p := o.until(op.ID, store.OperationDone)
		lost += p.Gone
	}
	if lost > 0 {
		t.Errorf("%d of 200 were delivered and counted as gone", lost)
	}
}

// R7: what 10,000 ids cost.
func TestR7_IDs(t *testing.T) {
	o := newOffice(t, unordered)
	o.target(broken)
	body := make([]byte, 10_000)
	const n = 10_000
	for i := range n {
		m := message.NewMessage(fmt.Sprintf("m%d", i), body)
		m.Metadata["key"], m.Metadata["revision"] = fmt.Sprint("k", i), "1"
		o.token++
		if err := o.take(t.Context(), ordering.Deliveries{Messages: []*message.Message{m}, Tokens: []uint64{o.token}, Acker: ignored{}}); err != nil {
			t.Fatal(err)
		}
	}
	o.await("dead", func() bool { return o.ledger().Dead == n })
	time.Sleep(2 * time.Millisecond)
	o.target(nil)
	var ids []string
	for b := range o.store.Briefs(t.Context(), store.Query{Route: route}) {
		ids = append(ids, b.ID)
	}
	var a, b runtime.MemStats
	runtime.ReadMemStats(&a)
	from := time.Now()
	o.begin(bulk.Request{})
	tAll := time.Since(from)
	runtime.ReadMemStats(&b)
	t.Logf("all: start %v, %d MB", tAll, (b.TotalAlloc-a.TotalAlloc)>>20)
	time.Sleep(3 * time.Second)
	_ = ids
}

func TestR7b_IDs(t *testing.T) {
	o := newOffice(t, unordered)
	o.target(broken)
	body := make([]byte, 10_000)
	const n = 10_000
	for i := range n {
		m := message.NewMessage(fmt.Sprintf("m%d", i), body)
		m.Metadata["key"], m.Metadata["revision"] = fmt.Sprint("k", i), "1"
		o.token++
		if err := o.take(t.Context(), ordering.Deliveries{Messages: []*message.Message{m}, Tokens: []uint64{o.token}, Acker: ignored{}}); err != nil {
			t.Fatal(err)
		}
	}
	o.await("dead", func() bool { return o.ledger().Dead == n })
	time.Sleep(2 * time.Millisecond)
	o.target(nil)
	var ids []string
	for b := range o.store.Briefs(t.Context(), store.Query{Route: route}) {
		ids = append(ids, b.ID)
	}
	var a, b runtime.MemStats
	runtime.ReadMemStats(&a)
	from := time.Now()
	op := o.begin(bulk.Request{Selection: store.Selection{IDs: ids}})
	tAll := time.Since(from)
	for {
		p, _ := o.Get(t.Context(), op.ID)
		if p.State == store.OperationDone || time.Since(from) > 60*time.Second {
			t.Logf("%s %v", p.State, counts(p))
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	runtime.ReadMemStats(&b)
	t.Logf("ids: start %v, in all %v, %d MB allocated for 100 MB of messages", tAll, time.Since(from), (b.TotalAlloc-a.TotalAlloc)>>20)
}
