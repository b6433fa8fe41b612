package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// askEvery is how often a condition is looked at that nobody announces.
const askEvery = 50 * time.Millisecond

// Await returns when a condition holds. In vain, it fails the test with what was
// seen last.
func Await(t testing.TB, what string, within time.Duration, cond func() (seen string, ok bool)) {
	t.Helper()
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	deadline := time.Now().Add(within)
	for {
		seen, ok := cond()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited %v in vain for %s; last seen: %s", within, what, seen)
		}
		<-tick.C
	}
}

// Await is [Await] while the bridge lives.
func (b *Bridge) Await(what string, within time.Duration, cond func() (seen string, ok bool)) {
	b.t.Helper()
	Await(b.t, what, within, func() (string, bool) {
		if !b.Running() {
			b.t.Fatalf("the bridge ended, with %d, while the test waited for %s", b.Code(), what)
		}
		return cond()
	})
}

// AwaitAlive waits until the bridge answers.
func (b *Bridge) AwaitAlive() {
	b.t.Helper()
	b.Await("an answer", startTimeout, func() (string, bool) {
		code, _, err := b.get("/livez")
		return fmt.Sprint(code, err), code == http.StatusOK
	})
}

// AwaitReady waits until all routes move messages.
func (b *Bridge) AwaitReady(within time.Duration) {
	b.t.Helper()
	b.Await("/readyz to be 200", within, func() (string, bool) {
		code, reason := b.Ready()
		return fmt.Sprint(code, " ", reason), code == http.StatusOK
	})
}

// AwaitUnready waits until /readyz is 503 and says all of the words.
func (b *Bridge) AwaitUnready(within time.Duration, words ...string) {
	b.t.Helper()
	b.Await(fmt.Sprintf("/readyz to be 503 and say %q", words), within, func() (string, bool) {
		code, reason := b.Ready()
		ok := code == http.StatusServiceUnavailable
		for _, w := range words {
			ok = ok && strings.Contains(reason, w)
		}
		return fmt.Sprint(code, " ", reason), ok
	})
}

// Rest is how a route is when nothing moves.
type Rest struct {
	Messages int // that were sent, copies not counted: delivered, dead or parked by now
	Dead     int // of them
	Parked   int // likewise
	Loose    int // dead letters that stand for no revision
}

// Await waits until the route rests like this, and checks I10.
func (r Rest) Await(b *Bridge, within time.Duration) Metrics {
	b.t.Helper()
	var last Metrics
	var quiet stillness
	b.Await(fmt.Sprintf("rest as in %+v", r), within, func() (string, bool) {
		m, ok := b.Metrics()
		if !ok {
			return "no metrics", false
		}
		last = m
		c := count(m)
		rests := c.delivered == int64(r.Messages-r.Dead-r.Parked) && c.dead == int64(r.Dead+r.Loose) &&
			c.parked == int64(r.Parked) && c.memory == 0 && c.lag == 0 && c.unaccounted == 0
		return c.String(), quiet.look(c) && rests
	})
	if !last.Has("bridge_unaccounted_messages") {
		b.t.Error("I10: bridge_unaccounted_messages is not exported")
	}
	return last
}

// stillness is how long nothing has come. What a broker has sent and a bridge has
// not taken is in no number: copies, as a rule, of what has arrived.
type stillness struct {
	last  counts
	since time.Time
}

// look reports whether nothing has come for a while.
func (s *stillness) look(c counts) bool {
	if c != s.last {
		s.last, s.since = c, time.Now()
	}
	return time.Since(s.since) >= 8*askEvery
}

// AwaitQuiet waits until nothing is dead, parked or under way, however many
// messages there were, and checks I10.
func AwaitQuiet(b *Bridge, within time.Duration) {
	b.t.Helper()
	var quiet stillness
	b.Await("all to be settled", within, func() (string, bool) {
		m, ok := b.Metrics()
		c := count(m)
		return c.String(), quiet.look(c) && ok && c.dead+c.parked+c.memory+c.lag+c.unaccounted == 0
	})
}
