package storetest

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// model compares the store with a list of all changes it took, from which each
// answer is worked out anew.
func model(t *testing.T, s *subject) {
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		sub := &subject{fresh: s.fresh, reopen: s.reopen}
		sub.start(t)
		defer sub.stop(t)
		rt.Repeat((&machine{s: sub, t: t, at: map[int32]store.Position{}}).actions())
	})
	t.Logf("%d runs", n)
}

// machine drives a store and keeps the history.
type machine struct {
	s   *subject
	t   *testing.T
	log []store.Change // those that were taken, in order
	at  map[int32]store.Position
}

func (m *machine) actions() map[string]func(*rapid.T) {
	a := map[string]func(*rapid.T){
		"commit": m.commit, "lane": m.checkLane, "lanes": m.checkLanes, "dead": m.checkDead, "": m.checkLedger,
		"audit": m.checkAudit, "positions": m.positions, "groups": m.checkGroups, "archive": m.checkArchive,
		"skips": m.checkOpenSkips, "events": m.checkEvents, "operations": m.checkOperations,
	}
	if m.s.reopen != nil {
		a["reopen"] = func(rt *rapid.T) {
			if rapid.IntRange(0, 9).Draw(rt, "dice") == 0 {
				m.s.Store = m.s.reopen(m.t, m.s.Store)
			}
		}
	}
	return a
}

var (
	someNames = rapid.SampledFrom([]string{"a", "a\x00", "a\x00\x01", "b", "\xff"})
	someKeys  = rapid.Custom(func(t *rapid.T) store.Key {
		return store.Key{Route: orders, Name: someNames.Draw(t, "name"), Epoch: rapid.Uint32Range(0, 1).Draw(t, "epoch")}
	})
	someRevs = rapid.Custom(func(t *rapid.T) lane.Revision {
		return lane.Revision(rapid.Int64Range(0, 12).Draw(t, "revision"))
	})
	someIDs  = rapid.SampledFrom([]string{"1", "2", "3", "30"})
	messages = rapid.Custom(func(t *rapid.T) store.Message {
		m := store.Message{Rev: someRevs.Draw(t, "rev"), ID: rapid.StringN(0, 3, -1).Draw(t, "id"), Print: lane.Print(rapid.Uint64().Draw(t, "print"))}
		m.Payload = rapid.SampledFrom([][]byte{nil, {}, []byte("x"), []byte("longer")}).Draw(t, "payload")
		m.Log = tryLogs.Draw(t, "tries")
		return m
	})
	tryLogs = rapid.SampledFrom([]*store.TryLog{nil, {Redrives: 1}, someTries()})
	letters = rapid.Custom(func(t *rapid.T) store.DeadLetter {
		return store.DeadLetter{ID: someIDs.Draw(t, "dead id"), Lane: rapid.Bool().Draw(t, "has a lane"), Key: someNames.Draw(t, "dead key"), At: someTimes.Draw(t, "dead at"), Reason: someNames.Draw(t, "dead reason"), Epoch: rapid.Uint32Range(0, 1).Draw(t, "dead epoch"), Message: messages.Draw(t, "dead message")}
	})
	someTimes = rapid.SampledFrom([]time.Time{start, start.Add(1)})
	marks     = rapid.Custom(func(t *rapid.T) store.Mirrored {
		return store.Mirrored{ID: someIDs.Draw(t, "marked id"), At: someTimes.Draw(t, "marked at")}
	})
	acts = rapid.Custom(func(t *rapid.T) store.Audit {
		return act(rapid.SampledFrom([]string{"skip", "discard"}).Draw(t, "action"), someNames.Draw(t, "act on"))
	})
	records = rapid.Custom(func(t *rapid.T) store.Record {
		next := someRevs.Draw(t, "next")
		return store.Record{State: lane.State{Next: next, Highest: next, Lowest: next, Parked: rapid.IntRange(0, 1).Draw(t, "parked"), Mode: lane.Mode(rapid.IntRange(0, int(lane.Locked)).Draw(t, "mode"))}}
	})
)

// change draws a change, which half of the time is built on the version before
// or after the right one.
func (m *machine) change(rt *rapid.T) store.Change {
	c := store.Change{Key: someKeys.Draw(rt, "key"), Ledger: store.Ledger{Delivered: rapid.Int64Range(0, 3).Draw(rt, "delivered")}}
	c.Dead = rapid.SliceOfN(letters, 0, 2).Draw(rt, "dead")
	c.Gone = rapid.SliceOfN(someIDs, 0, 1).Draw(rt, "gone")
	c.Mirrored = rapid.SliceOfN(marks, 0, 2).Draw(rt, "mirrored")
	c.Audit = rapid.SliceOfN(acts, 0, 2).Draw(rt, "audit")
	m.aside(rt, &c)
	if rapid.IntRange(0, 4).Draw(rt, "lane") == 0 {
		return c
	}
	r := records.Draw(rt, "record")
	r.Stamp = someRevs.Draw(rt, "stamp")
	c.Record = &r
	c.Version = m.version(c.Key) + rapid.SampledFrom([]uint64{0, 0, 0, 1, ^uint64(0)}).Draw(rt, "off")
	c.Park = rapid.SliceOfN(messages, 0, 3).Draw(rt, "park")
	c.Unpark = rapid.SliceOfN(someRevs, 0, 3).Draw(rt, "unpark")
	if from := someRevs.Draw(rt, "skip"); from%4 == 0 { // ranges of three, so that none overlap
		c.Skip = []store.Skip{{From: from, To: from + 2, By: "gap", At: someTimes.Draw(rt, "skipped at")}}
	}
	if from := someRevs.Draw(rt, "close"); from%2 == 0 {
		c.Close = []lane.Revision{from}
	}
	if rapid.Bool().Draw(rt, "quarantine") { // by a dead letter of its own
		r.State.Mode = lane.Quarantined
		d := letters.Draw(rt, "head")
		d.Lane, d.Key, d.Epoch, d.Rev = true, c.Key.Name, c.Key.Epoch, r.State.Next
		c.Dead = append(c.Dead, d)
	}
	return c
}

func (m *machine) commit(rt *rapid.T) {
	var changes []store.Change
	named := map[store.Key]bool{}
	for range rapid.IntRange(1, 4).Draw(rt, "changes") {
		if c := m.change(rt); c.Record == nil || !named[c.Key] {
			named[c.Key] = named[c.Key] || c.Record != nil
			changes = append(changes, c)
		}
	}
	for i, err := range m.s.Commit(m.t.Context(), changes...) {
		c := changes[i]
		if stale := c.Record != nil && c.Version != m.version(c.Key); stale != errors.Is(err, store.ErrConflict) || !stale && err != nil {
			rt.Fatalf("lane %v at version %d, change built on %d: %v", c.Key, m.version(c.Key), c.Version, err)
		}
		if err == nil {
			m.log = append(m.log, c)
		}
	}
}

// of are the changes to a lane.
func (m *machine) of(k store.Key) (cs []store.Change) {
	for _, c := range m.log {
		if c.Key == k && c.Record != nil {
			cs = append(cs, c)
		}
	}
	return cs
}

func (m *machine) version(k store.Key) uint64 { return uint64(len(m.of(k))) }

func (m *machine) parked(k store.Key) map[lane.Revision]store.Message {
	rows := map[lane.Revision]store.Message{}
	for _, c := range m.of(k) {
		for _, p := range c.Park {
			rows[p.Rev] = p
		}
		for _, r := range c.Unpark {
			delete(rows, r)
		}
	}
	return rows
}

func (m *machine) record(k store.Key) store.Record {
	cs := m.of(k)
	if len(cs) == 0 {
		return store.Record{Key: k}
	}
	r := *cs[len(cs)-1].Record
	r.Key, r.Version = k, uint64(len(cs))
	return r
}

func (m *machine) checkLane(rt *rapid.T) {
	k := someKeys.Draw(rt, "key")
	same(rt, m.s.load(m.t, k), m.record(k))
	var want []store.Message
	rows := m.parked(k)
	from, limit := someRevs.Draw(rt, "from"), rapid.IntRange(0, 3).Draw(rt, "limit")
	for _, r := range slices.Sorted(maps.Keys(rows)) {
		if r >= from && (limit == 0 || len(want) < limit) {
			want = append(want, rows[r])
		}
	}
	got, err := m.s.Parked(m.t.Context(), k, from, limit)
	must(m.t, err)
	same(rt, got, want)
	var found store.Found
	if p, ok := rows[from]; ok {
		found = store.Found{Parked: true, Print: p.Print}
	}
	for _, c := range m.of(k) {
		for _, s := range c.Skip {
			found.Skipped = found.Skipped || s.From <= from && from <= s.To
		}
	}
	f, err := m.s.Find(m.t.Context(), k, from)
	must(m.t, err)
	same(rt, f, found)
}

func (m *machine) checkLanes(rt *rapid.T) {
	q := store.Query{Blocked: rapid.Bool().Draw(rt, "blocked")}
	if rapid.Bool().Draw(rt, "one") {
		q.Key = someNames.Draw(rt, "name")
	} else if rapid.Bool().Draw(rt, "page") {
		q.After = someNames.Draw(rt, "after")
	}
	keys := map[store.Key]bool{}
	for _, c := range m.log {
		r := m.record(c.Key)
		if r.Version > 0 && (q.Key == "" || c.Key.Name == q.Key) && c.Key.Name > q.After && (!q.Blocked || r.Blocked()) {
			keys[c.Key] = true
		}
	}
	want := slices.SortedFunc(maps.Keys(keys), func(a, b store.Key) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Epoch, b.Epoch))
	})
	same(rt, m.s.lanes(m.t, q), want)
}

// unmirrored returns the ids of the dead letters that wait for their copy.
func (m *machine) unmirrored() map[string]bool {
	at := map[string]time.Time{}
	for _, c := range m.log {
		for _, is := range c.Mirrored {
			if t, ok := at[is.ID]; ok && t.Equal(is.At) {
				delete(at, is.ID)
			}
		}
		for _, id := range c.Gone {
			delete(at, id)
		}
		for _, d := range c.Dead {
			at[d.ID] = d.At
		}
	}
	ids := map[string]bool{}
	for id := range at {
		ids[id] = true
	}
	return ids
}

// dead returns the dead letters there are, how many there ever were, and how
// many without a lane came once more.
func (m *machine) dead() (now map[string]store.DeadLetter, ever, again int64) {
	now = map[string]store.DeadLetter{}
	for _, c := range m.log {
		for _, id := range c.Gone {
			delete(now, id)
		}
		for _, d := range c.Dead {
			if _, ok := now[d.ID]; !ok {
				ever++
			} else if !d.Lane {
				again++
			}
			now[d.ID] = kept(d)
		}
	}
	return now, ever, again
}

func (m *machine) checkDead(rt *rapid.T) {
	now, _, _ := m.dead()
	q := store.Query{Route: orders}
	if rapid.Bool().Draw(rt, "one") {
		q.Key = someNames.Draw(rt, "name")
	}
	q.Unmirrored = rapid.Bool().Draw(rt, "unmirrored")
	for _, d := range now { // one of those there are
		if rapid.Bool().Draw(rt, "of a group") {
			q.Group = d.Fingerprint
		}
		break
	}
	if rapid.Bool().Draw(rt, "since") {
		q.Since = someTimes.Draw(rt, "since when")
	}
	if rapid.Bool().Draw(rt, "until") {
		q.Until = someTimes.Draw(rt, "until when")
	}
	if rapid.Bool().Draw(rt, "after") {
		q.After = store.PlaceOf(someTimes.Draw(rt, "after when"), someIDs.Draw(rt, "after id"))
	}
	q.Newest = rapid.Bool().Draw(rt, "newest")
	waits := m.unmirrored()
	var want []store.DeadLetter
	for _, d := range now {
		selected := store.Selection{Key: q.Key, Fingerprint: q.Group, Since: q.Since, Until: q.Until}
		if b := d.Brief(); selected.Matches(&b) && q.Behind(b.Place()) && (!q.Unmirrored || waits[d.ID]) {
			want = append(want, d)
		}
	}
	slices.SortFunc(want, func(a, b store.DeadLetter) int {
		return cmp.Compare(store.PlaceOf(a.At, a.ID), store.PlaceOf(b.At, b.ID))
	})
	if q.Newest {
		slices.Reverse(want)
	}
	m.checkLetters(rt, q, want)
}

func (m *machine) checkLetters(rt *rapid.T, q store.Query, want []store.DeadLetter) {
	var got []store.DeadLetter
	for d, err := range m.s.DeadLetters(m.t.Context(), q) {
		must(m.t, err)
		got = append(got, d)
	}
	same(rt, got, want)
	var briefs, wantBriefs []store.Brief
	for _, d := range want {
		wantBriefs = append(wantBriefs, d.Brief())
	}
	for b, err := range m.s.Briefs(m.t.Context(), q) {
		must(m.t, err)
		briefs = append(briefs, b)
	}
	same(rt, briefs, wantBriefs)
}

func (m *machine) checkLedger(rt *rapid.T) {
	var want store.Ledger
	keys := map[store.Key]bool{}
	for _, c := range m.log {
		want.Delivered += c.Ledger.Delivered
		keys[c.Key] = true
	}
	for k := range keys {
		for _, p := range m.parked(k) {
			want.Parked++
			want.ParkedBytes += p.Size()
		}
		want.ParkedTotal += m.parkedEver(k)
	}
	now, ever, again := m.dead()
	want.Duplicates += again
	want.Dead, want.DeadLettered, want.Unmirrored = int64(len(now)), ever, int64(len(m.unmirrored()))
	want.Kept, want.OpenSkips, want.Unsent = int64(len(m.kept())), int64(len(m.open())), int64(len(m.unsent()))
	same(rt, m.s.ledger(m.t), want)
}

func (m *machine) parkedEver(k store.Key) (n int64) {
	there := map[lane.Revision]bool{}
	for _, c := range m.of(k) {
		for _, p := range c.Park {
			if !there[p.Rev] {
				n++
			}
			there[p.Rev] = true
		}
		for _, r := range c.Unpark {
			delete(there, r)
		}
	}
	return n
}

func (m *machine) checkAudit(rt *rapid.T) {
	q := store.AuditQuery{
		After: rapid.Uint64Range(0, 5).Draw(rt, "after"), Before: rapid.Uint64Range(0, 9).Draw(rt, "before"), Newest: rapid.Bool().Draw(rt, "newest"),
	}
	if rapid.Bool().Draw(rt, "one") {
		q.Key = someNames.Draw(rt, "name")
	}
	if rapid.Bool().Draw(rt, "of the route") {
		q.Route = orders
	}
	var all, want []store.Audit
	for _, c := range m.log {
		all = append(all, c.Audit...)
	}
	all = chained(all...)
	for _, a := range all {
		if a.Seq > q.After && (q.Before == 0 || a.Seq < q.Before) && (q.Key == "" || a.Key == q.Key) {
			want = append(want, a)
		}
	}
	if q.Newest {
		slices.Reverse(want)
	}
	same(rt, m.s.audits(m.t, q), want)
	seq, hash, err := m.s.AuditHead(m.t.Context())
	must(m.t, err)
	var last store.Audit
	if len(all) > 0 {
		last = all[len(all)-1]
	}
	same(rt, []any{seq, hash}, []any{last.Seq, last.Hash})
}

func (m *machine) positions(rt *rapid.T) {
	for _, n := range rapid.SliceOfN(rapid.Int32Range(0, 3), 0, 3).Draw(rt, "partitions") {
		p := position(1, n, rapid.Int64().Draw(rt, "next"))
		must(m.t, m.s.SavePositions(m.t.Context(), orders, p))
		m.at[n] = p
	}
	var want []store.Position
	for _, n := range slices.Sorted(maps.Keys(m.at)) {
		want = append(want, m.at[n])
	}
	same(rt, m.s.positions(m.t, orders), want)
}
