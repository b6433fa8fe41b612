package alarm

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// said is a log that may be read while it is written.
type said struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// guard is a watch over a route whose store is written by hand.
type guard struct {
	*Watch
	t    *testing.T
	keys atomic.Int64
	log  said
	hook *Hook
}

func watching(t *testing.T, limits config.Alarms, unheard ...bool) *guard {
	t.Helper()
	g := &guard{t: t}
	s := memory.New()
	if _, err := s.Open(t.Context(), store.Identity{Route: "r"}); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(&g.log, nil))
	g.hook = NewHook(config.Webhook{URL: config.NewSecret("https://hooks.example/secret"), PerMinute: 10}, log)
	g.Watch = New(Config{
		Route: "r", Owner: "team", Source: "/s", Limits: limits, Store: s, Events: len(unheard) == 0, Hooks: []*Hook{g.hook}, Log: log,
		Quarantined: func(context.Context) int64 { return g.keys.Load() },
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); g.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return g
}

func (g *guard) commit(c store.Change) {
	g.t.Helper()
	c.Key.Route = "r"
	if err := g.Store.Commit(g.t.Context(), c)[0]; err != nil {
		g.t.Fatal(err)
	}
}

// is compares the alarms that are on.
func (g *guard) is(want ...string) {
	g.t.Helper()
	var got []string
	all, _ := g.Now()
	for _, a := range all {
		got = append(got, a.Reason)
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		g.t.Errorf("on are %v, want %v", all, want)
	}
}

// told are the notices that wait to be sent, in short.
func (g *guard) told() string {
	g.hook.mu.Lock()
	defer g.hook.mu.Unlock()
	var all []string
	for _, n := range g.hook.waiting {
		all = append(all, n.Reason+" "+n.State)
	}
	g.hook.waiting = nil
	return strings.Join(all, ", ")
}

func deadLetter(id string, at time.Time) store.Change {
	return store.Change{Dead: []store.DeadLetter{{ID: id, At: at}}}
}

func defaults() config.Alarms {
	f, err := config.Parse("a", []byte("brokers: { m: { memory: {} } }\n"+
		"routes: [{ name: r, from: { broker: m, queue: a }, to: { broker: m, queue: b }, order: { by: none } }]"), nil)
	if err != nil {
		panic(err)
	}
	return f.Routes[0].Alarms
}

// TestAlarmByDefault: what is left lying is told after a day, a hole at once.
func TestAlarmByDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := watching(t, defaults())
		g.commit(deadLetter("d", time.Now()))
		time.Sleep(24*time.Hour - time.Minute)
		g.is()
		time.Sleep(2 * time.Minute)
		g.is("dead_letter_age")
		if got := g.told(); got != "dead_letter_age begun" {
			t.Error(got)
		}
		key := store.Key{Route: "r", Name: "k"}
		rec := store.Record{State: lane.State{Skips: 1}}
		g.commit(store.Change{Key: key, Record: &rec, Skip: []store.Skip{{From: 1, To: 2, At: time.Now()}}})
		time.Sleep(2 * every)
		g.is("dead_letter_age", "open_skips")
		if got := g.told(); got != "open_skips begun" {
			t.Error(got)
		}
		all, oldest := g.Now()
		if all[1].Says != "1 skipped ranges that nobody has closed, the limit is 1" || time.Since(oldest.DeadLetter) < 24*time.Hour || oldest.Skip.IsZero() {
			t.Errorf("%+v %+v", all, oldest)
		}
		g.commit(store.Change{Gone: []string{"d"}})
		time.Sleep(calm + 3*every)
		g.is("open_skips")
		if got := g.told(); got != "dead_letter_age resolved" {
			t.Error(got)
		}
		if text := g.log.String(); strings.Count(text, "an alarm begins") != 2 || strings.Count(text, "an alarm is over") != 1 || strings.Contains(text, "secret") {
			t.Error(text)
		}
	})
}

// TestAlarmDoesNotFlap: what goes up and down at its limit is one alarm.
func TestAlarmDoesNotFlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := watching(t, config.Alarms{QuarantinedKeys: 5})
		for range 10 {
			g.keys.Store(5)
			time.Sleep(2 * every)
			g.keys.Store(4)
			time.Sleep(2 * every)
		}
		g.is("quarantined_keys")
		time.Sleep(calm + every)
		g.is()
		if n := strings.Count(g.log.String(), "an alarm"); n != 2 {
			t.Errorf("%d lines\n%s", n, g.log.String())
		}
	})
}

// TestAlarmCounts: each limit is of its own count, off is never.
func TestAlarmCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := config.Alarms{DeadLetters: 2, Parked: 2, ParkedAge: time.Hour, UnsentEvents: 2}
		g, off := watching(t, all), watching(t, config.Alarms{Off: true, DeadLetters: 1})
		unheard := watching(t, all, true) // nobody sends its events
		for _, g := range []*guard{g, off, unheard} {
			g.commit(deadLetter("1", time.Now()))
			g.commit(store.Change{Events: make([]store.Event, 1)})
			time.Sleep(2 * every)
			g.is()
			g.commit(deadLetter("2", time.Now()))
			g.commit(store.Change{Events: make([]store.Event, 1)})
			rec := store.Record{State: lane.State{Mode: lane.Gap, Parked: 2}, Since: time.Now()}
			g.commit(store.Change{Key: store.Key{Name: "k"}, Record: &rec, Park: []store.Message{{Rev: 2, ID: "2"}, {Rev: 3, ID: "3"}}})
		}
		time.Sleep(2 * every)
		g.is("dead_letters", "parked", "unsent_events")
		unheard.is("dead_letters", "parked")
		off.is()
		if _, oldest := off.Now(); oldest == nil || oldest.Parked.IsZero() {
			t.Error("without limits nothing is known of what waits")
		}
		time.Sleep(time.Hour + parkedEvery)
		g.is("dead_letters", "parked", "parked_age", "unsent_events")
	})
}

// TestAlarmReasonsAreAll: whoever lists them knows each.
func TestAlarmReasonsAreAll(t *testing.T) {
	var got []string
	for _, l := range New(Config{}).limits(&facts{}) {
		got = append(got, l.reason)
	}
	if strings.Join(got, " ") != strings.Join(status.AlarmReasons, " ") {
		t.Errorf("%q and %q", got, status.AlarmReasons)
	}
}
