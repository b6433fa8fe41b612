package ordering_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// because is an operation of the operator in these tests.
var because = ordering.Operation{By: "ann", Reason: "the target was repaired"}

// dry only asks.
var dry = ordering.Operation{DryRun: true}

var errPermanent = verdict{class: "permanent", attempts: 1, final: true, reason: "too_large"}

// failing lets some messages fail for good: "key/revision".
func (w *world) failing(names ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fail = func(m *message.Message) error {
		if slices.Contains(names, m.Metadata["key"]+"/"+m.Metadata["revision"]) {
			return errPermanent
		}
		return nil
	}
}

// letter is the one dead letter of a revision.
func letter(t *testing.T, s store.Store, key string, rev lane.Revision) store.DeadLetter {
	t.Helper()
	var found []store.DeadLetter
	for d, err := range s.DeadLetters(t.Context(), store.Query{Route: "r", Key: key}) {
		if err != nil {
			t.Fatal(err)
		}
		if d.Rev == rev {
			found = append(found, d)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d dead letters of %s/%d", len(found), key, rev)
	}
	return found[0]
}

// audits are a route's audit rows: "action key target by reason".
func audits(t *testing.T, s store.Store) []string {
	t.Helper()
	var all []string
	for a, err := range s.Audits(t.Context(), store.AuditQuery{Route: "r"}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%s %s %s %s", a.Action, a.Key, a.Target, a.By))
	}
	return all
}

// quarantined sends revisions of a key of which the first that fails blocks it.
func quarantined(t *testing.T, w *world, r *running, s store.Store, key string, bad lane.Revision, revs int) store.DeadLetter {
	t.Helper()
	w.failing(fmt.Sprintf("%s/%d", key, bad))
	for rev := 1; rev <= revs; rev++ {
		w.send(msg(key, int64(rev)))
	}
	r.rest(t, w)
	if st := r.state(t, key); st.Mode != lane.Quarantined || st.Parked != revs-int(bad) {
		t.Fatalf("%s with %d parked", st.Mode, st.Parked)
	}
	return letter(t, s, key, bad)
}

// delivered waits until a key has got these revisions, in this order.
func (w *world) delivered(key string, want ...int64) {
	w.t.Helper()
	await(w.t, fmt.Sprintf("%s to get %v", key, want), func() bool { return slices.Equal(w.revisions(key), want) })
}

func upTo(n int64) (revs []int64) {
	for r := int64(1); r <= n; r++ {
		revs = append(revs, r)
	}
	return revs
}

// TestRedrive_AtItsPlace redrives what blocks a key: it goes first, and what is
// parked behind follows in order.
func TestRedrive_AtItsPlace(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	r := w.run(config(s, w))
	d := quarantined(t, w, r, s, "a", 4, 21)
	w.failing()

	before := r.accounted(t)
	out, err := r.Redrive(t.Context(), d.ID, dry)
	want := `redrives revision 4 of key "a"; 17 messages parked behind it follow in order`
	if err != nil || out.Done || !out.InOrder || out.Parked != 17 || out.Revision != 4 || out.Says != want {
		t.Errorf("dry run: %+v, %v", out, err)
	}
	if after := r.accounted(t); after.Ledger != before.Ledger || len(audits(t, s)) != 0 || r.state(t, "a").Mode != lane.Quarantined {
		t.Errorf("a dry run has changed something: %+v", after.Ledger)
	}
	if _, err := r.Redrive(t.Context(), d.ID, ordering.Operation{By: "ann"}); !errors.Is(err, ordering.ErrReason) {
		t.Errorf("without a reason: %v", err)
	}

	if out, err = r.Redrive(t.Context(), d.ID, because); err != nil || !out.Done || out.Says != want {
		t.Fatalf("%+v, %v", out, err)
	}
	w.delivered("a", upTo(21)...)
	st := r.rest(t, w)
	if st.Ledger.Dead != 0 || st.Ledger.Parked != 0 || st.Ledger.Redriven != 1 || st.Modes[lane.Quarantined] != 0 {
		t.Errorf("%+v", st)
	}
	if got := audits(t, s); !slices.Equal(got, []string{"redrive a " + d.ID + " ann"}) {
		t.Errorf("audit: %v", got)
	}
	if _, err = r.Redrive(t.Context(), d.ID, because); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("once more: %v", err)
	}
}

// TestRedrive_FailsAgain redrives in vain: it is the same dead letter, with a
// longer story, and nobody tries it again by itself.
func TestRedrive_FailsAgain(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	var tries atomic.Int64
	w.fail = func(m *message.Message) error {
		if m.Metadata["revision"] != "1" {
			return nil
		}
		tries.Add(1)
		n := ordering.Attempts(m) + 1
		return verdict{class: "transient", attempts: n, pause: 30 * time.Millisecond, final: n >= 3, reason: "max_attempts"}
	}
	r := w.run(config(s, w))
	w.send(msg("a", 1), msg("a", 2))
	await(t, "the dead letter", func() bool { return letters(t, s)["a/1"] == "max_attempts" })
	r.rest(t, w)
	first := letter(t, s, "a", 1)
	time.Sleep(2 * time.Millisecond)

	for n := int64(2); n <= 3; n++ {
		if out, err := r.Redrive(t.Context(), first.ID, because); err != nil || !out.Done {
			t.Fatalf("%+v, %v", out, err)
		}
		await(t, "three more tries", func() bool { return tries.Load() == 3*n })
		await(t, "the quarantine", func() bool { return r.state(t, "a").Mode == lane.Quarantined })
		r.rest(t, w)
	}
	again := letter(t, s, "a", 1)
	if again.ID != first.ID || again.Attempts != 3 || !again.FirstFailed.Equal(first.FirstFailed) || !again.LastFailed.After(first.LastFailed) {
		t.Errorf("the story was\n%+v and is\n%+v", first.Tries, again.Tries)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r = w.run(config(s, w))
	r.state(t, "a") // it runs
	time.Sleep(50 * time.Millisecond)
	if st := r.rest(t, w); tries.Load() != 9 || st.Ledger.Dead != 1 || st.Ledger.Parked != 1 || st.Modes[lane.Quarantined] != 1 {
		t.Errorf("%d tries, %+v", tries.Load(), st)
	}
}

// TestRedrive_OnceOnly redrives what fails for good at once: one word of an
// operator is one try, in this process and the next.
func TestRedrive_OnceOnly(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	r := w.run(config(s, w))
	d := quarantined(t, w, r, s, "a", 1, 3)
	var tries atomic.Int64
	w.mu.Lock()
	w.fail = func(*message.Message) error { tries.Add(1); return errPermanent }
	w.mu.Unlock()
	for n := int64(1); n <= 3; n++ {
		if out, err := r.Redrive(t.Context(), d.ID, because); err != nil || !out.Done {
			t.Fatalf("%+v, %v", out, err)
		}
		await(t, "a try", func() bool { return tries.Load() == n })
		w.send(msg("a", 3+n)) // more commits of this lane
		r.rest(t, w)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r = w.run(config(s, w))
	if st := r.state(t, "a"); st.Mode != lane.Quarantined || st.Parked != 5 {
		t.Errorf("%+v", st)
	}
	w.send(msg("a", 7)) // brings the key into memory
	await(t, "another to be parked", func() bool { return r.state(t, "a").Parked == 6 })
	st := r.rest(t, w)
	if tries.Load() != 3 || st.Ledger.Dead != 1 || st.Ledger.DeadLettered != 1 || st.Ledger.Redriven != 0 || st.Modes[lane.Quarantined] != 1 {
		t.Errorf("%d tries, %+v", tries.Load(), st)
	}
}

// TestRedrive_OutlivesItsProcess asks for a redrive and crashes at once: the next
// start goes on with it, unasked.
func TestRedrive_OutlivesItsProcess(t *testing.T) {
	w, under := newWorld(t, 100), memory.New()
	r := w.run(config(under, w))
	d := quarantined(t, w, r, under, "a", 1, 3)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	w.failing()
	s := crashAfter(under, 1)
	cfg := config(s, w)
	cfg.Drain = 20 * time.Millisecond
	r = w.run(cfg)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-s.dead; cancel() }()
	if out, err := r.Redrive(ctx, d.ID, because); err == nil {
		t.Errorf("it was told to be done: %+v", out)
	}
	_ = r.stop()
	if got := w.revisions("a"); len(got) != 0 {
		t.Fatalf("published before that was durable: %v", got)
	}
	r = w.run(config(under, w))
	w.delivered("a", 1, 2, 3)
	r.rest(t, w)
	if got := audits(t, under); len(got) != 1 {
		t.Errorf("audit: %v", got)
	}
}

// TestRedrive_Stopped stops orderly while the redriven message waits for a
// target that is away.
func TestRedrive_Stopped(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	r := w.run(config(s, w))
	d := quarantined(t, w, r, s, "a", 1, 3)
	var tried atomic.Bool
	w.mu.Lock()
	w.fail = func(*message.Message) error {
		tried.Store(true)
		return verdict{class: "unavailable", pause: 5 * time.Millisecond}
	}
	w.mu.Unlock()
	if _, err := r.Redrive(t.Context(), d.ID, because); err != nil {
		t.Fatal(err)
	}
	await(t, "a try", tried.Load)
	if out, err := r.Redrive(t.Context(), d.ID, because); err != nil || out.Done || !strings.Contains(out.Says, "already") {
		t.Errorf("once more: %+v, %v", out, err)
	}
	if _, err := r.Discard(t.Context(), d.ID, because); !errors.Is(err, ordering.ErrBusy) {
		t.Errorf("discarded while it is redriven: %v", err)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Redrive(t.Context(), d.ID, because); !errors.Is(err, ordering.ErrStopped) {
		t.Errorf("after the end: %v", err)
	}
	w.failing()
	r = w.run(config(s, w))
	w.delivered("a", 1, 2, 3)
	if st := r.rest(t, w); st.Ledger.Redriven != 1 || st.Ledger.Dead != 0 {
		t.Errorf("%+v", st.Ledger)
	}
}

// TestDiscard gives up what blocks a key, and what does not.
func TestDiscard(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	r := w.run(config(s, w))
	d := quarantined(t, w, r, s, "a", 2, 4)
	w.send(sent{key: "a", rev: 1, body: "other"})
	r.rest(t, w)
	loose := letter(t, s, "a", 1)

	out, err := r.Discard(t.Context(), d.ID, dry)
	if err != nil || out.Done || out.To != 3 || out.Parked != 2 || !out.InOrder {
		t.Errorf("dry run: %+v, %v", out, err)
	}
	if _, err := r.Discard(t.Context(), loose.ID, because); err != nil {
		t.Fatal(err)
	}
	if got := r.state(t, "a"); got.Mode != lane.Quarantined {
		t.Errorf("discarding what blocks nothing has moved the key: %s", got.Mode)
	}
	if out, err = r.Discard(t.Context(), d.ID, because); err != nil || !out.Done {
		t.Fatalf("%+v, %v", out, err)
	}
	w.delivered("a", 1, 3, 4)
	w.send(msg("a", 2)) // a copy of what was discarded
	st := r.rest(t, w)
	if st.Ledger.Discarded != 2 || st.Ledger.Dead != 0 || st.Ledger.Parked != 0 || st.Ledger.Duplicates != 1 {
		t.Errorf("%+v", st.Ledger)
	}
	if got := audits(t, s); !slices.Equal(got, []string{"discard a " + loose.ID + " ann", "discard a " + d.ID + " ann"}) {
		t.Errorf("audit: %v", got)
	}
	if _, err := r.Discard(t.Context(), d.ID, because); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("once more: %v", err)
	}
}

// TestOperations_Stopped asks a route that has halted, and one that never ran.
func TestOperations_Stopped(t *testing.T) {
	w, s := newWorld(t, 50), memory.New()
	w.failing("a/1")
	cfg := config(s, w)
	cfg.OnFailure = lane.Stop
	r := w.run(cfg)
	w.send(msg("a", 1))
	<-r.over
	if _, err := r.Skip(t.Context(), "a", 0, 2, because); !errors.Is(err, ordering.ErrStopped) {
		t.Errorf("after a halt: %v", err)
	}
	cfg.NotRunningAfter = 10 * time.Millisecond
	idle, err := ordering.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := idle.Skip(t.Context(), "a", 0, 2, because); !errors.Is(err, ordering.ErrNotRunning) {
		t.Errorf("before Run: %v", err)
	}
}
