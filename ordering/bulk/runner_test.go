package bulk_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/bulk"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

func unordered(c *ordering.Config) { c.Order, c.Identify, c.Remember = ordering.Unordered, nil, -1 }

func goOn(c *ordering.Config) { c.OnFailure = lane.Continue }

func TestRedriveOfAll(t *testing.T) {
	o := newOffice(t, unordered)
	o.dead(1000, 10)
	o.target(nil)
	op := o.begin(bulk.Request{})
	if op.Total != 1000 {
		t.Errorf("%d selected", op.Total)
	}
	p := o.until(op.ID, store.OperationDone)
	if got := counts(p); got != [5]int64{1000, 0, 0, 0, 0} {
		t.Errorf("done, failed, refused, gone, left: %v", got)
	}
	if l := o.ledger(); l.Dead != 0 || l.Redriven != 1000 || len(o.got) != 1000 || o.twice() != nil {
		t.Errorf("%+v, the target has %d", l, len(o.got))
	}
	o.accounted()
}

// Each key goes on at its place, and what is parked behind follows.
func TestRedriveInOrder(t *testing.T) {
	o := newOffice(t, nil)
	o.target(broken)
	const keys, revs = 50, 6
	for rev := 1; rev <= revs; rev++ {
		for k := range keys {
			o.send(fmt.Sprintf("k%d", k), rev)
		}
	}
	o.await("all quarantined", func() bool { l := o.ledger(); return l.Dead == keys && l.Parked == keys*(revs-1) })
	o.target(nil)
	plan, err := o.Plan(t.Context(), bulk.Request{Action: ordering.ActRedrive, Rate: 10})
	if err != nil || plan.Messages != keys || plan.Keys != keys || plan.Blocked != keys || plan.Parked != keys*(revs-1) || plan.Takes != 5*time.Second {
		t.Errorf("%+v, %v", plan, err)
	}
	p := o.until(o.begin(bulk.Request{}).ID, store.OperationDone)
	if got := counts(p); got != [5]int64{keys, 0, 0, 0, 0} {
		t.Error(got)
	}
	o.await("all drained", func() bool { return o.ledger().Delivered == keys*revs })
	next := map[string]int{}
	for _, g := range o.got {
		key, rev, _ := strings.Cut(g, "/")
		if next[key]++; rev != fmt.Sprint(next[key]) {
			t.Fatalf("I2: %s came when %d was next", g, next[key])
		}
	}
	o.accounted()
}

// What fails again is given up anew: no operation sends it twice.
func TestEachAtMostOnce(t *testing.T) {
	o := newOffice(t, unordered)
	o.dead(300, 10)
	var calls atomic.Int64
	o.target(func(_ string, rev int) error {
		calls.Add(1)
		if rev%3 == 0 {
			return givenUp("still unknown")
		}
		return nil
	})
	p := o.until(o.begin(bulk.Request{}).ID, store.OperationDone)
	if got := counts(p); got != [5]int64{200, 100, 0, 0, 0} || calls.Load() != 300 {
		t.Errorf("%v, %d calls", got, calls.Load())
	}
	if l := o.ledger(); l.Dead != 100 {
		t.Errorf("%d are dead", l.Dead)
	}
	if p.New != 0 {
		t.Errorf("%d new: what it sent itself is not", p.New)
	}
	o.accounted()
}

func TestStopsWhenTooMuchFails(t *testing.T) {
	o := newOffice(t, unordered)
	o.dead(5000, 10)
	op := o.begin(bulk.Request{StopAt: 0.1})
	p := o.until(op.ID, store.OperationStopped)
	o.await("nothing under way", func() bool { p, _ = o.Get(t.Context(), op.ID); return p.UnderWay == 0 })
	if p.Failed == 0 || p.Operation.Left() == 0 || !strings.Contains(p.Why, "failed again") {
		t.Errorf("%+v", p)
	}
	o.target(nil)
	if _, err := o.Resume(t.Context(), op.ID, "bob", why); err != nil {
		t.Fatal(err)
	}
	failed := p.Failed
	p = o.until(op.ID, store.OperationDone)
	if got := counts(p); got != [5]int64{5000 - failed, failed, 0, 0, 0} {
		t.Errorf("%v, %d had failed", got, failed)
	}
}

func TestCanary(t *testing.T) {
	o := newOffice(t, unordered)
	o.dead(1000, 10)
	op := o.begin(bulk.Request{Canary: 5})
	p := o.until(op.ID, store.OperationStopped)
	o.await("nothing under way", func() bool { p, _ = o.Get(t.Context(), op.ID); return p.UnderWay == 0 })
	if p.Failed == 0 || p.Failed > 5 || p.Done != 0 {
		t.Errorf("%v of a canary of 5", counts(p))
	}
	o.target(nil)
	if _, err := o.Resume(t.Context(), op.ID, "bob", why); err != nil {
		t.Fatal(err)
	}
	if p = o.until(op.ID, store.OperationDone); p.Done+p.Failed != 1000 {
		t.Error(counts(p))
	}
}

func TestRate(t *testing.T) {
	o := newOffice(t, unordered)
	o.dead(60, 10)
	o.target(nil)
	began := time.Now()
	o.until(o.begin(bulk.Request{Rate: 40}).ID, store.OperationDone)
	if took := time.Since(began); took < 400*time.Millisecond { // the first 40 go at once
		t.Errorf("60 at 40 a second took %v", took)
	}
}

func TestPauseResumeCancel(t *testing.T) {
	o := newOffice(t, unordered)
	o.dead(400, 10)
	o.target(nil)
	op := o.begin(bulk.Request{Rate: 100})
	o.await("some are sent", func() bool { p, _ := o.Get(t.Context(), op.ID); return p.Done > 0 })
	if _, err := o.Pause(t.Context(), op.ID, "bob", "lunch"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	p, _ := o.Get(t.Context(), op.ID)
	if time.Sleep(300 * time.Millisecond); p.State != store.OperationPaused || o.ledger().Dead != 400-p.Done || p.Why != "lunch" {
		t.Errorf("it moves while it is paused: %+v, %d dead", p, o.ledger().Dead)
	}
	if _, err := o.Resume(t.Context(), op.ID, "bob", "back"); err != nil {
		t.Fatal(err)
	}
	o.await("it moves", func() bool { q, _ := o.Get(t.Context(), op.ID); return q.Done > p.Done })
	if _, err := o.Cancel(t.Context(), op.ID, "bob", "wrong group"); err != nil {
		t.Fatal(err)
	}
	p = o.until(op.ID, store.OperationCancelled)
	o.await("it has ended", func() bool { p, _ = o.Get(t.Context(), op.ID); return !p.Ended.IsZero() })
	if p.Operation.Left() == 0 || o.ledger().Dead != p.Operation.Left() {
		t.Errorf("%v, %d dead", counts(p), o.ledger().Dead)
	}
	if _, err := o.Resume(t.Context(), op.ID, "bob", "again"); !errors.Is(err, bulk.ErrOver) {
		t.Errorf("a cancelled one goes on: %v", err)
	}
	var did []string
	for a, err := range o.store.Audits(t.Context(), store.AuditQuery{Route: route}) {
		if err != nil {
			t.Fatal(err)
		}
		did = append(did, fmt.Sprintf("%s by %s: %d", a.Action, a.By, a.Count))
	}
	want := []string{
		"redrive by ann: 400", "operation_pause by bob: 0", "operation_resume by bob: 0",
		"operation_cancel by bob: 0", fmt.Sprintf("redrive_cancelled by ann: %d", p.Done),
	}
	if !slices.Equal(did, want) {
		t.Errorf("the audit says %q, want %q", did, want)
	}
}

// It goes on behind what has ended when the bridge is started again.
func TestSurvivesARestart(t *testing.T) {
	o := newOffice(t, unordered)
	o.interrupted(o.restart)
}

// The route is started again, and the operation goes on with it.
func TestSurvivesARestartOfTheRoute(t *testing.T) {
	o := newOffice(t, unordered)
	p := o.interrupted(func() {
		o.close()
		o.open()
	})
	if p.Gone > 1500 {
		t.Errorf("%v: most were counted", counts(p))
	}
}

// interrupted redrives 2,000 dead letters while something happens three times, and
// each of them is sent once.
func (o *office) interrupted(by func()) bulk.Progress {
	o.t.Helper()
	o.dead(2000, 10)
	o.target(nil)
	o.mu.Lock()
	o.pause = 5 * time.Millisecond
	o.mu.Unlock()
	op := o.begin(bulk.Request{Rate: 1500})
	for range 3 {
		before, _ := o.Get(o.t.Context(), op.ID)
		o.await("some are sent", func() bool {
			p, _ := o.Get(o.t.Context(), op.ID)
			return p.Done+p.Gone > before.Done+before.Gone
		})
		by()
	}
	p := o.until(op.ID, store.OperationDone)
	if p.Done+p.Gone != 2000 || p.Failed+p.Refused != 0 || o.ledger().Dead != 0 {
		o.t.Errorf("%v, %d dead", counts(p), o.ledger().Dead)
	}
	if again := o.twice(); again != nil {
		o.t.Errorf("sent twice: %q", again)
	}
	return p
}

// While the target is away the operation waits, and nothing fails.
func TestAnOutageIsWaitedFor(t *testing.T) {
	o := newOffice(t, unordered)
	o.dead(500, 10)
	o.target(func(string, int) error { return away{"nobody there"} })
	op := o.begin(bulk.Request{})
	time.Sleep(300 * time.Millisecond)
	if p, _ := o.Get(t.Context(), op.ID); p.State != store.OperationRunning || p.Failed+p.Done != 0 {
		t.Errorf("%+v", p)
	}
	o.target(nil)
	if p := o.until(op.ID, store.OperationDone); counts(p) != [5]int64{500, 0, 0, 0, 0} {
		t.Error(counts(p))
	}
}

// F10: two operators on one group, and one who discards it.
func TestTwoOperators(t *testing.T) {
	o := newOffice(t, unordered)
	o.dead(2000, 20)
	o.target(nil)
	o.mu.Lock()
	o.pause = time.Millisecond
	o.mu.Unlock()
	ops := []store.Operation{o.begin(bulk.Request{}), o.begin(bulk.Request{}), o.begin(bulk.Request{Action: ordering.ActDiscard})}
	var done, gone int64
	for _, op := range ops {
		p := o.until(op.ID, store.OperationDone)
		done += p.Done
		gone += p.Gone
		if p.Failed+p.Refused != 0 {
			t.Errorf("%s: %v, %s", op.Action, counts(p), p.Refusal)
		}
	}
	l := o.ledger()
	if o.twice() != nil || l.Dead != 0 || l.Redriven+l.Discarded != 2000 || done != 2000 {
		t.Errorf("%d done, %d gone, %+v, twice %q", done, gone, l, o.twice())
	}
	o.accounted()
}

// What goes out of order goes one of a key at a time, in the order in which it
// was given up.
func TestOutOfOrderKeepsWhatOrderThereIs(t *testing.T) {
	o := newOffice(t, goOn)
	o.dead(300, 3)
	o.target(nil)
	if plan, err := o.Plan(t.Context(), bulk.Request{Action: ordering.ActRedrive}); err != nil || plan.Refused != 300 || plan.Refusal == "" {
		t.Errorf("%+v, %v", plan, err)
	}
	p := o.until(o.begin(bulk.Request{}).ID, store.OperationDone)
	if p.Refused != 300 || !strings.Contains(p.Refusal, "passed") {
		t.Errorf("what was passed is redriven in order: %v %q", counts(p), p.Refusal)
	}
	o.mu.Lock()
	o.pause, o.most = time.Millisecond, 0
	o.mu.Unlock()
	p = o.until(o.begin(bulk.Request{OutOfOrder: true}).ID, store.OperationDone)
	if counts(p) != [5]int64{300, 0, 0, 0, 0} || o.most != 1 {
		t.Errorf("%v, %d of a key at once", counts(p), o.most)
	}
	last := map[string]int{}
	for _, g := range o.got {
		key, text, _ := strings.Cut(g, "/")
		rev := 0
		_, _ = fmt.Sscan(text, &rev)
		if rev <= last[key] {
			t.Fatalf("%s came behind %d", g, last[key])
		}
		last[key] = rev
	}
	o.accounted()
}

func TestDiscardAndArchive(t *testing.T) {
	for _, act := range []ordering.Act{ordering.ActDiscard, ordering.ActArchive} {
		t.Run(string(act), func(t *testing.T) {
			o := newOffice(t, nil)
			o.target(func(_ string, rev int) error {
				if rev == 1 {
					return givenUp("no")
				}
				return nil
			})
			for k := range 20 {
				o.send(fmt.Sprintf("k%d", k), 1)
				o.send(fmt.Sprintf("k%d", k), 2)
			}
			o.await("quarantined", func() bool { l := o.ledger(); return l.Dead == 20 && l.Parked == 20 })
			p := o.until(o.begin(bulk.Request{Action: act}).ID, store.OperationDone)
			o.await("the keys go on", func() bool { return o.ledger().Delivered == 20 })
			l := o.ledger()
			if counts(p) != [5]int64{20, 0, 0, 0, 0} || l.Dead != 0 || l.Discarded+l.Archived != 20 || (l.Archived == 20) != (act == ordering.ActArchive) || l.Kept != l.Archived {
				t.Errorf("%v %+v", counts(p), l)
			}
			o.accounted()
		})
	}
}

func TestSelections(t *testing.T) {
	o := newOffice(t, goOn)
	o.target(func(key string, _ int) error {
		if key == "a" {
			return givenUp("cause one")
		}
		return givenUp("another cause")
	})
	for _, k := range []string{"a", "b", "c"} {
		o.send(k, 1)
		o.send(k, 2)
	}
	o.await("all dead", func() bool { return o.ledger().Dead == 6 })
	var all []store.Brief
	for b, err := range o.store.Briefs(t.Context(), store.Query{Route: route}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	group := ""
	for _, b := range all {
		if b.Key == "a" {
			group = b.Fingerprint
		}
	}
	for _, c := range [...]struct {
		name string
		s    store.Selection
		want int64
	}{
		{"all", store.Selection{}, 6},
		{"a key", store.Selection{Key: "b"}, 2},
		{"a group", store.Selection{Fingerprint: group}, 2},
		{"a group without any", store.Selection{Fingerprint: "0123456789abcdef"}, 0},
		{"a reason", store.Selection{Reason: "permanent"}, 6},
		{"another reason", store.Selection{Reason: "late"}, 0},
		{"ids", store.Selection{IDs: []string{all[0].ID, all[3].ID, all[0].ID, "unknown"}}, 2},
		{"an id of another key", store.Selection{IDs: []string{all[0].ID}, Key: "zzz"}, 0},
		{"since", store.Selection{Since: all[2].At}, 4},
		{"until", store.Selection{Until: all[2].At}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			if all[1].At.Equal(all[2].At) && (c.name == "since" || c.name == "until") {
				t.Log("given up in one instant") // then the bound takes both or none
				return
			}
			p, err := o.Plan(t.Context(), bulk.Request{Action: ordering.ActRedrive, Selection: c.s})
			if err != nil || p.Messages != c.want {
				t.Errorf("%d, %v, want %d", p.Messages, err, c.want)
			}
		})
	}
}

func TestNewFailuresAreCounted(t *testing.T) {
	o := newOffice(t, unordered)
	o.dead(200, 10)
	o.target(func(key string, _ int) error {
		if key == "new" {
			return givenUp("the schema is unknown")
		}
		return nil
	})
	op := o.begin(bulk.Request{Rate: 100})
	for i := range 7 {
		o.send("new", i)
	}
	o.await("they are seen", func() bool { p, _ := o.Get(t.Context(), op.ID); return p.New == 7 })
	o.until(op.ID, store.OperationDone)
	if l := o.ledger(); l.Dead != 7 {
		t.Errorf("%d dead, want those that came since", l.Dead)
	}
}

func TestRequestsThatMakeNoSense(t *testing.T) {
	o := newOffice(t, unordered)
	for _, q := range []bulk.Request{
		{Action: "explode", Reason: why},
		{Action: ordering.ActRedrive},
		{Action: ordering.ActRedrive, Reason: why, Rate: -1},
		{Action: ordering.ActDiscard, Reason: why, Canary: 3},
		{Action: ordering.ActRedrive, Reason: why, Selection: store.Selection{IDs: make([]string, 10_001)}},
	} {
		if _, err := o.Start(t.Context(), q); err == nil {
			t.Errorf("%+v is taken", q)
		}
	}
	if _, err := o.Get(t.Context(), "nothing"); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
}
