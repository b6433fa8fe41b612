package admin

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
)

var rewrite = flag.Bool("rewrite", false, "write the expected files anew")

// tried are two tries of a message.
func tried() *store.TryLog {
	l := (*store.TryLog)(nil).Add(store.Try{At: noon, Class: "transient", Error: "before"})
	return l.Redriven().Add(store.Try{
		At: noon.Add(time.Minute), Took: 1500 * time.Millisecond, Class: "transient", Error: "no",
		Trace: store.Trace{ID: [16]byte{15: 1}, Span: [8]byte{7: 2}},
	})
}

// stuck is a store with a key in each mode, and what operators did.
func stuck(t *testing.T) store.Store {
	t.Helper()
	s := memory.New()
	t.Cleanup(func() { _ = s.Close() })
	if _, err := s.Open(t.Context(), store.Identity{Route: "orders"}); err != nil {
		t.Fatal(err)
	}
	put := func(key string, epoch uint32, mode lane.Mode, next lane.Revision, parked ...lane.Revision) store.Change {
		c := store.Change{Key: store.Key{Route: "orders", Name: key, Epoch: epoch}, Record: &store.Record{
			Since: noon, State: lane.State{Base: 1, Next: next, Highest: max(next-1, 0), Mode: mode, Parked: len(parked)},
		}}
		for i, r := range parked {
			c.Park = append(c.Park, store.Message{Rev: r, ParkedAt: noon.Add(-time.Duration(i) * time.Minute)})
			c.Record.State.Highest = r
		}
		if len(parked) > 0 {
			c.Record.State.Lowest = parked[0]
		}
		return c
	}
	waiting := put("waiting", 0, lane.Waiting, 4, 4, 5)
	waiting.Record.Due = noon.Add(time.Minute)
	waiting.Park[0].Tries = store.Tries{Attempts: 3, Class: "transient", Error: "no"}
	quarantined := put("quarantined", 0, lane.Quarantined, 4, 5, 6, 9)
	quarantined.Dead = []store.DeadLetter{dead("d1", "quarantined", "too_large", true, nil)}
	quarantined.Dead[0].Log = tried()
	quarantined.Archive = []store.Archived{{DeadLetter: quarantined.Dead[0], ArchivedAt: noon, By: "ann", Why: "for later"}}
	// Two epochs stand at a dead letter of the same revision.
	first, second := put("epochs", 0, lane.Quarantined, 4), put("epochs", 1, lane.Quarantined, 4, 5)
	first.Dead = []store.DeadLetter{dead("e0", "epochs", "too_large", true, nil)}
	second.Dead = []store.DeadLetter{dead("e1", "epochs", "too_large", true, nil)}
	second.Dead[0].Epoch = 1
	redriven := put("redriven", 0, lane.Quarantined, 4, 5)
	redriven.Record.Due = noon
	redriven.Dead = []store.DeadLetter{dead("d3", "redriven", "too_large", true, nil)}
	adopting := put("adopting", 0, lane.Adopting, -1)
	adopting.Record.State.Base, adopting.Record.State.Highest = -1, -1
	audits := []store.Audit{
		{At: noon, By: "ann", Action: "redrive", Key: "a", Target: "d1", Reason: "one"},
		{At: noon, By: "ann", Action: "discard", Key: "a", Target: "d2", Reason: "two"},
		{At: noon, By: "bob", Action: "pause", Reason: "three"},
		{At: noon, By: "bob", Action: "resume", Reason: "four"},
		{At: noon, By: "ann", Action: "skip", Key: "\xff", Epoch: 1, Target: "4-9", Reason: "\x1b[2Jlost"},
	}
	for i, err := range s.Commit(t.Context(),
		put("flowing", 0, lane.Flowing, 4), put("draining", 0, lane.Flowing, 4, 4, 5),
		put("gap", 0, lane.GapBlocked, 4, 6, 7), put("--it's", 0, lane.GapBlocked, 4, 5), put("\xff\x1b", 0, lane.GapBlocked, 4, 5),
		put("open", 0, lane.Gap, 4, 5), put("two", 0, lane.GapBlocked, 4, 5), put("two", 1, lane.GapBlocked, 4, 6),
		put("locked", 0, lane.Flowing, 8), put("locked", 1, lane.Locked, 1, 3, 4),
		waiting, quarantined, redriven, adopting, first, second,
		store.Change{Key: store.Key{Route: "orders"}, Audit: audits, Dead: []store.DeadLetter{
			dead("d2", "quarantined", "revision_conflict", false, nil), dead("d4", "beside", "late", false, nil),
		}},
	) {
		if err != nil {
			t.Fatal(i, err)
		}
	}
	return s
}

// TestExplain compares what is said of each key with testdata/explain; the file
// named after a key has the whole answer.
func TestExplain(t *testing.T) {
	s, err := New(Config{
		Listen: "127.0.0.1:0", Store: stuck(t), Logger: slog.New(slog.DiscardHandler),
		Routes: func(context.Context) []status.Route {
			return []status.Route{{Name: "orders", State: status.Running, Since: noon, Breaker: "closed"}, {Name: "fresh"}}
		},
		Lane: func(_ context.Context, _, key string, _ uint32) (Live, bool) {
			live := map[string]Live{
				"open": {
					Held: 2, Lowest: 7, Since: noon, Expires: noon.Add(time.Hour), Then: lane.Skip,
					State: lane.State{Base: 1, Next: 4, Highest: 8, Mode: lane.Gap},
				},
				"young":   {Held: 1, Lowest: 3, Since: noon, State: lane.State{Base: 1, Next: 1, Mode: lane.Gap}},
				"waiting": {State: lane.State{Base: 1, Next: 4, Highest: 4, Mode: lane.Waiting}, Since: noon, Tries: store.Tries{Attempts: 5, Error: "still", Log: tried()}},
			}
			l, ok := live[key]
			return l, ok
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]string{
		"adopting": "adopting", "flowing": "flowing", "draining": "draining", "gap": "gap", "flag": "--it's", "bytes": "\xff\x1b",
		"open": "open", "young": "young", "two": "two", "locked": "locked", "waiting": "waiting",
		"quarantined": "quarantined", "redriven": "redriven", "epochs": "epochs", "beside": "beside",
	} {
		w := ask(s, "GET", "/api/v1/routes/orders/keys/"+escaped(key)+"/explain", "")
		var doc any
		if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || w.Code != 200 {
			t.Fatalf("%s: %d %s %v", name, w.Code, w.Body, err)
		}
		got, _ := json.MarshalIndent(doc, "", "  ")
		compare(t, filepath.Join("testdata/explain", name+".json"), string(got)+"\n")
	}
	for _, url := range []string{"/orders/keys/nobody/explain", "/fresh/keys/a/explain", "/elsewhere/keys/a/explain"} {
		if w := ask(s, "GET", "/api/v1/routes"+url, ""); w.Code != 404 {
			t.Errorf("%s: %d %s", url, w.Code, w.Body)
		}
	}
}

func escaped(key string) string {
	var b strings.Builder
	for i := range len(key) {
		fmt.Fprintf(&b, "%%%02X", key[i])
	}
	return b.String()
}

func compare(t *testing.T, path, got string) {
	t.Helper()
	if *rewrite {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || got != string(want) {
		t.Errorf("%s differs (%v); it is\n%s", path, err, got)
	}
}

func TestExplainSaysHowTheRouteIs(t *testing.T) {
	for _, c := range []struct {
		route status.Route
		want  string
	}{
		{status.Route{State: status.Running}, ""},
		{status.Route{State: status.Stopped}, ""},
		{status.Route{State: status.Waiting, Reason: "target: away"}, "by itself"},
		{status.Route{State: status.Paused, Reason: "operator: lunch"}, "bridge routes resume orders --reason '…'"},
		{status.Route{State: status.Paused, Reason: "dead_letter: no"}, "bridge routes resume orders --reason '…'"},
		{status.Route{State: status.Waiting, Reason: "source: state_elsewhere: … `bridge run --accept-offset`"}, "bridge routes resume orders --accept-offset --reason '…'"},
		{status.Route{State: status.Paused, Reason: "source: offset_rewound: …"}, "bridge routes resume orders --accept-offset --reason '…'"},
	} {
		s, err := New(Config{Listen: "127.0.0.1:0", Store: stuck(t), Routes: func(context.Context) []status.Route {
			c.route.Name = "orders"
			return []status.Route{c.route}
		}})
		if err != nil {
			t.Fatal(err)
		}
		var e api.Explanation
		if err := json.NewDecoder(ask(s, "GET", "/api/v1/routes/orders/keys/gap/explain", "").Body).Decode(&e); err != nil {
			t.Fatal(err)
		}
		ways := fmt.Sprint(e.RouteWays)
		if once := strings.Contains(flowing(t, s), ", once the route"); once != (c.route.State != status.Running) {
			t.Errorf("%s: %s", c.route.State, flowing(t, s))
		}
		if e.RouteState != c.route.State || e.RouteReason != c.route.Reason || c.want == "" != (len(e.RouteWays) == 0) || !strings.Contains(ways, c.want) {
			t.Errorf("%s %s: %s", c.route.State, c.route.Reason, ways)
		}
	}
}

// flowing is why a key that flows waits.
func flowing(t *testing.T, s *Server) string {
	t.Helper()
	var e api.Explanation
	if err := json.NewDecoder(ask(s, "GET", "/api/v1/routes/orders/keys/flowing/explain", "").Body).Decode(&e); err != nil {
		t.Fatal(err)
	}
	return e.Epochs[0].Why
}

// What is parked may be very much: it is looked at only so far.
func TestI7_ExplainLooksAtSoMuchAndNoMore(t *testing.T) {
	s := memory.New()
	if _, err := s.Open(t.Context(), store.Identity{Route: "orders"}); err != nil {
		t.Fatal(err)
	}
	for key, many := range map[string]int{"many": 3 * maxBehind, "large": 4 * behindAt} {
		size := 3 * maxBehind / many * maxRead / 500 // few are large
		c := store.Change{Key: store.Key{Route: "orders", Name: key}, Record: &store.Record{
			State: lane.State{Base: 1, Next: 1, Highest: lane.Revision(2 * many), Lowest: 2, Parked: many, Mode: lane.GapBlocked},
		}}
		body := make([]byte, size)
		for i := range many {
			c.Park = append(c.Park, store.Message{Rev: lane.Revision(2*i + 2), Payload: body, ParkedAt: noon})
		}
		if err := s.Commit(t.Context(), c)[0]; err != nil {
			t.Fatal(err)
		}
	}
	srv, err := New(Config{Listen: "127.0.0.1:0", Store: s, Routes: routes(status.Running)})
	if err != nil {
		t.Fatal(err)
	}
	for key, most := range map[string]int{"many": maxBehind + behindAt, "large": behindAt} {
		var e api.Explanation
		if err := json.NewDecoder(ask(srv, "GET", "/api/v1/routes/orders/keys/"+key+"/explain", "").Body).Decode(&e); err != nil {
			t.Fatal(err)
		}
		b := e.Epochs[0].Behind
		if b.Seen > most || b.Seen < behindAt || b.Seen >= b.Count || len(b.Ranges) > maxRanges {
			t.Errorf("%s: %d of %d seen, in %d ranges", key, b.Seen, b.Count, len(b.Ranges))
		}
	}
}

func TestGapsAreListedBesideDeadLetters(t *testing.T) {
	s, _ := operated(t)
	const all = "/api/v1/routes/orders/dead-letters"
	for url, want := range map[string]string{
		"":                                  "d1 d2 d3 d4 e0 e1",
		"?gaps=true":                        "d1 d2 d3 d4 e0 e1 --it's gap two two:1 \xff\x1b",
		"?gaps=true&limit=4":                "d1 d2 d3 d4 | e0 e1 --it's gap | two two:1 \xff\x1b",
		"?gaps=true&limit=3":                "d1 d2 d3 | d4 e0 e1 | --it's gap two two:1 | \xff\x1b",
		"?gaps=true&limit=1":                "d1 | d2 | d3 | d4 | e0 | e1 | --it's | gap | two two:1 | \xff\x1b",
		"?reason=gap_timeout":               "--it's gap two two:1 \xff\x1b",
		"?reason=gap_timeout&limit=2":       "--it's gap | two two:1 | \xff\x1b",
		"?reason=late&gaps=true":            "d4",
		"?reason=too_large&limit=1":         "d1 | d3 | e0 | e1 | ",
		"?reason=nothing":                   "",
		"?gaps=true&key=two":                "two two:1",
		"?gaps=true&key=quarantined":        "d1 d2",
		"?key=quarantined&reason=too_large": "d1",
	} {
		var pages []string
		for next := all + url; next != ""; {
			var page api.Page[api.DeadLetter]
			w := ask(s, "GET", next, "")
			if err := json.NewDecoder(w.Body).Decode(&page); err != nil || w.Code != 200 {
				t.Fatalf("%s: %d %v", next, w.Code, err)
			}
			var ids []string
			for _, d := range page.Items {
				ids = append(ids, shown(d))
			}
			pages = append(pages, strings.Join(ids, " "))
			next = page.Next
		}
		// A last page may be empty.
		if got := strings.TrimSuffix(strings.Join(pages, " | "), " | "); got != strings.TrimSuffix(want, " | ") {
			t.Errorf("%s: %q, want %q", url, got, want)
		}
	}
	if w := ask(s, "GET", all+"?gaps=maybe", ""); w.Code != 400 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func shown(d api.DeadLetter) string {
	if !d.Bodiless {
		return d.ID
	}
	if d.Epoch > 0 {
		return fmt.Sprintf("%s:%d", d.Raw(), d.Epoch)
	}
	return d.Raw()
}

func TestAGapIsShownByItsID(t *testing.T) {
	s, _ := operated(t)
	for _, k := range []store.Key{{Name: "gap"}, {Name: "two", Epoch: 1}, {Name: "\xff\x1b"}, {Name: "--it's"}} {
		w := ask(s, "GET", "/api/v1/routes/orders/dead-letters/"+gapID(k), "")
		var d api.DeadLetterDetail
		if err := json.NewDecoder(w.Body).Decode(&d); err != nil || w.Code != 200 {
			t.Fatalf("%q: %d %v", k.Name, w.Code, err)
		}
		if d.Raw() != k.Name || d.Epoch != k.Epoch || *d.Revision != 4 || d.Reason != "gap_timeout" || !d.Bodiless || !d.Body.Null || !d.InOrder {
			t.Errorf("%q: %+v", k.Name, d)
		}
	}
	for _, id := range []string{gapID(store.Key{Name: "flowing"}), gapID(store.Key{Name: "gap", Epoch: 3}), "gap-", "gap-%", "gap-Z2Fw.x", "gap-Z2Fw.-1", "gap-Z2Fw.4294967296"} {
		if w := ask(s, "GET", "/api/v1/routes/orders/dead-letters/"+escaped(id), ""); w.Code != 404 {
			t.Errorf("%q: %d %s", id, w.Code, w.Body)
		}
	}
}
