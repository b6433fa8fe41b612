package history_test

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/history"
	"github.com/brokerbridge/bridge/bridge/status"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// plant is routes that move messages as time goes by.
type plant struct {
	mu     sync.Mutex
	routes []status.Route
	delay  time.Duration // of an answer
}

func (p *plant) status(context.Context) []status.Route {
	time.Sleep(p.delay)
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]status.Route(nil), p.routes...)
}

// set changes the counts of a route.
func (p *plant) set(i int, change func(*status.Counts)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.routes[i].Counts)
}

func newPlant(names ...string) *plant {
	p := &plant{}
	for _, name := range names {
		p.routes = append(p.routes, status.Route{Name: name, Counts: status.Counts{Keys: map[string]int64{}}})
	}
	return p
}

// record runs a Recorder within a bubble; a bubble begins at midnight.
func record(t *testing.T, c history.Config) *history.Recorder {
	r := history.New(c)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { r.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	synctest.Wait()
	return r
}

// flow moves so many messages in each second of a span.
func (p *plant) flow(i int, span time.Duration, perSecond int64) {
	for range span / time.Second {
		time.Sleep(time.Second)
		p.set(i, func(c *status.Counts) { c.Received += 2 * perSecond; c.Delivered += perSecond })
	}
	synctest.Wait()
}

func TestHistoryIsRatesInSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlant("orders")
		p.set(0, func(c *status.Counts) { c.Delivered = 1e9 }) // since it exists
		r := record(t, history.Config{Routes: p.status})
		began := time.Now()
		if h := r.Since("orders", time.Hour); len(h.Steps) != 0 || h.Step != 10 {
			t.Errorf("at once: %+v", h)
		}
		p.flow(0, 10*time.Minute, 7)
		time.Sleep(500 * time.Millisecond)
		h := r.Since("orders", time.Hour)
		if h.Step != 10 || !h.From.Equal(began) || len(h.Steps) != 60 {
			t.Fatalf("step %d from %s, %d steps", h.Step, h.From, len(h.Steps))
		}
		for i, s := range h.Steps {
			if math.Abs(s.Out-7) > 0.8 || math.Abs(s.In-14) > 1.5 || s.Parked != 0 || s.Dead != 0 {
				t.Errorf("step %d: %+v", i, s)
			}
		}
		if h = r.Since("orders", 24*time.Hour); h.Step != 60 || len(h.Steps) != 10 || math.Abs(h.Steps[5].Out-7) > 0.2 {
			t.Errorf("of a day: %+v", h)
		}
		if h = r.Since("none", time.Hour); len(h.Steps) != 0 {
			t.Errorf("of a route that is not there: %+v", h)
		}
	})
}

// TestHistoryNeverFallsBelowZero restarts the counts: a rate is not negative, and the
// counts of all the time before are no rate.
func TestHistoryNeverFallsBelowZero(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlant("orders")
		p.routes[0].Counts = status.Counts{} // it has not run yet
		r := record(t, history.Config{Routes: p.status})
		time.Sleep(time.Minute)
		p.set(0, func(c *status.Counts) { *c = status.Counts{Keys: map[string]int64{}, Delivered: 1e6, DeadEver: 500} })
		time.Sleep(time.Minute)
		p.set(0, func(c *status.Counts) { c.Delivered, c.DeadEver = 0, 0 })
		time.Sleep(time.Minute)
		p.set(0, func(c *status.Counts) { c.Delivered, c.DeadEver = 600, 60 })
		time.Sleep(time.Minute)
		synctest.Wait()
		var out, dead float64
		for _, s := range r.Since("orders", time.Hour).Steps {
			if s.Out < 0 || s.In < 0 || s.Dead < 0 || s.Parked < 0 || s.Out > 60 {
				t.Errorf("%+v", s)
			}
			out, dead = out+10*s.Out, dead+10*s.Dead
		}
		if math.Round(out) != 600 || math.Round(dead) != 60 {
			t.Errorf("%v delivered and %v dead in all", out, dead)
		}
	})
}

// TestHistoryIsBounded goes on for two days: what is older than a day, or an hour,
// is not shown, and what is shown is of its time.
func TestHistoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlant("orders", "other")
		r := record(t, history.Config{Routes: p.status})
		p.flow(0, time.Hour, 100)
		time.Sleep(24 * time.Hour)
		p.flow(0, 30*time.Minute, 5)
		p.flow(1, 30*time.Minute, 3)
		day, hour := r.Since("orders", 100*time.Hour), r.Since("orders", time.Hour)
		if len(day.Steps) != 24*60 || len(hour.Steps) != 360 {
			t.Fatalf("%d and %d steps", len(day.Steps), len(hour.Steps))
		}
		for i, s := range day.Steps {
			if want := map[bool]float64{i >= 1380 && i < 1410: 5}[true]; math.Abs(s.Out-want) > 0.2 {
				t.Errorf("minute %d: %+v, want %v", i, s, want)
			}
		}
		all := r.Since("", time.Hour)
		if math.Abs(all.Steps[90].Out-5) > 0.6 || math.Abs(all.Steps[270].Out-3) > 0.6 {
			t.Errorf("all routes: %+v and %+v", all.Steps[90], all.Steps[270])
		}
	})
}

// TestHistoryIsFairToSlowAnswers spreads what was moved over the time in which it
// was, whenever the routes answer.
func TestHistoryIsFairToSlowAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlant("orders")
		p.delay = 17 * time.Second
		r := record(t, history.Config{Routes: p.status})
		p.flow(0, 10*time.Minute, 10)
		steps := r.Since("orders", time.Hour).Steps
		for i, s := range steps[:max(0, len(steps)-4)] {
			if math.Abs(s.Out-10) > 1.5 {
				t.Errorf("step %d: %+v", i, s)
			}
		}
	})
}

func TestTheLastMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlant("orders")
		var latency atomic.Pointer[status.Latency]
		latency.Store(&status.Latency{})
		r := record(t, history.Config{Routes: p.status, Latency: func(string) (status.Latency, bool) { return *latency.Load(), true }})
		ask := func() (api.Rates, *api.Latency) { return r.Minute(p.status(t.Context())[0]) }
		if rates, took := ask(); rates != (api.Rates{}) || took != nil {
			t.Errorf("at once: %+v, %+v", rates, took)
		}
		p.flow(0, 5*time.Minute, 50)
		p.flow(0, time.Minute, 7)
		p.set(0, func(c *status.Counts) { c.ParkedEver += 60; c.DeadEver += 6 })
		latency.Store(&status.Latency{Count: 104, Buckets: []status.Bucket{{UpTo: 1, Count: 50}, {UpTo: 2, Count: 100}, {UpTo: 4, Count: 100}}})
		rates, took := ask()
		if math.Abs(rates.Out-7) > 1 || math.Abs(rates.In-14) > 2 || math.Abs(rates.Parked-1) > 0.2 || math.Abs(rates.Dead-0.1) > 0.02 {
			t.Errorf("%+v", rates)
		}
		if took == nil || *took != (api.Latency{P50: 1.04, P95: 1.976, P99: 4}) {
			t.Errorf("took %+v", took)
		}
		time.Sleep(2 * time.Minute)
		if rates, took = ask(); rates != (api.Rates{}) || took != nil {
			t.Errorf("after two minutes of rest: %+v, %+v", rates, took)
		}
	})
}
