package ordering_test

import (
	"errors"
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

// outOfOrder is an operation that accepts to be late.
var outOfOrder = ordering.Operation{By: "ann", Reason: "the consumer copes", OutOfOrder: true}

// TestRule8_RedriveUnidentified redrives messages that had no usable key or
// revision, before and after the configuration was repaired.
func TestRule8_RedriveUnidentified(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	r := w.run(config(s, w))
	named := func(rev int64, body string) sent {
		m := msg("", rev)
		m.body, m.meta = body, map[string]string{"id": "a"}
		return m
	}
	w.send(named(1, "one"), named(3, "three"), msg("a", 2))
	r.rest(t, w)
	var first, third store.DeadLetter
	for d, err := range s.DeadLetters(t.Context(), store.Query{Route: "r"}) {
		if err != nil {
			t.Fatal(err)
		}
		if string(d.Payload) == "one" {
			first = d
		} else {
			third = d
		}
	}
	for _, op := range []ordering.Operation{dry, because} {
		if _, err := r.Redrive(t.Context(), first.ID, op); !errors.Is(err, ordering.ErrRefused) || !strings.Contains(err.Error(), "key_missing") {
			t.Errorf("without a key: %v", err)
		}
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}

	cfg := config(s, w)
	by := ordering.By{Key: []ordering.Field{func(m *message.Message) (string, bool, error) {
		if id := m.Metadata["id"]; id != "" {
			m.Metadata["key"] = id // the bridge writes headers, too
		}
		return m.Metadata["key"], true, nil
	}}, Revision: ordering.Header("revision")}
	cfg.Identify = by.Identify
	r = w.run(cfg)
	out, err := r.Redrive(t.Context(), first.ID, dry)
	if err != nil || !out.InOrder || out.Done || out.Key != "a" || out.Revision != 1 {
		t.Errorf("dry run: %+v, %v", out, err)
	}
	if out, err = r.Redrive(t.Context(), third.ID, because); err != nil || !out.Done || !out.InOrder {
		t.Fatalf("%+v, %v", out, err)
	}
	st := r.rest(t, w)
	if len(w.revisions("a")) != 0 {
		t.Error("three left before one and two")
	}
	if out, err = r.Redrive(t.Context(), first.ID, because); err != nil || !out.Done {
		t.Fatalf("%+v, %v", out, err)
	}
	w.delivered("a", 1, 2, 3)
	if st = r.rest(t, w); st.Ledger.Dead != 0 || st.Ledger.Redriven != 2 || st.Ledger.Delivered != 3 {
		t.Errorf("%+v", st.Ledger)
	}
}

// TestRule8_RedriveImplausible redrives a revision that was too far ahead, when
// it still is and when it no longer is.
func TestRule8_RedriveImplausible(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	cfg := config(s, w)
	cfg.MaxJump, cfg.GapTimeout = 5, time.Minute
	r := w.run(cfg)
	w.send(msg("a", 1), msg("a", 2))
	w.delivered("a", 1, 2)
	w.send(msg("a", 8))
	r.rest(t, w)
	d := letter(t, s, "a", 8)
	if _, err := r.Redrive(t.Context(), d.ID, because); !errors.Is(err, ordering.ErrRefused) {
		t.Errorf("too far ahead: %v", err)
	}
	w.send(msg("a", 3))
	w.delivered("a", 1, 2, 3)
	// Its place is still ahead, so it goes in order though it might go otherwise.
	if out, err := r.Redrive(t.Context(), d.ID, outOfOrder); err != nil || !out.Done || !out.InOrder {
		t.Fatalf("%+v, %v", out, err)
	}
	await(t, "it to be parked", func() bool { return r.state(t, "a").Parked == 1 })
	w.send(msg("a", 4), msg("a", 5), msg("a", 6), msg("a", 8), msg("a", 7))
	w.delivered("a", upTo(8)...)
	if st := r.rest(t, w); st.Ledger.Dead != 0 || st.Ledger.Duplicates != 1 {
		t.Errorf("%+v", st.Ledger)
	}
}

// TestRedrive_Passed asks for what successors have passed: it goes only out of
// order, and is recorded so.
func TestRedrive_Passed(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	w.fail = func(m *message.Message) error {
		if m.Metadata["revision"] != "2" {
			return nil
		}
		n := ordering.Attempts(m) + 1
		return verdict{class: "transient", attempts: n, final: n == 3, reason: "max_attempts"}
	}
	cfg := config(s, w)
	cfg.OnFailure = lane.Continue
	r := w.run(cfg)
	w.send(msg("a", 1), msg("a", 2), msg("a", 3), msg("a", 4))
	w.delivered("a", 1, 3, 4)
	w.send(sent{key: "a", rev: 3, body: "other"})
	r.rest(t, w)
	w.mu.Lock()
	w.fail = func(m *message.Message) error {
		if n := ordering.Attempts(m); n != 0 {
			t.Errorf("redriven with %d attempts behind it", n)
		}
		return nil
	}
	w.mu.Unlock()
	passed, conflict := letter(t, s, "a", 2), letter(t, s, "a", 3)
	for _, d := range []store.DeadLetter{passed, conflict} {
		if _, err := r.Redrive(t.Context(), d.ID, because); !errors.Is(err, ordering.ErrPassed) {
			t.Errorf("%s: %v", d.Reason, err)
		}
		o := outOfOrder
		o.DryRun = true
		if out, err := r.Redrive(t.Context(), d.ID, o); err != nil || out.Done || out.InOrder || !strings.Contains(out.Says, "out of order") {
			t.Errorf("dry run of %s: %+v, %v", d.Reason, out, err)
		}
		if out, err := r.Redrive(t.Context(), d.ID, outOfOrder); err != nil || !out.Done || out.InOrder {
			t.Fatalf("%+v, %v", out, err)
		}
	}
	w.delivered("a", 1, 3, 4, 2, 3)
	st := r.rest(t, w)
	if st.Ledger.Dead != 0 || st.Ledger.Redriven != 2 || st.Ledger.Delivered != 5 || r.state(t, "a").Next != 5 {
		t.Errorf("%+v", st.Ledger)
	}
	if got := audits(t, s); !slices.Equal(got, []string{"redrive_out_of_order a " + passed.ID + " ann", "redrive_out_of_order a " + conflict.ID + " ann"}) {
		t.Errorf("audit: %v", got)
	}
}

// TestRedrive_Late redrives an arrival inside a range that was skipped.
func TestRedrive_Late(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	cfg := config(s, w)
	cfg.OnGap, cfg.GapTimeout = lane.Skip, 50*time.Millisecond
	r := w.run(cfg)
	w.send(msg("a", 1), msg("a", 3))
	w.delivered("a", 1, 3)
	w.send(msg("a", 2))
	r.rest(t, w)
	d := letter(t, s, "a", 2)
	if _, err := r.Redrive(t.Context(), d.ID, because); !errors.Is(err, ordering.ErrPassed) {
		t.Errorf("%v", err)
	}
	if _, err := r.Redrive(t.Context(), d.ID, outOfOrder); err != nil {
		t.Fatal(err)
	}
	w.delivered("a", 1, 3, 2)
	r.rest(t, w)
}

// TestRedrive_BesideTheOrder follows one through a target that is away, refuses
// for a while, and refuses for good: it stays one dead letter all the time.
func TestRedrive_BesideTheOrder(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	r := w.run(config(s, w))
	w.send(msg("a", 1), sent{key: "a", rev: 1, body: "other"})
	r.rest(t, w)
	d := letter(t, s, "a", 1)
	answers := []error{
		verdict{class: "unavailable", pause: 20 * time.Millisecond},
		verdict{class: "interrupted"},
		verdict{class: "transient", attempts: 1, pause: 20 * time.Millisecond},
		verdict{class: "transient", attempts: 2, final: true, reason: "max_attempts"},
		verdict{class: "transient", attempts: 1, pause: 5 * time.Millisecond},
	}
	var asked atomic.Int64
	w.mu.Lock()
	w.fail = func(*message.Message) error {
		if n := int(asked.Add(1)); n <= len(answers) {
			return answers[n-1]
		}
		return nil
	}
	w.mu.Unlock()
	if _, err := r.Redrive(t.Context(), d.ID, outOfOrder); err != nil {
		t.Fatal(err)
	}
	if out, err := r.Redrive(t.Context(), d.ID, outOfOrder); err != nil || out.Done {
		t.Errorf("once more: %+v, %v", out, err)
	}
	if _, err := r.Discard(t.Context(), d.ID, because); !errors.Is(err, ordering.ErrBusy) {
		t.Errorf("discarded while it is redriven: %v", err)
	}
	await(t, "the end of it", func() bool { return letter(t, s, "a", 1).Attempts == 2 })
	st := r.rest(t, w)
	again := letter(t, s, "a", 1)
	if st.Ledger.Dead != 1 || again.Reason != d.Reason || !again.FirstFailed.Equal(d.FirstFailed) || again.Class != "transient" || again.ID != d.ID {
		t.Errorf("%+v after %+v", again, d)
	}
	if _, err := r.Redrive(t.Context(), d.ID, outOfOrder); err != nil {
		t.Fatal(err)
	}
	await(t, "its delivery", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.got) == 2 && w.got[1].body == "other" })
	if st = r.rest(t, w); st.Ledger.Dead != 0 || st.Ledger.Redriven != 1 || asked.Load() != 6 {
		t.Errorf("%+v after %d tries", st.Ledger, asked.Load())
	}
}

// TestRedrive_BesideTheOrderAndStopped stops while one waits for its next try,
// and while another is under way.
func TestRedrive_BesideTheOrderAndStopped(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	r := w.run(config(s, w))
	for _, body := range []string{"b", "c", "d"} {
		w.send(msg("a", 1), sent{key: "a", rev: 1, body: body})
	}
	r.rest(t, w)
	var asked atomic.Int64
	w.mu.Lock()
	w.fail = func(m *message.Message) error {
		asked.Add(1)
		switch string(m.Payload) {
		case "b":
			return verdict{class: "transient", attempts: 1, pause: time.Minute}
		case "c":
			return verdict{class: "unavailable", pause: time.Minute}
		}
		w.mu.Unlock()
		<-m.Context().Done()
		w.mu.Lock()
		return verdict{class: "interrupted"}
	}
	w.mu.Unlock()
	for d, err := range s.DeadLetters(t.Context(), store.Query{Route: "r"}) {
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Redrive(t.Context(), d.ID, outOfOrder); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "some tries", func() bool { return asked.Load() >= 1 })
	time.Sleep(20 * time.Millisecond)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r = w.run(config(s, w))
	r.state(t, "a") // it runs
	if st := r.rest(t, w); st.Ledger.Dead != 3 || st.Ledger.Redriven != 0 {
		t.Errorf("%+v", st.Ledger)
	}
}

// TestRedrive_LooseFailsInItsLane redrives what was refused into its lane, where
// it fails for good: it is one dead letter, at which the lane stands now.
func TestRedrive_LooseFailsInItsLane(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	cfg := config(s, w)
	cfg.MaxJump = 5
	r := w.run(cfg)
	w.send(msg("a", 1))
	w.delivered("a", 1)
	w.send(msg("a", 9))
	r.rest(t, w)
	d := letter(t, s, "a", 9)
	for rev := int64(2); rev <= 8; rev++ {
		w.send(msg("a", rev))
		w.delivered("a", upTo(rev)...)
	}
	w.failing("a/9")
	if _, err := r.Redrive(t.Context(), d.ID, because); err != nil {
		t.Fatal(err)
	}
	await(t, "the quarantine", func() bool { return r.state(t, "a").Mode == lane.Quarantined })
	st := r.rest(t, w)
	now := letter(t, s, "a", 9)
	if st.Ledger.Dead != 1 || !now.Lane || now.Reason != "too_large" {
		t.Errorf("%+v, %+v", st.Ledger, now)
	}
	w.failing()
	if _, err := r.Redrive(t.Context(), now.ID, because); err != nil {
		t.Fatal(err)
	}
	w.delivered("a", upTo(9)...)
	r.rest(t, w)
}

// TestRedrive_CopyWaits redrives what is waiting already, as another copy.
func TestRedrive_CopyWaits(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	cfg := config(s, w)
	cfg.MaxJump, cfg.GapTimeout = 5, time.Minute
	r := w.run(cfg)
	w.send(msg("a", 1))
	w.delivered("a", 1)
	w.send(msg("a", 8), msg("a", 2))
	w.delivered("a", 1, 2)
	w.send(msg("a", 3))
	w.delivered("a", 1, 2, 3)
	w.send(msg("a", 8), msg("b", 1), sent{key: "b", rev: 3, body: "x"}, sent{key: "b", rev: 3, body: "y"})
	await(t, "both to be parked", func() bool { return r.state(t, "a").Parked == 1 && r.state(t, "b").Parked == 1 })
	r.rest(t, w)
	out, err := r.Redrive(t.Context(), letter(t, s, "a", 8).ID, because)
	if err != nil || out.Done || !strings.Contains(out.Says, "waits") {
		t.Errorf("a copy: %+v, %v", out, err)
	}
	if _, err = r.Redrive(t.Context(), letter(t, s, "b", 3).ID, because); !errors.Is(err, ordering.ErrPassed) {
		t.Errorf("other content: %v", err)
	}
	if st := r.rest(t, w); st.Ledger.Dead != 2 {
		t.Errorf("%+v", st.Ledger)
	}
}

// TestRedrive_SetAsideAndExpelled redrives a message without a key into a lane
// that is new: its revision is set aside, and refused when the lane proceeds. It
// is the dead letter it was, and redriven once more after that.
func TestRedrive_SetAsideAndExpelled(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	cfg := config(s, w)
	cfg.GapTimeout, cfg.Hold, cfg.MaxJump = time.Minute, time.Minute, 10
	var mended atomic.Bool
	cfg.Identify = func(m *message.Message) (ordering.ID, error) {
		if m.Metadata["id"] != "" && !mended.Load() {
			return ordering.ID{}, &ordering.IdentifyError{Reason: ordering.ReasonKeyMissing, Err: errors.New("no key")}
		}
		return ordering.By{Key: []ordering.Field{ordering.Header("key")}, Revision: ordering.Header("revision")}.Identify(m)
	}
	r := w.run(cfg)
	m := msg("a", 500)
	m.meta = map[string]string{"id": "x"}
	w.send(m)
	r.rest(t, w)
	var d store.DeadLetter
	for letter, err := range s.DeadLetters(t.Context(), store.Query{Route: "r"}) {
		if err != nil {
			t.Fatal(err)
		}
		d = letter
	}
	mended.Store(true)
	if out, err := r.Redrive(t.Context(), d.ID, because); err != nil || !out.Done || !out.InOrder {
		t.Fatalf("%+v, %v", out, err)
	}
	r.accounted(t)
	w.send(msg("a", 1))
	w.delivered("a", 1)
	st := r.rest(t, w)
	if now, err := s.DeadLetter(t.Context(), "r", d.ID); err != nil || now.Reason != d.Reason || st.Ledger.Dead != 1 || st.Ledger.Redriven != 0 {
		t.Errorf("%+v, %v, %+v", now, err, st.Ledger)
	}
	if _, err := r.Redrive(t.Context(), d.ID, because); !errors.Is(err, ordering.ErrRefused) {
		t.Errorf("once more: %v", err)
	}
	if _, err := r.Redrive(t.Context(), d.ID, outOfOrder); err != nil {
		t.Fatal(err)
	}
	w.delivered("a", 1, 500)
	r.rest(t, w)
}

// TestI1_MessageIDsThatAreNotUnique: producers put an order's number there. Two
// messages that share it are two dead letters; the same one twice is one.
func TestI1_MessageIDsThatAreNotUnique(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	r := w.run(config(s, w))
	acks := make(chan []uint64, 3)
	for i, total := range []string{"1", "2", "1"} {
		m := message.NewMessage("order-4711", []byte(total))
		m.Metadata["key"] = "a" // and no revision
		d := ordering.Deliveries{Messages: []*message.Message{m}, Tokens: []uint64{uint64(i)}, Acker: acked(acks)}
		if err := r.take(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	for n := 0; n < 3; {
		n += len(<-acks)
	}
	var bodies []string
	for d, err := range s.DeadLetters(t.Context(), store.Query{Route: "r"}) {
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, string(d.Payload))
	}
	slices.Sort(bodies)
	if !slices.Equal(bodies, []string{"1", "2"}) {
		t.Errorf("the dead letters are %q", bodies)
	}
}

// acked passes on what is acknowledged.
type acked chan []uint64

func (a acked) Ack(tokens []uint64) { a <- slices.Clone(tokens) }
