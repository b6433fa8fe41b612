package admin

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
	"github.com/brokerbridge/bridge/ordering/store/memory"
	"github.com/brokerbridge/bridge/ordering/store/pebble"
)

// TestPagingIsStable follows the pages of each list while somebody adds rows and
// takes others out: what is there all the time comes once, in order, and nothing
// comes twice.
func TestPagingIsStable(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) store.Store{
		"memory": func(*testing.T) store.Store { return memory.New() },
		"pebble": func(t *testing.T) store.Store {
			s, err := pebble.Open(t.TempDir(), pebble.Options{Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
	} {
		t.Run(name, func(t *testing.T) { pagesAreStable(t, opened(t, open(t))) })
	}
}

func pagesAreStable(t *testing.T, s store.Store) {
	crowd := &shifting{
		t: t, store: s, random: rand.New(rand.NewPCG(1, 2)), turns: make(chan struct{}, 8), there: map[int]bool{}, wrote: map[string]uint64{},
	}
	for i := range crowdRows {
		crowd.put(i, "stays")
	}
	srv := over(t, s, nil)
	stop := crowd.move()
	defer stop()
	for _, list := range []struct {
		path string
		name func(row map[string]any) string
	}{
		{"/api/v1/routes/orders/dead-letters?", named("id")},
		{"/api/v1/routes/orders/dead-letters?reason=stays", named("id")},
		{"/api/v1/routes/orders/dead-letters?gaps=true&reason=gap_timeout", named("key")},
		{"/api/v1/routes/orders/keys?", named("key")},
		{"/api/v1/routes/orders/keys?blocked=true", named("key")},
		{"/api/v1/routes/orders/keys?blocked=true&state=gap_blocked", named("key")},
		{"/api/v1/routes/orders/archive?", named("id")},
		{"/api/v1/routes/orders/skips?", named("key")},
	} {
		for _, limit := range []int{1, 7, 50} {
			rows := crowd.pagesOf(srv, fmt.Sprintf("%s&limit=%d", list.path, limit), list.name)
			crowd.check(list.path, rows)
		}
	}
	crowd.checkAudits(srv)
}

const crowdRows = 60

func named(field string) func(row map[string]any) string {
	return func(row map[string]any) string { s, _ := row[field].(string); return s }
}

// pagesOf are the names of the rows of a list, page by page. While it reads one, some
// rows come and go.
func (m *shifting) pagesOf(s *Server, next string, name func(row map[string]any) string) (all []string) {
	m.t.Helper()
	for next != "" {
		for range 8 {
			m.turns <- struct{}{}
		}
		page := read[api.Page[map[string]any]](m.t, ask(s, "GET", next, ""))
		for _, row := range page.Items {
			all = append(all, name(row))
		}
		next = page.Next
	}
	return all
}

// shifting is a store in which rows come and go.
type shifting struct {
	t      *testing.T
	store  store.Store
	random *rand.Rand
	turns  chan struct{} // a row may come or go
	there  map[int]bool  // of those that come and go
	wrote  map[string]uint64
}

// put writes a row of each kind; those with the same number are of one place.
func (m *shifting) put(i int, kind string) {
	name := fmt.Sprintf("%03d-%s", i, kind)
	at := noon.Add(time.Duration(i) * time.Minute)
	version := m.wrote[name]
	m.wrote[name]++
	commit(m.t, m.store, store.Change{
		Key: store.Key{Route: "orders", Name: name}, Version: version,
		Record: &store.Record{State: lane.State{Base: 1, Next: 9, Highest: 8, Skips: 1, Mode: lane.GapBlocked}, Since: at},
		Skip:   []store.Skip{{From: 2, To: 3, At: at}},
		Dead:   []store.DeadLetter{{ID: name, Key: name, Reason: kind, At: at}},
		Archive: []store.Archived{{
			DeadLetter: store.DeadLetter{ID: name, Key: name, At: at}, ArchivedAt: at,
		}},
		Audit: []store.Audit{{Action: kind, Target: name, At: at}},
	})
}

// drop takes a row of each kind out again, but for the audit.
func (m *shifting) drop(i int) {
	name := fmt.Sprintf("%03d-goes", i)
	version := m.wrote[name]
	m.wrote[name]++
	commit(m.t, m.store, store.Change{
		Key: store.Key{Route: "orders", Name: name}, Version: version,
		Record: &store.Record{State: lane.State{Base: 1, Next: 9, Highest: 8, Skips: 1}},
		Close:  []lane.Revision{2}, Gone: []string{name}, Restore: []string{name},
	})
}

// move has rows come and go until it is told to stop.
func (m *shifting) move() (stop func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range m.turns {
			i := m.random.IntN(crowdRows)
			if m.there[i] = !m.there[i]; m.there[i] {
				m.put(i, "goes")
			} else {
				m.drop(i)
			}
		}
	}()
	return func() { close(m.turns); <-done }
}

// check holds what pages showed to what was there all the time.
func (m *shifting) check(path string, rows []string) {
	m.t.Helper()
	stays := 0
	for i, name := range rows {
		if i > 0 && rows[i-1] >= name {
			m.t.Errorf("%s: %s comes behind %s", path, name, rows[i-1])
		}
		if strings.HasSuffix(name, "stays") {
			stays++
		}
	}
	if stays != crowdRows {
		m.t.Errorf("%s: %d of %d that were there all the time: %q", path, stays, crowdRows, rows)
	}
}

// checkAudits follows the audit in both directions, of which nothing goes: from
// its beginning, and back from where it is.
func (m *shifting) checkAudits(srv *Server) {
	m.t.Helper()
	forth := m.pagesOf(srv, "/api/v1/audit?limit=50", func(row map[string]any) string { return fmt.Sprint(row["seq"]) })
	if len(forth) < crowdRows || len(slices.Compact(slices.Clone(forth))) != len(forth) || forth[0] != "1" {
		m.t.Errorf("%d entries from %s", len(forth), forth[0])
	}
	before := fmt.Sprint(len(forth) + 1)
	for at := len(forth); at > 0; {
		page := read[api.Page[api.Audit]](m.t, ask(srv, "GET", "/api/v1/audit?last=50&before="+before, ""))
		for _, a := range slices.Backward(page.Items) {
			if a.Seq != uint64(at) {
				m.t.Fatalf("entry %d, want %d", a.Seq, at)
			}
			at--
		}
		before = fmt.Sprint(at + 1)
	}
}
