package bridge_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge"
	"github.com/brokerbridge/bridge/bridge/admin"
	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/memory"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering/store"
	memorystore "github.com/brokerbridge/bridge/ordering/store/memory"
	"github.com/brokerbridge/bridge/policies"
)

// doors are a bridge with its admin interface.
type doors struct {
	*rig
	url string
}

// health is what /readyz says, asked for as given.
func (d *doors) health(t *testing.T, query string) (code int, ready api.Ready) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.url+"/readyz"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if err := json.NewDecoder(res.Body).Decode(&ready); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, ready
}

// says waits until /readyz says of the route one what it should.
func (d *doors) says(t *testing.T, state status.State, words ...string) {
	t.Helper()
	want, last := http.StatusServiceUnavailable, ""
	if state == status.Running {
		want = http.StatusOK
	}
	await(t, "/readyz", func() bool {
		code, ready := d.health(t, "?verbose")
		text, _ := json.Marshal(ready)
		if code == want && ready.Routes[0].State == state && hasAll(string(text), words) {
			return true
		}
		if string(text) != last {
			last = string(text)
			t.Logf("so far %d %s", code, last)
		}
		return false
	})
}

func hasAll(text string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// watched is pausable with a breaker that is not in a hurry.
var watched = strings.Replace(pausable, "    breaker: { min: 5, open_for: 100ms }\n", "", 1)

// opened serves the health of a bridge with one route, which has begun.
func opened(t *testing.T, s store.Store, in func(*memory.Broker) broker.Broker, target, settings string) *doors {
	t.Helper()
	d := &doors{rig: brokers()}
	d.run(t, strings.Replace(watched, "broker: out, topic: one", "broker: out, topic: "+target, 1)+settings,
		bridge.Options{Store: s, Brokers: map[string]broker.Broker{"in": in(d.in), "out": d.out}})
	await(t, "the start", func() bool { return d.route(t, "one").State != status.Starting })
	srv, err := admin.New(admin.Config{
		Listen: "127.0.0.1:0", Routes: d.Status, Store: s, Operator: d.Bridge, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	d.url = "http://" + srv.Addr()
	return d
}

// TestI8_ReadyzTellsTheTruth brings a route into each of its states, and out again
// where that can be: /readyz has the code and the reason of each.
func TestI8_ReadyzTellsTheTruth(t *testing.T) {
	away := func(*message.Message) error {
		return policies.As(policies.Unavailable, errors.New("not enough replicas"))
	}
	put := func(d *doors, n int) {
		for rev := range n {
			d.in.Put("one", event("a", rev+1), event("b", rev+1), event("c", rev+1), event("d", rev+1), event("e", rev+1), event("f", rev+1))
		}
	}
	for name, c := range map[string]struct {
		target   string // default "one"
		settings string
		store    store.Store
		in       func(*memory.Broker) broker.Broker
		do       func(t *testing.T, d *doors)
		state    status.State
		words    []string
		undo     func(t *testing.T, d *doors) // nil: only a restart helps
	}{
		"running": {state: status.Running},
		"paused by an operator": {
			do:    func(t *testing.T, d *doors) { do(t, d.Pause, "lunch") },
			state: status.Paused, words: []string{"operator: lunch"},
			undo: func(t *testing.T, d *doors) { do(t, d.Resume, "back") },
		},
		"the breaker open": {
			settings: "    breaker: { min: 5, open_for: 1h }\n",
			do:       func(_ *testing.T, d *doors) { d.out.Fail("one", away); put(d, 5) },
			state:    status.Waiting, words: []string{"target: breaker open", `"breaker":"open"`},
		},
		"a target away": {
			target: "gone", settings: "    breaker: { open_for: 100ms }\n",
			do:    func(_ *testing.T, d *doors) { put(d, 1) },
			state: status.Waiting, words: []string{"target: ", "does not exist"},
			undo: func(_ *testing.T, d *doors) { d.out.Create("gone") },
		},
		"a lost source": {
			in:    func(b *memory.Broker) broker.Broker { return &rewound{Broker: b, fault: broker.ErrElsewhere} },
			state: status.Waiting, words: []string{"source: state_elsewhere"},
		},
		"offsets to accept": {
			in:    func(b *memory.Broker) broker.Broker { return &rewound{Broker: b, fault: broker.ErrRewound} },
			state: status.Paused, words: []string{"source: offset_rewound"},
			undo: func(t *testing.T, d *doors) {
				accept := change("it is meant")
				accept.AcceptOffset = true
				if out, err := d.Resume(t.Context(), "one", accept); err != nil || !out.Done {
					t.Fatal(out, err)
				}
			},
		},
		"a store that takes nothing": {
			store: &full{Store: memorystore.New()},
			do:    func(_ *testing.T, d *doors) { put(d, 1) },
			state: status.Waiting, words: []string{"store: commits fail"},
			undo: func(_ *testing.T, d *doors) { d.Store().(*full).empty.Store(true) },
		},
		"no room on the disk": {
			store: &cramped{memorystore.New()},
			state: status.Waiting, words: []string{"store_space: 1 bytes are free"},
		},
		"no room for parked messages": {
			settings: "    park: { max_bytes: 1 }\n",
			do:       func(_ *testing.T, d *doors) { d.in.Put("one", event("a", 2), event("a", 3)) },
			state:    status.Waiting, words: []string{"park_full: "},
			undo: func(t *testing.T, d *doors) {
				behind, two := change("it is lost"), int64(2)
				behind.To = &two
				if out, err := d.Skip(t.Context(), "one", "a", behind); err != nil || !out.Done {
					t.Fatal(out, err)
				}
			},
		},
		"stopped by a dead letter": {
			settings: "    dead_letter: { then: stop }\n",
			do: func(_ *testing.T, d *doors) {
				d.out.Fail("one", func(*message.Message) error { return policies.As(policies.Permanent, errors.New("no")) })
				put(d, 1)
			},
			state: status.Paused, words: []string{"dead_letter: "},
			undo: func(t *testing.T, d *doors) { d.out.Fail("one", nil); do(t, d.Resume, "mended") },
		},
		"an alarm": {
			settings: "    alarms: { dead_letters: 1 }\n",
			do:       func(_ *testing.T, d *doors) { d.in.Put("one", message.NewMessage("x", nil)) },
			state:    status.Running, words: []string{`"alarms":[{"reason":"dead_letters"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.store == nil {
				c.store = memorystore.New()
			}
			if c.in == nil {
				c.in = plain
			}
			d := opened(t, c.store, c.in, cmp.Or(c.target, "one"), c.settings)
			if c.do != nil {
				c.do(t, d)
			}
			d.says(t, c.state, c.words...)
			if code, ready := d.health(t, ""); (code == http.StatusOK) != (len(ready.Routes) == 0) {
				t.Errorf("%d, and it names %d routes", code, len(ready.Routes))
			}
			if code, ready := d.health(t, "?exclude=one"); code != http.StatusOK || !ready.Ready || !slices.Equal(ready.Excluded, []string{"one"}) {
				t.Errorf("without it: %d %+v", code, ready)
			}
			if code, _ := d.health(t, "?exclude=other"); (code == http.StatusOK) != (c.state == status.Running) {
				t.Errorf("without one that is not there: %d", code)
			}
			if c.undo != nil {
				c.undo(t, d)
				d.says(t, status.Running)
			}
		})
	}
}

// do has an operator change the route one.
func do(t *testing.T, act func(context.Context, string, api.Change) (api.Outcome, error), reason string) {
	t.Helper()
	if out, err := act(t.Context(), "one", change(reason)); err != nil || !out.Done {
		t.Fatal(out, err)
	}
}

// TestI8_ReadyzBeforeAndBehindTheRun: a bridge that has not begun, or has ended, is
// not ready.
func TestI8_ReadyzBeforeAndBehindTheRun(t *testing.T) {
	f, err := config.Parse("topology.yaml", []byte(watched), nil)
	if err != nil {
		t.Fatal(err)
	}
	r := brokers()
	b, err := bridge.New(f, bridge.Options{Logger: slog.New(slog.DiscardHandler), Brokers: map[string]broker.Broker{"in": r.in, "out": r.out}})
	if err != nil {
		t.Fatal(err)
	}
	if s := b.Status(t.Context())[0]; s.Ready() || s.State != status.Starting {
		t.Errorf("before: %+v", s)
	}
	_ = b.Close()
	d := opened(t, memorystore.New(), plain, "one", "")
	d.says(t, status.Running)
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	d.says(t, status.Stopped)
}

// TestI8_AProbeIsNotReadiness has the breaker let a message through again and again
// in vain: the route waits all the while.
func TestI8_AProbeIsNotReadiness(t *testing.T) {
	d := opened(t, memorystore.New(), plain, "one", "    breaker: { min: 1, open_for: 50ms }\n")
	d.says(t, status.Running)
	arrived, answer := make(chan struct{}, 100), make(chan error)
	d.out.Fail("one", func(*message.Message) error { arrived <- struct{}{}; return <-answer })
	d.in.Put("one", event("a", 1))
	away := policies.As(policies.Unavailable, errors.New("not enough replicas"))
	for range 2 {
		<-arrived
		answer <- away
	}
	<-arrived // a probe, whose answer is awaited
	d.says(t, status.Waiting, "breaker half-open")
	d.out.Fail("one", nil)
	answer <- nil
	d.says(t, status.Running)
}

// full is a store that takes nothing until it is empty.
type full struct {
	store.Store
	empty atomic.Bool
}

func (s *full) Commit(ctx context.Context, changes ...store.Change) []error {
	if s.empty.Load() {
		return s.Store.Commit(ctx, changes...)
	}
	return slices.Repeat([]error{store.ErrFull}, len(changes))
}

// cramped is a store whose disk is nearly full.
type cramped struct{ store.Store }

func (cramped) Stats(context.Context) (store.Stats, error) { return store.Stats{Free: 1}, nil }
