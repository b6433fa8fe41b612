package ordering_test

import (
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
	"github.com/brokerbridge/bridge/policies"
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

func (v verdict) Error() string { return "the target said no" }

func (v verdict) Class() string { return v.class }

func (v verdict) Attempts() int { return v.attempts }

func (v verdict) Pause() time.Duration { return v.pause }

func (v verdict) GivenUp() bool { return v.final }

func (v verdict) Reason() string { return v.reason }

// letters are a route's dead letters: reason by "key/revision".
func letters(t *testing.T, s store.Store) map[string]string {
	t.Helper()
	all := map[string]string{}
	for d, err := range s.DeadLetters(t.Context(), store.Query{Route: "r"}) {
		if errors.Is(err, store.ErrNotFound) { // not open yet
			return all
		}
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

// TestClassWithoutRetry: what a handler says of its failure counts without
// policies.Retry, too: no try is spent on a target that is away, and none more on
// what fails for good.
func TestClassWithoutRetry(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	var away atomic.Int32
	w.fail = func(m *message.Message) error {
		switch {
		case string(m.Payload) == "bad-1":
			return policies.Because(policies.Permanent, "too_large", errors.New("no"))
		case string(m.Payload) == "worse-1":
			return fmt.Errorf("billing: %w", policies.As(policies.Permanent, errors.New("no")))
		case away.Add(1) < 5:
			return policies.As(policies.Unavailable, errors.New("away"))
		}
		return nil
	}
	r := w.run(config(s, w))
	w.send(msg("bad", 1), msg("worse", 1), msg("good", 1))
	r.state(t, "any")
	await(t, "the dead letters and the rest", func() bool { return len(letters(t, s)) == 2 && len(w.revisions("good")) == 1 })
	if got := letters(t, s); got["bad/1"] != "too_large" || got["worse/1"] != "permanent" {
		t.Errorf("dead letters %v", got)
	}
	for _, key := range []string{"bad", "worse"} {
		if d := letter(t, s, key, 1); d.Attempts != 1 {
			t.Errorf("%s had %d attempts", key, d.Attempts)
		}
	}
	if st := r.accounted(t); st.Attempts["transient"] != 0 {
		t.Errorf("tries %v", st.Attempts)
	}
}
