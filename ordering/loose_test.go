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

// near is a configuration that refuses what is more than five revisions ahead, and
// whose gaps last.
func near(s store.Store, w *world) ordering.Config {
	cfg := config(s, w)
	cfg.MaxJump, cfg.GapTimeout = 5, time.Minute
	return cfg
}

// redrives fails unless the redrive of a dead letter is accepted.
func (r *running) redrives(t *testing.T, id string, op ordering.Operation) {
	t.Helper()
	if _, err := r.Redrive(t.Context(), id, op); err != nil {
		t.Fatal(err)
	}
}

// refuses fails unless the redrive of a dead letter is refused for this.
func (r *running) refuses(t *testing.T, id string, op ordering.Operation, want error) {
	t.Helper()
	if _, err := r.Redrive(t.Context(), id, op); !errors.Is(err, want) {
		t.Errorf("redriving %s: %v, want %v", id, err, want)
	}
}

// allDead are the dead letters of the route.
func allDead(t *testing.T, s store.Store) (all []store.DeadLetter) {
	t.Helper()
	for d, err := range s.DeadLetters(t.Context(), store.Query{Route: "r"}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	return all
}

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
	for _, d := range allDead(t, s) {
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
	r := w.run(near(s, w))
	w.send(msg("a", 1), msg("a", 2))
	w.delivered("a", 1, 2)
	w.send(msg("a", 8))
	r.rest(t, w)
	d := letter(t, s, "a", 8)
	r.refuses(t, d.ID, because, ordering.ErrRefused)
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
	r.redrives(t, d.ID, because)
	await(t, "the quarantine", func() bool { return r.state(t, "a").Mode == lane.Quarantined })
	st := r.rest(t, w)
	now := letter(t, s, "a", 9)
	if st.Ledger.Dead != 1 || !now.Lane || now.Reason != "too_large" {
		t.Errorf("%+v, %+v", st.Ledger, now)
	}
	w.failing()
	r.redrives(t, now.ID, because)
	w.delivered("a", upTo(9)...)
	r.rest(t, w)
}

// TestRedrive_CopyWaits redrives what is waiting already, as another copy.
func TestRedrive_CopyWaits(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	r := w.run(near(s, w))
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
	r.refuses(t, letter(t, s, "b", 3).ID, because, ordering.ErrPassed)
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
	d := letter(t, s, "", 0)
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
	r.refuses(t, d.ID, because, ordering.ErrRefused)
	r.redrives(t, d.ID, outOfOrder)
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
	for _, d := range allDead(t, s) {
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
