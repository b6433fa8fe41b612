package ordering

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// still is a loop that nobody runs.
func still(t *testing.T, s store.Store) *loop {
	t.Helper()
	r, err := New(Config{
		Route: "r", Store: s, SingleInstance: true, First: 1,
		Identify: func(*message.Message) (ID, error) { return ID{}, nil },
		Logger:   slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Batch(func(ms []*message.Message) []error { return make([]error, len(ms)) }); err != nil {
		t.Fatal(err)
	}
	if err := r.restore(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r.loop
}

// TestI7_ReadAheadIsBoundedInBytes starts with more parked than is read ahead:
// many rows, or large ones, or large metadata.
func TestI7_ReadAheadIsBoundedInBytes(t *testing.T) {
	for name, c := range map[string]struct{ keys, rows, body, meta int }{
		"small":    {20, 64, 10, 10},
		"large":    {80, 64, 20 << 10, 0},
		"huge":     {1, 40, 2 << 20, 0},
		"metadata": {80, 64, 0, 20 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			s := memory.New()
			park(t, s, c.keys, c.rows, store.Message{
				Payload: make([]byte, c.body), Metadata: message.Metadata{"m": string(make([]byte, c.meta))},
			})
			l := still(t, s)
			rows, bytes := readAheadOf(l)
			if rows != l.cached.rows || bytes != l.cached.bytes {
				t.Errorf("%d rows of %d bytes are counted as %+v", rows, bytes, l.cached)
			}
			least := c.keys * leastAhead * (c.body + c.meta + 100)
			if bytes > mostBytesAhead+least {
				t.Errorf("%d MB are read ahead", bytes>>20)
			}
			if whole := c.keys * (c.rows - 1); c.keys*c.rows*(c.body+c.meta) < mostBytesAhead && rows != whole {
				t.Errorf("%d rows are read ahead, of %d", rows, whole)
			}
			if l.ready.size() != c.keys {
				t.Errorf("%d of %d keys go on", l.ready.size(), c.keys)
			}
			for _, e := range l.lanes.young {
				l.uncache(e)
			}
			if l.cached.rows != 0 || l.cached.bytes != 0 {
				t.Errorf("of nothing, %+v is counted", l.cached)
			}
		})
	}
}

// park stores so many keys with so many parked messages each.
func park(t *testing.T, s store.Store, keys, rows int, m store.Message) {
	t.Helper()
	if _, err := s.Open(t.Context(), store.Identity{Route: "r"}); err != nil {
		t.Fatal(err)
	}
	for k := range keys {
		st := lane.Fresh(&lane.Rules{First: 1})
		st.Parked, st.Lowest, st.Highest = rows, 1, lane.Revision(rows)
		c := store.Change{Key: store.Key{Route: "r", Name: fmt.Sprint("k", k)}, Record: &store.Record{State: st}}
		for i := range rows {
			m.Rev, m.Print = lane.Revision(i+1), 5
			c.Park = append(c.Park, m)
		}
		if err := s.Commit(t.Context(), c)[0]; err != nil {
			t.Fatal(err)
		}
	}
}

func readAheadOf(l *loop) (rows, bytes int) {
	for _, e := range l.lanes.young {
		rows += len(e.cache)
		for i := range e.cache {
			bytes += sizeOf(&e.cache[i])
		}
	}
	return rows, bytes
}

// TestI7_QuarantineForgetsWhatWasReadAhead: such a lane is forgotten, and what it
// had read must not count for ever.
func TestI7_QuarantineForgetsWhatWasReadAhead(t *testing.T) {
	s := memory.New()
	park(t, s, 1, 10, store.Message{Payload: []byte("x")})
	l := still(t, s)
	it := l.ready.clear()[0]
	l.step(it.lane, nil, lane.Event{Kind: lane.GaveUp, Rev: 1, At: l.now})
	if it.lane.mode != lane.Quarantined || l.cached.rows != 0 || l.cached.bytes != 0 {
		t.Errorf("%s has %+v", it.lane.mode, l.cached)
	}
}

// TestLoopSleeps: the loop does not wake for what it cannot change.
func TestLoopSleeps(t *testing.T) {
	hour := time.Hour
	ready := func(l *loop) { l.idle, l.ready.fresh = 0, []*item{{}} }
	for name, c := range map[string]struct {
		set   func(*loop)
		awake bool
	}{
		"nothing to do": {func(*loop) {}, false},
		"ready, no worker, after an unavailable answer": {func(l *loop) {
			ready(l)
			l.outage.until = l.now.Add(-hour)
		}, false},
		"ready, no worker, in an outage with nothing in hand": {func(l *loop) {
			ready(l)
			l.outage.until, l.outage.since, l.outage.parkedAt = l.now.Add(-hour), l.now.Add(-hour), l.now.Add(-hour)
		}, false},
		"an outage lasts": {func(l *loop) {
			l.outage.waiting = []*item{{}}
			l.outage.since, l.outage.parkedAt = l.now.Add(-hour), l.now.Add(-hour)
		}, true},
		"an outage lasts, the probe is under way": {func(l *loop) {
			l.calls = []*call{{}}
			l.outage.since, l.outage.parkedAt = l.now.Add(-hour), l.now.Add(-hour)
		}, true},
		"a head waits for its time": {func(l *loop) {
			l.outage.add(&item{}, l.now.Add(time.Millisecond))
		}, true},
		"a timer is overdue": {func(l *loop) {
			l.timers.set(&entry{index: -1}, l.now.Add(-hour))
		}, true},
		"stopping, a timer is overdue": {func(l *loop) {
			l.stopping = true
			l.timers.set(&entry{index: -1}, l.now.Add(-hour))
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			l := still(t, memory.New())
			l.tick()
			c.set(l)
			if d := l.untilNext(); (d < time.Second/2) != c.awake {
				t.Errorf("it sleeps for %v", d)
			}
		})
	}
}

// TestR9_AnswerOfAnEarlierSessionIsLate: the source was seen empty, but intake
// was shut and open again before that was told.
func TestR9_AnswerOfAnEarlierSessionIsLate(t *testing.T) {
	l := still(t, memory.New())
	l.counts.sourceUp.Store(true)
	l.noteSource()
	early := l.session.Load()
	it := &item{id: ID{Key: "a", Revision: 2}, msg: message.NewMessage("", nil), print: 5}
	if err := l.arrive(it); err != nil {
		t.Fatal(err)
	}
	for _, shut := range []bool{true, false} {
		l.counts.paused.Store(shut)
		l.noteSource()
	}
	timeout := l.cfg.GapTimeout
	l.caughtUp(early)
	if left := it.lane.lane.Expiry().Sub(l.now); left != (lane.Patience+1)*timeout {
		t.Errorf("an early answer: %v are left", left)
	}
	l.caughtUp(l.session.Load())
	if left := it.lane.lane.Expiry().Sub(l.now); left != timeout {
		t.Errorf("this session's answer: %v are left", left)
	}
}

// TestR11_NobodyIsForgottenWhileIntakeIsShut: keys do not count as inactive for
// the time in which nothing could come.
func TestR11_NobodyIsForgottenWhileIntakeIsShut(t *testing.T) {
	l := still(t, memory.New())
	l.counts.sourceUp.Store(true)
	l.elapse()
	l.gaps.active = 300
	for range 3 {
		l.counts.sourceUp.Store(false)
		l.now = l.now.Add(l.cfg.GapTimeout)
		l.elapse()
		l.counts.sourceUp.Store(true)
		l.elapse()
	}
	if n := l.gaps.active + l.gaps.before; n != 300 {
		t.Errorf("%d of 300 are active", n)
	}
}
