package admin

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

// opened opens the route orders in a store.
func opened(t testing.TB, s store.Store) store.Store {
	t.Helper()
	t.Cleanup(func() { _ = s.Close() })
	if _, err := s.Open(t.Context(), store.Identity{Route: "orders"}); err != nil {
		t.Fatal(err)
	}
	return s
}

// commit commits changes that have to succeed.
func commit(t testing.TB, s store.Store, changes ...store.Change) {
	t.Helper()
	for _, err := range s.Commit(t.Context(), changes...) {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// over is a server of a store, with what is in memory of keys.
func over(t testing.TB, s store.Store, live map[string]Live) *Server {
	t.Helper()
	srv, err := New(Config{
		Listen: "127.0.0.1:0", Routes: routes(status.Running), Store: s, Logger: slog.New(slog.DiscardHandler),
		Lane: func(_ context.Context, _, key string, epoch uint32) (Live, bool) {
			l, ok := live[fmt.Sprintf("%s/%d", key, epoch)]
			return l, ok
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	srv.budget = nil // these ask much, and are not what is looked at
	return srv
}

// drawn is a line as text, and that it has no hole.
func drawn(t *testing.T, l api.Line) string {
	t.Helper()
	var parts []string
	for i, r := range l.Runs {
		if r.To < r.From || i > 0 && r.From != l.Runs[i-1].To+1 {
			t.Errorf("run %d is %+v behind %+v", i, r, l.Runs[max(0, i-1)])
		}
		part := fmt.Sprintf("%s %d-%d", r.State, r.From, r.To)
		if r.From == r.To {
			part = fmt.Sprintf("%s %d", r.State, r.From)
		}
		if r.Letter != "" {
			part += " " + r.Letter
		}
		parts = append(parts, part)
	}
	if l.Omitted > 0 {
		parts = append(parts, fmt.Sprintf("%d more", l.Omitted))
	}
	return strings.Join(parts, ", ")
}

func parked(revs ...lane.Revision) (ms []store.Message) {
	for _, r := range revs {
		ms = append(ms, store.Message{Rev: r, ID: fmt.Sprint(r), Payload: []byte("body")})
	}
	return ms
}

func deadAt(id, key string, rev lane.Revision) store.DeadLetter {
	d := dead(id, key, "permanent", true, nil)
	d.Rev = rev
	return d
}

func TestALineHasNoHole(t *testing.T) {
	type state = lane.State
	for name, c := range map[string]struct {
		change store.Change
		live   *Live
		want   string
	}{
		"new": {
			store.Change{Record: &store.Record{State: state{Base: 1, Next: 1, Highest: 0}}},
			nil,
			"next 1",
		},
		"flowing": {
			store.Change{Record: &store.Record{State: state{Base: 1, Next: 43, Highest: 42}}},
			nil,
			"settled 1-42, next 43",
		},
		"flowing from zero, some under way": {
			store.Change{Record: &store.Record{State: state{Base: 0, Next: 3, Highest: 2}}},
			&Live{Held: 2, Runs: []store.Run{{From: 3, To: 4}}, State: state{Base: 0, Next: 3, Highest: 4}},
			"settled 0-2, held 3-4",
		},
		"skipped and given up": {
			store.Change{
				Record: &store.Record{State: state{Base: 1, Next: 10, Highest: 9, Skips: 2}},
				Skip:   []store.Skip{{From: 2, To: 3, By: "gap"}, {From: 9, To: 9, By: "ann", Reason: "lost"}},
				Dead:   []store.DeadLetter{deadAt("d5", "k", 5), deadAt("d1", "k", 1)},
			},
			nil,
			"dead 1 d1, skipped 2-3, settled 4, dead 5 d5, settled 6-8, skipped 9, next 10",
		},
		"quarantined": {
			store.Change{
				Record: &store.Record{State: state{Base: 1, Next: 4, Highest: 9, Lowest: 5, Parked: 4, Mode: lane.Quarantined}},
				Park:   parked(5, 6, 8, 9), Dead: []store.DeadLetter{deadAt("d4", "k", 4)},
			},
			nil,
			"settled 1-3, dead 4 d4, parked 5-6, gap 7, parked 8-9",
		},
		"a gap, in the store and in memory": {
			store.Change{Record: &store.Record{State: state{Base: 1, Next: 4, Highest: 7, Lowest: 6, Parked: 2, Mode: lane.Gap}}, Park: parked(6, 7)},
			&Live{
				Held: 4, Runs: []store.Run{{From: 6, To: 6}, {From: 8, To: 8}, {From: 10, To: 11}},
				State: state{Base: 1, Next: 4, Highest: 11, Lowest: 6, Parked: 2, Mode: lane.Gap}, Expires: noon,
			},
			"settled 1-3, gap 4-5, parked 6-7, held 8, gap 9, held 10-11",
		},
		"tried again": {
			store.Change{Record: &store.Record{Due: noon, State: state{Base: 1, Next: 4, Highest: 6, Lowest: 4, Parked: 3, Mode: lane.Waiting}}, Park: parked(4, 5, 6)},
			nil,
			"settled 1-3, parked 4, parked 5-6",
		},
		"adopting": {
			store.Change{Record: &store.Record{State: state{Base: -1, Next: -1, Highest: 8, Lowest: 7, Parked: 2, Mode: lane.Adopting}}, Park: parked(7, 8)},
			nil,
			"parked 7-8",
		},
		"adopting, nothing": {
			store.Change{Record: &store.Record{State: state{Base: -1, Next: -1, Highest: -1, Mode: lane.Adopting}}}, nil, "",
		},
		"implausibly far": {
			store.Change{Record: &store.Record{State: state{Base: 1, Next: 4, Highest: 7, Lowest: 6, Parked: 2, Aside: 1, Mode: lane.Gap}}, Park: parked(6, 1<<40)},
			nil,
			"settled 1-3, gap 4-5, parked 6, gap 7-1099511627775, parked 1099511627776",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := opened(t, memory.New())
			c.change.Key = store.Key{Route: "orders", Name: "k"}
			commit(t, s, c.change)
			live := map[string]Live{}
			if c.live != nil {
				live["k/0"] = *c.live
			}
			if got := drawn(t, read[api.Line](t, ask(over(t, s, live), "GET", "/api/v1/routes/orders/keys/k/line", ""))); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestALineIsOfOneEpochOfAnyKey(t *testing.T) {
	s := opened(t, memory.New())
	for i, key := range hostileKeys {
		for epoch := range uint32(2) {
			commit(t, s, store.Change{
				Key:    store.Key{Route: "orders", Name: key, Epoch: epoch},
				Record: &store.Record{State: lane.State{Base: 1, Next: lane.Revision(i + 2 + int(epoch)), Highest: lane.Revision(i + 1 + int(epoch))}},
			})
		}
	}
	srv := over(t, s, nil)
	for i, key := range hostileKeys {
		at := "/api/v1/routes/orders/keys/" + strings.ReplaceAll(url.PathEscape(key), ".", "%2E") + "/line"
		for query, next := range map[string]int{"": i + 3, "?epoch=1": i + 3, "?epoch=0": i + 2} {
			got := read[api.Line](t, ask(srv, "GET", at+query, ""))
			if want := fmt.Sprintf("settled 1-%d, next %d", next-1, next); got.Raw() != key || drawn(t, got) != strings.Replace(want, "1-1,", "1,", 1) {
				t.Errorf("%q %s: %q %s, want %s", key, query, got.Raw(), drawn(t, got), want)
			}
		}
		for query, code := range map[string]int{"?epoch=2": 404, "?epoch=-1": 400, "?epoch=x": 400} {
			if w := ask(srv, "GET", at+query, ""); w.Code != code {
				t.Errorf("%q %s: %d %s", key, query, w.Code, w.Body)
			}
		}
	}
	for at, code := range map[string]string{"orders/keys/none": api.UnknownKey, "none/keys/k": api.UnknownRoute, "fresh/keys/k": api.UnknownKey} {
		if w := ask(srv, "GET", "/api/v1/routes/"+at+"/line", ""); w.Code != 404 || !strings.Contains(w.Body.String(), code) {
			t.Errorf("%s: %d %s", at, w.Code, w.Body)
		}
	}
}

var hostileKeys = []string{"plain", "a/b", "..", ".", "a b+c&d=e?#%", "\xff\x00\xfe", "日本", "\x1b[2J", `"q"`}
