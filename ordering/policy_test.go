package ordering_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
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

func message1(key string, rev int64) []*message.Message {
	return []*message.Message{msg(key, rev).message()}
}

// verdict is an error as the policies package makes them.
type verdict struct {
	class    string
	attempts int
	pause    time.Duration
	final    bool
	reason   string
}

func (v verdict) Error() string        { return "the target said no" }
func (v verdict) Class() string        { return v.class }
func (v verdict) Attempts() int        { return v.attempts }
func (v verdict) Pause() time.Duration { return v.pause }
func (v verdict) GivenUp() bool        { return v.final }
func (v verdict) Reason() string       { return v.reason }

// letters are a route's dead letters: reason by "key/revision".
func letters(t *testing.T, s store.Store) map[string]string {
	t.Helper()
	all := map[string]string{}
	for d, err := range s.DeadLetters(t.Context(), store.Query{Route: "r"}) {
		if err != nil {
			t.Fatal(err)
		}
		all[fmt.Sprintf("%s/%d", d.Key, d.Rev)] = d.Reason
	}
	return all
}

func (r *running) state(t *testing.T, key string) lane.State {
	t.Helper()
	s, _, _, err := r.Lane(t.Context(), key, 0)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// rest waits until nothing is in memory and the source is empty.
func (r *running) rest(t *testing.T, w *world) ordering.Stats {
	t.Helper()
	await(t, "rest", func() bool {
		s, err := r.Stats(t.Context())
		return err == nil && s.InMemory == 0 && w.settled()
	})
	return r.accounted(t)
}

// TestRule8_Refused sends what cannot be identified, or belongs to no lane.
func TestRule8_Refused(t *testing.T) {
	w := newWorld(t, 100)
	s := memory.New()
	r := w.run(config(s, w))
	bad := []sent{
		{key: "", rev: 1, body: "no key"},
		{key: "no revision", rev: -1, body: "x"},
		{key: "a point", rev: -1, body: "x", meta: map[string]string{"revision": "1.5"}},
		{key: "a sign", rev: -1, body: "x", meta: map[string]string{"revision": "+1"}},
		{key: "too large", rev: -1, body: "x", meta: map[string]string{"revision": "9223372036854775808"}},
		{key: "below first", rev: 0, body: "x"},
	}
	w.send(bad...)
	w.send(msg("a", 1), msg("a", 2), msg("a", 50_000), msg("a", 3), sent{key: "a", rev: 2, body: "other"})
	r.rest(t, w)
	want := map[string]string{
		"/0": "key_missing", "no revision/0": "revision_missing", "a point/0": "revision_invalid",
		"a sign/0": "revision_invalid", "too large/0": "revision_invalid", "below first/0": "revision_invalid",
		"a/50000": "revision_implausible", "a/2": "revision_conflict",
	}
	if got := letters(t, s); !maps.Equal(got, want) {
		t.Errorf("dead letters\n got %v\nwant %v", got, want)
	}
	if got := w.revisions("a"); !slices.Equal(got, []int64{1, 2, 3}) {
		t.Errorf("delivered %v", got)
	}
}

// TestI9_ByteForByte takes a message through a dead letter and out again.
func TestI9_ByteForByte(t *testing.T) {
	for _, body := range [][]byte{nil, {}, {0, 255, 10}} {
		w := newWorld(t, 10)
		s := memory.New()
		w.fail = func(*message.Message) error { return verdict{class: "permanent", final: true, reason: "too_large"} }
		r := w.run(config(s, w))
		m := msg("a", 1).message()
		m.Payload = body
		m.Metadata["x"] = "\x00\xff"
		handOver(t, r, m)
		await(t, "a dead letter", func() bool { return len(letters(t, s)) == 1 })
		for d, err := range s.DeadLetters(t.Context(), store.Query{Route: "r"}) {
			if err != nil {
				t.Fatal(err)
			}
			if (d.Payload == nil) != (body == nil) || string(d.Payload) != string(body) || d.Metadata["x"] != "\x00\xff" {
				t.Errorf("%q came back as %q, %q", body, d.Payload, d.Metadata)
			}
		}
	}
}

// TestGap_Policies waits for a revision that never comes.
func TestGap_Policies(t *testing.T) {
	for _, c := range []struct {
		then lane.Resolve
		want []int64
		mode lane.Mode
		late string // what becomes of the missing one when it comes after all
		end  []int64
	}{
		{lane.Wait, []int64{1}, lane.Gap, "", []int64{1, 2, 3, 4}},
		{lane.Quarantine, []int64{1}, lane.GapBlocked, "", []int64{1, 2, 3, 4}},
		{lane.Skip, []int64{1, 3, 4}, lane.Flowing, "late", []int64{1, 3, 4}},
	} {
		t.Run(fmt.Sprint(c.then), func(t *testing.T) {
			w := newWorld(t, 100)
			s := memory.New()
			cfg := config(s, w)
			cfg.OnGap, cfg.GapTimeout = c.then, 100*time.Millisecond
			r := w.run(cfg)
			w.send(msg("a", 1), msg("a", 3), msg("a", 4))
			await(t, "the gap to be resolved", func() bool {
				return r.state(t, "a").Mode == c.mode && slices.Equal(w.revisions("a"), c.want)
			})
			time.Sleep(150 * time.Millisecond)
			w.send(msg("a", 2))
			r.rest(t, w)
			await(t, "the end", func() bool { return slices.Equal(w.revisions("a"), c.end) })
			if got := letters(t, s)["a/2"]; got != c.late {
				t.Errorf("the late one became %q, want %q", got, c.late)
			}
		})
	}
}

// TestRule7_ClockStandsStill lets no gap expire while the source is away.
func TestRule7_ClockStandsStill(t *testing.T) {
	w := newWorld(t, 100)
	cfg := config(memory.New(), w)
	cfg.GapTimeout = 50 * time.Millisecond
	r := w.run(cfg)
	r.SourceDown()
	w.send(msg("a", 2))
	await(t, "the gap", func() bool { return r.state(t, "a").Mode == lane.Gap })
	time.Sleep(700 * time.Millisecond) // more than eleven timeouts
	if m := r.state(t, "a").Mode; m != lane.Gap {
		t.Fatalf("the clock ran while the source was away: %s", m)
	}
	r.SourceUp()
	await(t, "the clock to run again", func() bool { return r.state(t, "a").Mode == lane.GapBlocked })
}

// TestRule7_BacklogIsPatience gives a gap ten times as long while the source is
// not empty.
func TestRule7_BacklogIsPatience(t *testing.T) {
	w := newWorld(t, 100)
	cfg := config(memory.New(), w)
	cfg.GapTimeout = 100 * time.Millisecond
	var lag atomic.Int64
	lag.Store(1)
	cfg.Lag = func(context.Context) (int64, error) { return lag.Load(), nil }
	r := w.run(cfg)
	w.send(msg("a", 2))
	time.Sleep(400 * time.Millisecond)
	if m := r.state(t, "a").Mode; m != lane.Gap {
		t.Fatalf("the clock ran in a backlog: %s", m)
	}
	lag.Store(0)
	await(t, "the clock to run", func() bool { return r.state(t, "a").Mode == lane.GapBlocked })
}

// TestOutageIsNotPoison keeps a target away: no try is spent, nothing is given
// up, order is kept, and what is in hand is parked when it lasts.
func TestOutageIsNotPoison(t *testing.T) {
	w := newWorld(t, 50)
	s := memory.New()
	var away atomic.Bool
	away.Store(true)
	w.fail = func(*message.Message) error {
		if away.Load() {
			return verdict{class: "unavailable", pause: 5 * time.Millisecond}
		}
		return nil
	}
	var paused atomic.Int64
	cfg := config(s, w)
	cfg.OutageAfter = 100 * time.Millisecond
	cfg.Pause = func(on bool) {
		if on {
			paused.Add(1)
		} else {
			paused.Add(-100)
		}
	}
	r := w.run(cfg)
	w.send(stream(10, 20)...)
	await(t, "parking", func() bool { st, _ := r.Stats(t.Context()); return st.Ledger.Parked > 0 && paused.Load() > 0 })
	away.Store(false)
	await(t, "all delivered", func() bool { return len(w.revisions("k9")) == 20 })
	st := r.rest(t, w)
	if w.checkOrder(1) != 0 || st.Ledger.DeadLettered != 0 || st.Ledger.Parked != 0 || paused.Load() >= 0 {
		t.Errorf("after the outage: %+v, paused %d", st.Ledger, paused.Load())
	}
}

// TestRetry_AttemptsSurvive parks a failing head with its attempts; a restart
// goes on counting, and the key ends in quarantine while others flow.
func TestRetry_AttemptsSurvive(t *testing.T) {
	w := newWorld(t, 50)
	s := memory.New()
	tries := map[int]int{}
	w.fail = func(m *message.Message) error {
		if m.Metadata["key"] != "bad" {
			return nil
		}
		n := ordering.Attempts(m) + 1
		tries[n]++
		return verdict{class: "transient", attempts: n, pause: 30 * time.Millisecond, final: n >= 6, reason: "max_attempts"}
	}
	r := w.run(config(s, w))
	w.send(msg("bad", 1), msg("bad", 2), msg("good", 1))
	await(t, "three tries", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return tries[3] > 0 })
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r = w.run(config(s, w))
	await(t, "the dead letter", func() bool { return letters(t, s)["bad/1"] == "max_attempts" })
	w.send(msg("good", 2), msg("bad", 3))
	st := r.rest(t, w)
	if got := r.state(t, "bad"); got.Mode != lane.Quarantined || got.Parked != 2 || st.Ledger.Dead != 1 {
		t.Errorf("bad is %s with %d parked", got.Mode, got.Parked)
	}
	if got := w.revisions("good"); !slices.Equal(got, []int64{1, 2}) {
		t.Errorf("good got %v", got)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for n, times := range tries {
		if times > 2 || n > 6 {
			t.Errorf("try %d was made %d times", n, times)
		}
	}
}

// TestI4_AckAfterCommit acknowledges nothing while commits do not return.
func TestI4_AckAfterCommit(t *testing.T) {
	w := newWorld(t, 50)
	s := &slow{Store: memory.New(), gate: make(chan struct{})}
	r := w.run(config(s, w))
	w.send(msg("a", 1)) // alone, so that it is in the first commit
	await(t, "publishing", func() bool { return len(w.revisions("a")) == 1 })
	w.send(msg("a", 2), msg("b", 2), msg("a", 1))
	await(t, "publishing", func() bool { return len(w.revisions("a")) == 2 })
	time.Sleep(50 * time.Millisecond)
	w.mu.Lock()
	if len(w.acked) != 0 {
		t.Errorf("I4: acknowledged before the commit: %v", w.acked)
	}
	w.mu.Unlock()
	close(s.gate)
	r.rest(t, w)
}

// slow is a store whose commits wait for a gate.
type slow struct {
	store.Store
	gate chan struct{}
}

func (s *slow) Commit(ctx context.Context, cs ...store.Change) []error {
	<-s.gate
	return s.Store.Commit(ctx, cs...)
}

// TestRule10_MaxAhead publishes no further ahead of the commit than allowed.
func TestRule10_MaxAhead(t *testing.T) {
	w := newWorld(t, 500)
	s := &slow{Store: memory.New(), gate: make(chan struct{})}
	cfg := config(s, w)
	cfg.MaxAhead = 8
	r := w.run(cfg)
	w.send(stream(1, 100)...)
	await(t, "eight", func() bool { return len(w.revisions("k0")) == 8 })
	time.Sleep(50 * time.Millisecond)
	if n := len(w.revisions("k0")); n != 8 {
		t.Errorf("%d published ahead of the commit", n)
	}
	close(s.gate)
	r.rest(t, w)
	if w.checkOrder(1) != 0 || len(w.revisions("k0")) != 100 {
		t.Error("not complete")
	}
}

// TestRule11_AnotherOwner stops when somebody else writes the lane.
func TestRule11_AnotherOwner(t *testing.T) {
	w := newWorld(t, 50)
	s := memory.New()
	r := w.run(config(s, w))
	w.send(msg("a", 1))
	r.rest(t, w)
	key := store.Key{Route: "r", Name: "a"}
	rec, err := s.Load(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	rec.State.Next, rec.State.Highest = 5, 4
	if err := s.Commit(t.Context(), store.Change{Key: key, Version: rec.Version, Record: &rec})[0]; err != nil {
		t.Fatal(err)
	}
	w.send(msg("a", 2))
	var halt *ordering.HaltError
	<-r.over
	if err := r.stop(); !errors.As(err, &halt) || halt.Reason != ordering.HaltElsewhere {
		t.Fatalf("it ended with %v", err)
	}
}

// TestRule19_NoState stops a route whose store was lost, and adopts when told.
func TestRule19_NoState(t *testing.T) {
	w := newWorld(t, 500)
	cfg := config(memory.New(), w)
	cfg.GapTimeout = 100 * time.Millisecond
	r := w.run(cfg)
	for k := range 80 {
		w.send(msg(fmt.Sprintf("k%d", k), 1000), msg(fmt.Sprintf("k%d", k), 1001))
	}
	var halt *ordering.HaltError
	<-r.over
	if err := r.stop(); !errors.As(err, &halt) || halt.Reason != ordering.HaltNoState {
		t.Fatalf("it ended with %v", err)
	}
	cfg.AdoptOnce = true
	r = w.run(cfg)
	await(t, "all adopted", func() bool { return len(w.revisions("k79")) == 2 && len(w.revisions("k0")) == 2 })
	st := r.rest(t, w)
	if st.Ledger.Parked != 0 || st.Ledger.Dead != 0 {
		t.Errorf("left: %+v", st.Ledger)
	}
}

// TestAdopt starts keys that are mid-stream at the lowest that comes.
func TestAdopt(t *testing.T) {
	w := newWorld(t, 100)
	s := memory.New()
	cfg := config(s, w)
	cfg.Adopt, cfg.AdoptAfter = true, 100*time.Millisecond
	r := w.run(cfg)
	w.send(msg("a", 43), msg("a", 42), msg("a", 44))
	await(t, "three", func() bool { return slices.Equal(w.revisions("a"), []int64{42, 43, 44}) })
	w.send(msg("a", 41))
	r.rest(t, w)
	if got := letters(t, s)["a/41"]; got != "late" {
		t.Errorf("41 became %q", got)
	}
}

// handOver gives a message to a running Resequencer outside the pump.
func handOver(t *testing.T, r *running, m *message.Message) {
	t.Helper()
	d := ordering.Deliveries{Messages: []*message.Message{m}, Tokens: []uint64{1}, Acker: nobody{}}
	if err := r.take(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

// nobody acknowledges nothing.
type nobody struct{}

func (nobody) Ack([]uint64) {}

// TestRule19_OneGapAmongManySwaps lets one gap expire while many lanes are a
// little out of order: that is no lost store.
func TestRule19_OneGapAmongManySwaps(t *testing.T) {
	w := newWorld(t, 2000)
	cfg := config(memory.New(), w)
	cfg.GapTimeout = 300 * time.Millisecond
	cfg.Hold = 50 * time.Millisecond
	r := w.run(cfg)
	w.send(msg("lost", 2))
	for rev := int64(1); rev < 40; rev += 2 {
		for k := range 60 {
			w.send(msg(fmt.Sprintf("k%d", k), rev+1))
		}
		time.Sleep(20 * time.Millisecond)
		for k := range 60 {
			w.send(msg(fmt.Sprintf("k%d", k), rev))
		}
	}
	await(t, "the gap to expire", func() bool { return r.state(t, "lost").Mode == lane.GapBlocked })
	r.rest(t, w)
	select {
	case <-r.over:
		t.Fatal(r.stop())
	default:
	}
}

// TestI10_RefusedTwice delivers a message that cannot be identified once more.
func TestI10_RefusedTwice(t *testing.T) {
	w := newWorld(t, 100)
	r := w.run(config(memory.New(), w))
	bad := sent{key: "a", rev: -1, body: "x"}
	w.send(bad, bad)
	r.rest(t, w)
	w.send(bad)
	if s := r.rest(t, w); s.Ledger.Dead != 1 || s.Ledger.Duplicates != 2 {
		t.Errorf("%+v", s.Ledger)
	}
}

// broken is a store that no longer takes anything.
type broken struct{ store.Store }

func (broken) Commit(_ context.Context, cs ...store.Change) []error {
	errs := make([]error, len(cs))
	for i := range errs {
		errs[i] = fmt.Errorf("%w: no space left on device", store.ErrFailed)
	}
	return errs
}

// TestB5_BrokenStore ends when the store breaks, and acknowledges nothing.
func TestB5_BrokenStore(t *testing.T) {
	w := newWorld(t, 50)
	r := w.run(config(broken{memory.New()}, w))
	w.send(stream(3, 3)...)
	<-r.over
	var halt *ordering.HaltError
	if err := r.stop(); !errors.As(err, &halt) || halt.Reason != ordering.HaltStore {
		t.Fatalf("it ended with %v", err)
	}
	if len(w.acked) != 0 {
		t.Errorf("acknowledged without a commit: %v", w.acked)
	}
}

// TestRule19_AdoptBlocked starts a key, whose gap has ended in a quarantine, at
// what it has, when told to adopt once.
func TestRule19_AdoptBlocked(t *testing.T) {
	w := newWorld(t, 50)
	cfg := config(memory.New(), w)
	cfg.GapTimeout = 50 * time.Millisecond
	r := w.run(cfg)
	w.send(msg("a", 100), msg("a", 101))
	await(t, "the quarantine", func() bool { return r.state(t, "a").Mode == lane.GapBlocked })
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	cfg.AdoptOnce = true
	w.run(cfg)
	await(t, "both", func() bool { return slices.Equal(w.revisions("a"), []int64{100, 101}) })
}

// TestI10_AfterAHalt balances the books of a route that has stopped for the sake
// of a dead letter.
func TestI10_AfterAHalt(t *testing.T) {
	w := newWorld(t, 50)
	w.fail = func(*message.Message) error { return verdict{class: "permanent", final: true, reason: "too_large"} }
	cfg := config(memory.New(), w)
	cfg.OnFailure = lane.Stop
	r := w.run(cfg)
	w.send(msg("a", 1))
	<-r.over
	s := r.accounted(t)
	if s.Ledger.Parked != 1 || s.InMemory != 0 {
		t.Errorf("%+v", s)
	}
}

// TestRule1_CopyOfUnfinished acknowledges no copy of a message that is still
// under way: it is the only one left if the first is lost.
func TestRule1_CopyOfUnfinished(t *testing.T) {
	w := newWorld(t, 50)
	gate := make(chan struct{})
	w.fail = func(m *message.Message) error {
		if m.Metadata["key"] == "a" {
			w.mu.Unlock() // the target of a does not answer; others commit meanwhile
			<-gate
			w.mu.Lock()
		}
		return nil
	}
	r := w.run(config(memory.New(), w))
	w.send(msg("a", 1))
	time.Sleep(20 * time.Millisecond)
	w.send(msg("a", 1), msg("b", 1), msg("b", 1))
	await(t, "b to be settled", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return w.acked["b/1"] == 2 })
	time.Sleep(20 * time.Millisecond)
	w.mu.Lock()
	early := w.acked["a/1"]
	w.mu.Unlock()
	if early != 0 {
		t.Errorf("%d copies were acknowledged before the first was settled", early)
	}
	close(gate)
	if s := r.rest(t, w); s.Ledger.Delivered != 2 || s.Ledger.Duplicates != 2 || w.acked["a/1"] != 2 {
		t.Errorf("%+v, acknowledged %d", s.Ledger, w.acked["a/1"])
	}
}
