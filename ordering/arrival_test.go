package ordering_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// arrival is the configuration of a route whose messages have ids, but no
// revisions that it looks at.
func arrival(s store.Store, w *world) ordering.Config {
	cfg := config(s, w)
	cfg.Order = ordering.ByArrival
	cfg.Identify = ordering.By{Key: []ordering.Field{ordering.Header("key")}}.Identify
	return cfg
}

// named is a stream of messages with ids.
func named(keys, revs int) []sent {
	ms := stream(keys, revs)
	for i := range ms {
		ms[i].id = ms[i].body
	}
	return ms
}

// TestArrival_InOrder: without revisions messages leave as they came, per key,
// whatever fails and pauses, and whatever comes twice.
func TestArrival_InOrder(t *testing.T) {
	for _, hold := range []time.Duration{0, 20 * time.Millisecond} {
		for _, window := range []int{40, 300} {
			t.Run(fmt.Sprint(hold, window), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(5, uint64(window)))
				w := newWorld(t, window)
				var ms []sent
				for _, m := range named(20, 60) {
					ms = append(ms, m)
					if n := len(ms); rng.IntN(10) == 0 {
						ms = append(ms, ms[n-1-rng.IntN(min(n, 100))])
					}
				}
				copies := int64(len(ms) - 20*60)
				w.send(ms...)
				w.fail = failures(rng, 0.05)
				r := w.run(arrival(memory.New(), w))
				st := r.emptied(t, w)
				if n := w.checkOrder(1); n != 0 || len(w.got) != 20*60 {
					t.Errorf("%d messages of %d, %d twice", len(w.got), 20*60, n)
				}
				if st.Ledger.Duplicates != copies || len(st.Modes) != 0 {
					t.Errorf("%d duplicates of %d; %v", st.Ledger.Duplicates, copies, st.Modes)
				}
			})
		}
	}
}

// failures fails a share of the messages, each for a short or a longer pause.
func failures(rng *rand.Rand, share float64) func(*message.Message) error {
	return func(*message.Message) error {
		if rng.Float64() >= share {
			return nil
		}
		return &verdict{class: "transient", attempts: 1, pause: time.Duration(rng.IntN(40)) * time.Millisecond}
	}
}

// TestI1_I2_CrashedArrivals dies after each of the first commits, while messages
// fail and park: what comes again takes its old place, and what had ended is
// known by its id.
func TestI1_I2_CrashedArrivals(t *testing.T) {
	for _, order := range []ordering.Order{ordering.ByArrival, ordering.Unordered} {
		for n := int64(1); n <= 25; n++ {
			t.Run(fmt.Sprint(order, n), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(uint64(n), 11))
				w := newWorld(t, 120)
				w.send(named(10, 60)...)
				w.fail = failures(rng, 0.1)
				under := memory.New()
				s := crashAfter(under, n)
				cfg := arrival(s, w)
				cfg.Order, cfg.Chunk, cfg.Drain = order, 1, 20*time.Millisecond
				r := w.run(cfg)
				await(t, "the crash, or the end, where few commits have it all", func() bool { return s.over() || w.settled() })
				w.reconnect()
				_ = r.stop()

				cfg = arrival(under, w)
				cfg.Order = order
				r = w.run(cfg)
				r.emptied(t, w)
				if order == ordering.ByArrival {
					w.checkOrder(1)
				}
				twice := 0
				for k := range 10 {
					got := w.revisions(fmt.Sprintf("k%d", k))
					slices.Sort(got)
					twice += len(got) - 60
					if got = slices.Compact(got); len(got) != 60 {
						t.Errorf("I1: k%d got %v", k, got)
					}
				}
				if twice > 120 {
					t.Errorf("I3: %d came twice, with a window of 120", twice)
				}
			})
		}
	}
}

// TestArrival_KnownAfterAStop: what ended in an earlier run is known by its id,
// as long as the body is the same one.
func TestArrival_KnownAfterAStop(t *testing.T) {
	for _, order := range []ordering.Order{ordering.ByArrival, ordering.Unordered} {
		w, s := newWorld(t, 100), memory.New()
		cfg := arrival(s, w)
		cfg.Order = order
		w.send(named(3, 5)...)
		r := w.run(cfg)
		r.emptied(t, w)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		other := named(3, 5)[0]
		other.body, other.rev = "another one, whose producer reuses ids", 6
		w.send(named(3, 5)...)
		w.send(other, sent{key: "k0", rev: 7, body: "no id"}, sent{key: "k0", rev: 7, body: "no id"})
		r = w.run(cfg)
		st := r.emptied(t, w)
		if got := w.revisions("k0"); order == ordering.ByArrival && !slices.Equal(got, []int64{1, 2, 3, 4, 5, 6, 7, 7}) || len(got) != 8 {
			t.Errorf("order %d: k0 got %v", order, got)
		}
		if st.Ledger.Duplicates != 15 {
			t.Errorf("order %d: %d duplicates", order, st.Ledger.Duplicates)
		}
	}
}

// TestArrival_Forgets: after twice the time an id means nothing any more.
func TestArrival_Forgets(t *testing.T) {
	w := newWorld(t, 100)
	cfg := arrival(memory.New(), w)
	cfg.Remember = time.Second
	r := w.run(cfg)
	m := named(1, 1)[0]
	w.send(m)
	r.emptied(t, w)
	time.Sleep(2100 * time.Millisecond)
	w.send(m)
	await(t, "the same once more", func() bool { return len(w.revisions("k0")) == 2 })
	cfg.Remember = time.Millisecond
	if _, err := ordering.New(cfg); err == nil {
		t.Error("a millisecond is not refused")
	}
}

// TestArrival_Quarantine: behind a dead letter its key waits, the others do not;
// redriven, all go on as they came.
func TestArrival_Quarantine(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	var mended atomic.Bool
	w.fail = func(m *message.Message) error {
		if string(m.Payload) == "k0-3" && !mended.Load() {
			return &verdict{class: "permanent", attempts: 1, final: true}
		}
		return nil
	}
	r := w.run(arrival(s, w))
	w.send(named(2, 8)...)
	await(t, "the rest to be parked", func() bool { return w.settled() && len(w.revisions("k1")) == 8 })
	if st := r.accounted(t); st.Ledger.Dead != 1 || st.Ledger.Parked != 5 {
		t.Errorf("%d dead, %d parked", st.Ledger.Dead, st.Ledger.Parked)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r = w.run(arrival(s, w))
	late := sent{key: "k0", rev: 9, body: "k0-9", id: "k0-9"}
	w.send(late)
	await(t, "the late one to be parked", w.settled)
	mended.Store(true)
	if _, err := r.Redrive(t.Context(), letter(t, s, "k0", 3).ID, ordering.Operation{By: "me", Reason: "mended"}); err != nil {
		t.Fatal(err)
	}
	r.emptied(t, w)
	if got := w.revisions("k0"); !slices.Equal(got, upTo(9)) {
		t.Errorf("k0 got %v", got)
	}
}

// TestArrival_RedriveOfTheNameless: a dead letter without a key joins the end of
// one once it can be read.
func TestArrival_RedriveOfTheNameless(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	r := w.run(arrival(s, w))
	w.send(sent{rev: 3, body: "no key", id: "x", meta: map[string]string{"other": "k0"}})
	w.send(named(1, 2)...)
	r.state(t, "any")
	await(t, "the dead letter", func() bool { st, err := r.Stats(t.Context()); return err == nil && st.Ledger.Dead == 1 && w.settled() })
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	cfg := arrival(s, w)
	cfg.Identify = func(m *message.Message) (ordering.ID, error) {
		return ordering.ID{Key: m.Metadata["other"] + m.Metadata["key"]}, nil
	}
	r = w.run(cfg)
	r.state(t, "any")
	for d, err := range s.DeadLetters(t.Context(), store.Query{Route: "r"}) {
		if err != nil {
			t.Fatal(err)
		}
		for _, dry := range []bool{true, false} {
			out, err := r.Redrive(t.Context(), d.ID, ordering.Operation{By: "me", Reason: "now it has one", DryRun: dry})
			if err != nil || !out.InOrder || out.Revision != 3 {
				t.Errorf("dry %v: %+v, %v", dry, out, err)
			}
		}
	}
	r.noneDead(t)
	if st := r.emptied(t, w); st.Ledger.Redriven != 1 || len(w.got) != 3 {
		t.Errorf("%+v, %v", st.Ledger, w.got)
	}
}

// TestUnordered: nobody waits for anybody. A message that fails pauses alone and
// leaves, given up, a dead letter that can be redriven.
func TestUnordered(t *testing.T) {
	w, s := newWorld(t, 50), memory.New()
	var mended atomic.Bool
	bad := func(m *message.Message) error {
		return &verdict{class: "transient", attempts: ordering.Attempts(m) + 1, pause: 40 * time.Millisecond}
	}
	w.fail = func(m *message.Message) error {
		switch string(m.Payload) {
		case "k0-1", "k1-2": // parked, tried again, given up
			if mended.Load() {
				return nil
			}
			if ordering.Attempts(m) >= 2 {
				return &verdict{class: "transient", attempts: 3, final: true}
			}
			return bad(m)
		case "k3-3": // given up at once
			if !mended.Load() {
				return &verdict{class: "permanent", attempts: 1, final: true}
			}
		case "k2-2":
			if ordering.Attempts(m) < 1 {
				return bad(m)
			}
		}
		return nil
	}
	cfg := arrival(s, w)
	cfg.Order, cfg.Identify = ordering.Unordered, nil
	r := w.run(cfg)
	w.send(named(5, 100)...)
	await(t, "the dead letters", func() bool {
		st, err := r.Stats(t.Context())
		return err == nil && st.Ledger.Dead == 3 && w.settled() && st.Ledger.Parked == 0
	})
	if st := r.accounted(t); st.Ledger.Delivered != 497 || st.Ledger.ParkedTotal != 3 || len(st.Modes) != 0 {
		t.Errorf("%+v %v", st.Ledger, st.Modes)
	}
	ids := redriveAll(t, r, s)
	await(t, "them to be dead again", func() bool {
		st, err := r.Stats(t.Context())
		return err == nil && st.Ledger.Dead == 3 && st.Ledger.Parked == 0 && st.InMemory == 0 && st.Ledger.DeadLettered == 6
	})
	if st := r.accounted(t); st.Ledger.Duplicates != 0 || st.Ledger.Redriven != 2 { // the third did not even wait
		t.Errorf("%+v", st.Ledger)
	}
	mended.Store(true)
	if again := redriveAll(t, r, s); len(again) != len(ids) {
		t.Errorf("%v are %v now", ids, again)
	}
	r.noneDead(t)
	if r.emptied(t, w); len(w.got) != 500 {
		t.Errorf("%d delivered", len(w.got))
	}
}

// noneDead waits until no message is dead: a dead letter that is redriven is not in
// memory, and is dead until what became of it is stored.
func (r *running) noneDead(t *testing.T) {
	t.Helper()
	await(t, "the end of the dead letters", func() bool {
		st, err := r.Stats(t.Context())
		return err == nil && st.Ledger.Dead == 0
	})
}

// redriveAll redrives all dead letters and returns their ids.
func redriveAll(t *testing.T, r *running, s store.Store) (ids []string) {
	t.Helper()
	for d, err := range s.DeadLetters(t.Context(), store.Query{Route: "r"}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, d.ID)
	}
	for _, id := range ids {
		if out, err := r.Redrive(t.Context(), id, ordering.Operation{By: "me", Reason: "again"}); err != nil || !out.Done {
			t.Errorf("%+v, %v", out, err)
		}
	}
	return ids
}

// TestUnordered_LeavesNothing: of messages that were never parked the store keeps
// no lane, and memory none.
func TestUnordered_LeavesNothing(t *testing.T) {
	w, s := newWorld(t, 500), memory.New()
	cfg := arrival(s, w)
	cfg.Order = ordering.Unordered
	r := w.run(cfg)
	w.send(named(20, 200)...)
	r.emptied(t, w)
	for rec, err := range s.Lanes(t.Context(), store.Query{Route: "r"}) {
		t.Fatalf("a lane of %q is stored, %v", rec.Key.Name, err)
	}
	if len(w.got) != 4000 {
		t.Errorf("%d delivered", len(w.got))
	}
}

// TestArrival_StoreThatDoesNotAnswer: what could not be asked for waits.
func TestArrival_StoreThatDoesNotAnswer(t *testing.T) {
	w := newWorld(t, 100)
	s := &mute{Store: memory.New()}
	s.times.Store(2)
	w.send(named(3, 10)...)
	r := w.run(arrival(s, w))
	r.emptied(t, w)
	if n := w.checkOrder(1); n != 0 || len(w.got) != 30 {
		t.Errorf("%d delivered, %d twice", len(w.got), n)
	}
}

// mute is a store that does not say what it has seen, some times.
type mute struct {
	store.Store
	times atomic.Int32
}

func (s *mute) Seen(ctx context.Context, route string, era uint32, prints []store.SeenPrint) ([]bool, error) {
	if s.times.Add(-1) >= 0 {
		return nil, errors.New("no answer")
	}
	return s.Store.Seen(ctx, route, era, prints)
}

// TestStamp: what goes out is numbered anew, without a gap, whatever is not taken,
// discarded, or delivered again after a crash.
func TestStamp(t *testing.T) {
	for _, order := range []ordering.Order{ordering.ByRevision, ordering.ByArrival} {
		for n := int64(1); n <= 12; n++ {
			t.Run(fmt.Sprint(order, n), func(t *testing.T) {
				w := newWorld(t, 100)
				ms := named(4, 60)
				for i := range ms {
					if ms[i].rev%3 == 0 {
						ms[i] = foreign(ms[i])
					}
				}
				w.send(ms...)
				stamps := stamps{t: t, of: map[string][]string{}}
				w.fail = func(m *message.Message) error {
					if m.Metadata["revision"] == "5" {
						return &verdict{class: "permanent", attempts: 1, final: true}
					}
					stamps.note(m)
					return nil
				}
				under := memory.New()
				s := crashAfter(under, n)
				run := func(s store.Store) *running {
					cfg := config(s, w)
					if order == ordering.ByArrival {
						cfg = arrival(s, w)
					}
					cfg.OnFailure, cfg.Stamp, cfg.StampHeader, cfg.Drain = lane.Continue, true, "number", 20*time.Millisecond
					cfg.Takes = func(m *message.Message) bool { return m.Metadata["type"] != "other" }
					return w.run(cfg)
				}
				r := run(s)
				<-s.dead
				w.reconnect()
				_ = r.stop()
				r = run(under)
				r.emptied(t, w)
				for k := range 4 {
					if of := stamps.of[fmt.Sprintf("k%d", k)]; len(of) != 60-20-1 {
						t.Errorf("k%d has %d numbers: %v", k, len(of), of)
					}
				}
			})
		}
	}
}

// stamps are the messages of each key by their numbers.
type stamps struct {
	t  *testing.T
	of map[string][]string
}

// note checks that a message that is delivered has the next number of its key, or
// the one it had.
func (s *stamps) note(m *message.Message) {
	key, n := m.Metadata["key"], 0
	if rev, ok := ordering.Stamp(m); ok {
		n = int(rev)
	}
	of := s.of[key]
	switch {
	case m.Metadata["number"] != fmt.Sprint(n):
		s.t.Errorf("number %d, but the header says %s", n, m.Metadata["number"])
	case n == len(of)+1:
		s.of[key] = append(of, string(m.Payload))
	case n < 1 || n > len(of) || of[n-1] != string(m.Payload):
		s.t.Errorf("%s has number %d; so far %v", m.Payload, n, of)
	}
}

// TestStamp_Refused: where there is no order there are no numbers, and none
// beside it.
func TestStamp_Refused(t *testing.T) {
	w, s := newWorld(t, 10), memory.New()
	cfg := arrival(s, w)
	cfg.Stamp = true
	cfg.Order = ordering.Unordered
	if _, err := ordering.New(cfg); err == nil {
		t.Error("numbers without an order are not refused")
	}
	cfg.Order, cfg.OnFailure = ordering.ByArrival, lane.Continue
	w.fail = func(m *message.Message) error {
		if string(m.Payload) == "k0-1" {
			return &verdict{class: "permanent", attempts: 1, final: true}
		}
		return nil
	}
	r := w.run(cfg)
	w.send(named(1, 3)...)
	r.emptied(t, w)
	_, err := r.Redrive(t.Context(), letter(t, s, "k0", 1).ID, ordering.Operation{By: "me", Reason: "again", OutOfOrder: true})
	if !errors.Is(err, ordering.ErrRefused) {
		t.Errorf("beside the order: %v", err)
	}
}
