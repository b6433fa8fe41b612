//go:build linux && !race

package admin

// The race detector has Pebble check itself at each step: what is of very much runs
// without it.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	watermill "github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/bridge"
	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/broker/memory"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/metrics"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/pebble"
	"github.com/brokerbridge/bridge/ordering/store/storetest/crowd"
)

const crowdTopology = `
brokers:
  in: { memory: {} }
  out: { memory: {} }
store: { memory: {} }
admin: { listen: off }
routes:
  - name: orders
    from: { broker: in, queue: orders }
    to: { broker: out, topic: orders }
    order: { by: revision, key: header.key, revision: header.revision, first: 1, gap: { timeout: 1000h } }
  - name: quiet
    from: { broker: in, queue: quiet }
    to: { broker: out, topic: quiet }
    order: { by: revision, key: header.key, revision: header.revision, first: 1 }
`

// crowdSize is how much there is: all of it in a benchmark, where that was asked for.
func crowdSize(t testing.TB) crowd.Size {
	if _, measured := t.(*testing.B); measured && os.Getenv("BRIDGE_TEST_FULL") != "" {
		return crowd.Million
	}
	return crowd.Million.Part(20)
}

// crowded is a bridge with very much in its store, and its admin interface.
type crowded struct {
	*Server
	*bridge.Bridge
	size    crowd.Size
	in, out *memory.Broker
	store   *readCount
}

// fill makes a store of a crowd.
func fill(t testing.TB, dir string, size crowd.Size) {
	t.Helper()
	s, err := pebble.Open(dir, pebble.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for _, route := range []string{crowd.Route, "quiet"} {
		_, opened := s.Open(t.Context(), store.Identity{Route: route, Source: "in " + route, By: "revision", Key: "header.key", Revision: "header.revision"})
		err = errors.Join(err, opened)
	}
	if err == nil {
		err = crowd.Fill(t.Context(), s, size)
	}
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
}

// gather runs a bridge with a crowd in its store.
func gather(t testing.TB) *crowded {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "db")
	fill(t, dir, crowdSize(t))
	log := slog.New(slog.DiscardHandler)
	db, err := pebble.Open(dir, pebble.Options{Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	c := &crowded{in: memory.New("in", nil), out: memory.New("out", nil), store: &readCount{Store: db}, size: crowdSize(t)}
	for _, q := range []string{crowd.Route, "quiet"} {
		c.in.Create(q)
		c.out.Create(q)
	}
	f, err := config.Parse("topology.yaml", []byte(crowdTopology), nil)
	if err == nil {
		c.Bridge, err = bridge.New(f, bridge.Options{Store: db, Logger: log, Brokers: map[string]broker.Broker{"in": c.in, "out": c.out}})
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Bridge.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, c.Bridge.Close(), c.in.Close(), c.out.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	})
	c.Server = c.serve(t, log)
	c.awaitRunning(t)
	return c
}

// serve is the admin interface of the bridge, as the program makes it.
func (c *crowded) serve(t testing.TB, log *slog.Logger) *Server {
	t.Helper()
	registry := metrics.New(metrics.Config{Routes: c.Status, Operations: c.OperationStates, Latency: c.Latency, Commits: c.Commits})
	srv, err := New(Config{
		Listen: "127.0.0.1:0", Routes: c.Status, Store: c.store, Operator: c.Bridge, Teller: c.Bridge, Metrics: metrics.Handler(registry, log), Logger: log,
		Lane: func(ctx context.Context, route, key string, epoch uint32) (Live, bool) {
			v, ok := c.Look(ctx, route, key, epoch)
			return Live{Held: v.Held, Runs: v.Runs, State: v.State, Since: v.Since, Lowest: v.Lowest, Expires: v.Expires, Then: v.OnGap, Tries: v.Tries, Due: v.Due}, ok
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return srv
}

func (c *crowded) awaitRunning(t testing.TB) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		all := c.Status(t.Context())
		if all[0].State == status.Running && all[1].State == status.Running {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the routes do not run: %+v", all)
		}
	}
}

// ask is a GET of a browser.
func (c *crowded) ask(path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "http://127.0.0.1:8321"+path, nil)
	r.Header.Set("Accept", "text/html")
	w := httptest.NewRecorder()
	c.handler().ServeHTTP(w, r)
	return w
}

// crowdPaths are all pages and endpoints that read, as they are asked for.
func (c *crowded) paths() []string {
	group := func(cause string) string {
		return store.FingerprintOf(&store.DeadLetter{Reason: crowd.Reason, Target: "topic orders", Message: store.Message{Tries: store.Tries{Class: "permanent", Error: cause}}})
	}
	most := group("422 the price of order 1 is missing")
	var all []string
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	add("/")
	add("/routes/orders/")
	add("/dead-letters")
	add("/dead-letters?sort=last")
	for _, q := range []string{"", "group=" + most, "reason=expired", "reason=unknown_outcome", "key=hot", "since=2026-01-05T00:00:00Z", "after=" + store.PlaceOf(crowd.Began.Add(time.Hour), "d")} {
		add("/routes/orders/dead-letters?%s", q)
		add("/api/v1/routes/orders/dead-letters?%s", q)
	}
	add("/api/v1/routes/orders/dead-letters?limit=1000")
	add("/api/v1/routes/orders/dead-letters?reason=gap_timeout")
	id := crowd.ID(7)
	add("/routes/orders/dead-letters/%s", id)
	add("/api/v1/routes/orders/dead-letters/%s", id)
	add("/routes/orders/dead-letters/%s/edit", id)
	add("/api/v1/routes/orders/export?limit=100")
	add("/api/v1/routes/orders/export?reason=unknown_outcome")
	add("/routes/orders/act?do=redrive&id=%s", id)
	add("/routes/orders/act?do=redrive&group=%s", most)
	add("/routes/orders/act?do=discard&of-reason=expired")
	add("/api/v1/routes/orders/groups")
	for _, q := range []string{"", "&state=quarantined", "&state=gap_blocked", "&state=locked", "&key=hot"} {
		add("/keys?route=orders%s", q)
		add("/api/v1/routes/orders/keys?blocked=true%s", q)
	}
	add("/api/v1/routes/orders/keys?limit=1000")
	for _, key := range []string{crowd.Hot, crowd.Key(3), crowd.Key(c.size.Blocked() - 1), crowd.Key(c.size.Keys - 1)} {
		add("/routes/orders/keys/%s", key)
		add("/api/v1/routes/orders/keys/%s", key)
		add("/api/v1/routes/orders/keys/%s/explain", key)
		add("/api/v1/routes/orders/keys/%s/line", key)
	}
	add("/skips?route=orders")
	add("/api/v1/routes/orders/skips?limit=100")
	last := store.OpenSkip{}
	last.Key.Name, last.At = "skipped", crowd.Began.Add(time.Duration((c.size.Skips-50)/3)*time.Second)
	add("/skips?route=orders&after=%s", skipPlace(&last))
	add("/api/v1/routes/orders/skips?limit=100&after=%s", skipPlace(&last))
	for _, q := range []string{"", "route=orders", "route=quiet", "key=" + crowd.Key(1), "key=none", "route=orders&key=" + crowd.Key(1)} {
		add("/audit?%s", q)
		add("/api/v1/audit?last=50&%s", q)
		add("/api/v1/audit?%s", q)
	}
	add("/audit?before=%d", c.size.Audits/2)
	add("/api/v1/audit/verify")
	add("/audit/verify")
	add("/operations")
	add("/operations?route=orders")
	add("/api/v1/routes/orders/operations")
	operation := crowd.OperationID(c.size.Operations - 1)
	add("/routes/orders/operations/%s", operation)
	add("/api/v1/routes/orders/operations/%s", operation)
	for _, q := range []string{"order-0000", "d0000007", "header:tenant=none", "reason:expired", "error:nothing"} {
		add("/search?q=%s", q)
		add("/api/v1/search?q=%s", q)
	}
	for _, q := range []string{"", "group=0123456789abcdef"} {
		add("/routes/orders/archive?%s", q)
		add("/api/v1/routes/orders/archive?%s", q)
	}
	add("/routes/orders/archive/a000007")
	add("/api/v1/routes/orders/archive/a000007")
	for _, path := range []string{"/metrics", "/readyz?verbose", "/api/v1/me", "/api/v1/routes", "/api/v1/routes/orders", "/api/v1/history", "/api/v1/openapi.json"} {
		add("%s", path)
	}
	return all
}

// readCount counts the rows that are read of a store, and can make each last a little.
type readCount struct {
	store.Store
	rows atomic.Int64
	slow time.Duration
}

// readSlowly counts what a store yields.
func readSlowly[T any](c *readCount, all iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for v, err := range all {
			c.rows.Add(1)
			time.Sleep(c.slow)
			if !yield(v, err) {
				return
			}
		}
	}
}

func (c *readCount) Lanes(ctx context.Context, q store.Query) iter.Seq2[store.Record, error] {
	return readSlowly(c, c.Store.Lanes(ctx, q))
}

func (c *readCount) Briefs(ctx context.Context, q store.Query) iter.Seq2[store.Brief, error] {
	return readSlowly(c, c.Store.Briefs(ctx, q))
}

func (c *readCount) DeadLetters(ctx context.Context, q store.Query) iter.Seq2[store.DeadLetter, error] {
	return readSlowly(c, c.Store.DeadLetters(ctx, q))
}

func (c *readCount) Archive(ctx context.Context, q store.Query) iter.Seq2[store.Archived, error] {
	return readSlowly(c, c.Store.Archive(ctx, q))
}

func (c *readCount) OpenSkips(ctx context.Context, route string, after store.OpenSkip) iter.Seq2[store.OpenSkip, error] {
	return readSlowly(c, c.Store.OpenSkips(ctx, route, after))
}

func (c *readCount) Audits(ctx context.Context, q store.AuditQuery) iter.Seq2[store.Audit, error] {
	return readSlowly(c, c.Store.Audits(ctx, q))
}

func (c *readCount) Parked(ctx context.Context, k store.Key, from lane.Revision, limit int) ([]store.Message, error) {
	all, err := c.Store.Parked(ctx, k, from, limit)
	c.rows.Add(int64(len(all)))
	return all, err
}

// TestPagesAreBoundedWhateverIsThere asks for every page and endpoint over very much.
// None reads more rows than it may, however long each lasts, answers more than a page,
// or keeps anything. Only how far an audit is whole cannot be told in part.
func TestPagesAreBoundedWhateverIsThere(t *testing.T) {
	c := gather(t)
	c.budget = nil
	c.store.slow = 100 * time.Microsecond
	const (
		most  = 6000 // rows: two looks in a page, as long as each may last
		bytes = 1 << 20
	)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for _, path := range c.paths() {
		c.store.rows.Store(0)
		began := time.Now()
		w := c.ask(path)
		rows := c.store.rows.Load()
		if w.Code != 200 || w.Body.Len() > bytes {
			t.Errorf("%s: %d, %d bytes", path, w.Code, w.Body.Len())
		}
		if rows > most && !strings.Contains(path, "verify") {
			t.Errorf("%s read %d rows", path, rows)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%s took %s", path, took)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 64<<20 {
		t.Errorf("it keeps %d bytes", grown)
	}
	t.Run("what is rare is found page by page", c.findsWhatIsRare)
}

// findsWhatIsRare follows the pages of lists of which little matches.
func (c *crowded) findsWhatIsRare(t *testing.T) {
	c.store.slow = 0
	for path, want := range map[string]int{
		"/api/v1/routes/orders/dead-letters?reason=expired":            3,
		"/api/v1/routes/orders/dead-letters?reason=gap_timeout":        c.size.Blocked() / 5,
		"/api/v1/routes/orders/keys?blocked=true&state=gap_blocked":    c.size.Blocked() / 5,
		"/api/v1/routes/orders/skips":                                  c.size.Skips,
		"/api/v1/audit?last=1000&key=" + crowd.Key(1):                  c.size.Audits / 1000,
		"/api/v1/audit?key=" + crowd.Key(1):                            c.size.Audits / 1000,
		"/api/v1/routes/orders/archive?group=0123456789abcdef&limit=1": 0,
	} {
		n, pages := 0, 0
		for next := path; next != ""; pages++ {
			page := read[api.Page[json.RawMessage]](t, c.ask(next))
			n, next = n+len(page.Items), page.Next
		}
		if n != want {
			t.Errorf("%s: %d in %d pages, want %d", path, n, pages, want)
		}
	}
}

// BenchmarkConsolePages asks for every page, and tells how long each took in the
// middle, and at worst.
func BenchmarkConsolePages(b *testing.B) {
	c := gather(b)
	c.budget = nil // what one page takes is looked at, not what all of them do
	const times = 9
	fmt.Println("| page | median, ms | worst | KiB |\n|---|---|---|---|")
	for b.Loop() {
		for _, path := range c.paths() {
			var took []time.Duration
			size := 0
			for range times {
				began := time.Now()
				w := c.ask(path)
				took, size = append(took, time.Since(began)), w.Body.Len()
			}
			slices.Sort(took)
			fmt.Printf("| %s | %.1f | %.1f | %d |\n", path, ms(took[times/2]), ms(took[times-1]), size>>10)
		}
	}
}

func ms(d time.Duration) float64 { return d.Seconds() * 1000 }

// BenchmarkRouteBesideReaders moves messages of 1,000 keys with nobody about, and by
// turns while twenty read every page and never rest; they come in order.
func BenchmarkRouteBesideReaders(b *testing.B) {
	c := gather(b)
	const messages, rounds = 200_000, 5
	var alone, beside []float64
	next := 1
	for b.Loop() {
		for range rounds {
			alone = append(alone, c.move(b, messages, &next))
			stop := c.readers(20)
			beside = append(beside, c.move(b, messages, &next))
			b.Logf("%.0f a second alone, %.0f beside %d answers", alone[len(alone)-1], beside[len(beside)-1], stop())
		}
	}
	slices.Sort(alone)
	slices.Sort(beside)
	b.ReportMetric(beside[len(beside)/2]/alone[len(alone)/2], "beside/alone")
}

// readers are so many who read all pages until they are stopped, and then say how
// many answers they had.
func (c *crowded) readers(n int) (stop func() int64) {
	var wg sync.WaitGroup
	var answers atomic.Int64
	end := make(chan struct{})
	paths := c.paths()
	for i := range n {
		wg.Go(func() {
			for at := i * len(paths) / n; ; at++ {
				select {
				case <-end:
					return
				default:
				}
				c.ask(paths[at%len(paths)])
				answers.Add(1)
			}
		})
	}
	return func() int64 { close(end); wg.Wait(); return answers.Load() }
}

// move puts so many messages into the source, and returns how many a second came out
// at the target, each key's in order.
func (c *crowded) move(b *testing.B, n int, next *int) float64 {
	b.Helper()
	const keys = 1000
	began, was := time.Now(), c.Status(b.Context())[0].Counts.Delivered
	for range n / keys {
		for k := range keys {
			m := watermill.NewMessage(fmt.Sprintf("%d-%d", k, *next), []byte("moved"))
			m.Metadata["key"], m.Metadata["revision"] = fmt.Sprintf("moves-%03d", k), fmt.Sprint(*next)
			c.in.Put(crowd.Route, m)
		}
		*next++
	}
	for c.Status(b.Context())[0].Counts.Delivered < was+int64(n) {
		if time.Since(began) > 5*time.Minute {
			b.Fatal("they do not arrive")
		}
		time.Sleep(5 * time.Millisecond)
	}
	took := time.Since(began)
	last := map[string]int{}
	for _, m := range c.out.Messages(crowd.Route) {
		rev, _ := strconv.Atoi(m.Metadata["revision"])
		if key := m.Metadata["key"]; rev != last[key]+1 {
			b.Fatalf("%s: %d comes behind %d", key, rev, last[key])
		}
		last[m.Metadata["key"]]++
	}
	return float64(n) / took.Seconds()
}
