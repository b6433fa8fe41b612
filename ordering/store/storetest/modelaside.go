package storetest

import (
	"cmp"
	"maps"
	"slices"

	"pgregory.net/rapid"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

var (
	someArchived = rapid.Custom(func(t *rapid.T) store.Archived {
		d := letters.Draw(t, "archived letter")
		d.Fingerprint = rapid.SampledFrom([]string{"", "00000000000000ff"}).Draw(t, "archived group")
		return store.Archived{DeadLetter: d, ArchivedAt: start, By: "ann", Why: someNames.Draw(t, "why")}
	})
	someEvents = rapid.Custom(func(t *rapid.T) store.Event {
		n := rapid.Int64Range(0, 1).Draw(t, "event revision")
		return store.Event{Type: "skip", At: someTimes.Draw(t, "event at"), Key: someNames.Draw(t, "event key"), Revision: &n}
	})
	someOperations = rapid.Custom(func(t *rapid.T) store.Operation {
		return store.Operation{
			ID: someIDs.Draw(t, "operation id"), Route: orders, Selection: store.Selection{Key: someNames.Draw(t, "operation key")},
			Began: someTimes.Draw(t, "began"), Total: rapid.Int64().Draw(t, "total"),
		}
	})
)

// aside draws what a change does beside lanes.
func (m *machine) aside(rt *rapid.T, c *store.Change) {
	c.Archive = rapid.SliceOfN(someArchived, 0, 2).Draw(rt, "archive")
	c.Restore = rapid.SliceOfN(someIDs, 0, 1).Draw(rt, "restore")
	c.Over = rapid.SliceOfN(someIDs, 0, 1).Draw(rt, "over")
	c.Operations = rapid.SliceOfN(someOperations, 0, 1).Draw(rt, "operations")
	c.Events = rapid.SliceOfN(someEvents, 0, 2).Draw(rt, "events")
	if rapid.Bool().Draw(rt, "some were sent") {
		c.Sent = rapid.Uint64Range(0, m.told()+1).Draw(rt, "sent")
	}
}

// groups works out the groups, change by change.
func (m *machine) groups() map[string]store.Group {
	gs := map[string]store.Group{}
	now := map[string]store.DeadLetter{}
	causes, rows := map[store.Key]string{}, map[store.Key]map[lane.Revision]bool{}
	for _, c := range m.log {
		for _, id := range c.Gone {
			delete(now, id)
		}
		for _, d := range c.Dead {
			d = kept(d)
			now[d.ID] = d
			gs[d.Fingerprint] = tellGroup(gs[d.Fingerprint], d)
		}
		if c.Record != nil {
			causes[c.Key] = cause(c, causes[c.Key])
			rows[c.Key] = parkedRows(c, rows[c.Key])
		}
		for f, g := range gs {
			g.Dead, g.Keys, g.Parked = 0, 0, 0
			for _, d := range now {
				if d.Fingerprint == f {
					g.Dead++
				}
			}
			for k, is := range causes {
				if is == f {
					g.Keys++
					g.Parked += int64(len(rows[k]))
				}
			}
			if gs[f] = g; g.Dead+g.Keys+g.Parked == 0 {
				delete(gs, f)
			}
		}
	}
	return gs
}

// tellGroup is a group behind a dead letter, but for its counts.
func tellGroup(g store.Group, d store.DeadLetter) store.Group {
	if g.First.IsZero() || d.At.Before(g.First) {
		g.First = d.At
	}
	if !d.At.Before(g.Last) {
		g.Last, g.Error = d.At, d.Error
	}
	g.Fingerprint, g.Reason, g.Class, g.Target = d.Fingerprint, d.Reason, d.Class, d.Target
	return g
}

func cause(c store.Change, was string) string {
	if c.Record.State.Mode != lane.Quarantined {
		return ""
	}
	for _, d := range c.Dead {
		if d.Lane && d.Key == c.Key.Name && d.Epoch == c.Key.Epoch && d.Rev == c.Record.State.Next {
			was = store.FingerprintOf(&d)
		}
	}
	return was
}

func parkedRows(c store.Change, was map[lane.Revision]bool) map[lane.Revision]bool {
	is := map[lane.Revision]bool{}
	maps.Copy(is, was)
	for _, p := range c.Park {
		is[p.Rev] = true
	}
	for _, r := range c.Unpark {
		delete(is, r)
	}
	return is
}

func (m *machine) checkGroups(rt *rapid.T) {
	var want []store.Group
	for _, g := range m.groups() {
		want = append(want, g)
	}
	slices.SortFunc(want, func(a, b store.Group) int { return cmp.Compare(a.Fingerprint, b.Fingerprint) })
	got, err := m.s.Groups(m.t.Context(), orders)
	must(m.t, err)
	same(rt, got, want)
}

// kept is what is in the archive.
func (m *machine) kept() map[string]store.Archived {
	as := map[string]store.Archived{}
	for _, c := range m.log {
		for _, id := range c.Restore {
			delete(as, id)
		}
		for _, a := range c.Archive {
			if a.Route = orders; a.Fingerprint == "" {
				a.Fingerprint = store.FingerprintOf(&a.DeadLetter)
			}
			as[a.ID] = a
		}
	}
	return as
}

func (m *machine) checkArchive(rt *rapid.T) {
	q := store.Query{Route: orders, After: rapid.SampledFrom([]string{"", "1", "2"}).Draw(rt, "after")}
	if rapid.Bool().Draw(rt, "one") {
		q.Key = someNames.Draw(rt, "name")
	}
	if rapid.Bool().Draw(rt, "group") {
		q.Group = "00000000000000ff"
	}
	as := m.kept()
	var want, got []store.Archived
	for _, id := range slices.Sorted(maps.Keys(as)) {
		if a := as[id]; id > q.After && (q.Key == "" || a.Key == q.Key) && (q.Group == "" || a.Fingerprint == q.Group) {
			want = append(want, a)
		}
	}
	for a, err := range m.s.Archive(m.t.Context(), q) {
		must(m.t, err)
		got = append(got, a)
	}
	same(rt, got, want)
}

type rangeOf struct {
	key  store.Key
	from lane.Revision
}

// open are the skipped ranges that nobody has closed.
func (m *machine) open() map[rangeOf]store.Skip {
	skips := map[rangeOf]store.Skip{}
	for _, c := range m.log {
		for _, s := range c.Skip {
			skips[rangeOf{c.Key, s.From}] = s
		}
		for _, from := range c.Close {
			delete(skips, rangeOf{c.Key, from})
		}
	}
	return skips
}

func (m *machine) checkOpenSkips(rt *rapid.T) {
	open := m.open()
	all := m.s.open(m.t)
	for i, o := range all {
		r := rangeOf{o.Key, o.From}
		same(rt, o.Skip, open[r])
		if i > 0 && all[i-1].Compare(&o) >= 0 {
			rt.Fatalf("%+v behind %+v", o, all[i-1])
		}
		delete(open, r)
	}
	same(rt, len(open), 0)
	if len(all) > 0 {
		i := rapid.IntRange(0, len(all)-1).Draw(rt, "behind")
		same(rt, m.s.openBehind(m.t, all[i]), append([]store.OpenSkip(nil), all[i+1:]...))
	}
}

func (m *machine) told() (n uint64) {
	for _, c := range m.log {
		n += uint64(len(c.Events))
	}
	return n
}

// unsent are the events that were not sent.
func (m *machine) unsent() (es []store.Event) {
	seq := uint64(0)
	for _, c := range m.log {
		es = slices.DeleteFunc(slices.Clone(es), func(e store.Event) bool { return e.Seq <= c.Sent })
		for _, e := range c.Events {
			seq++
			e.Seq = seq
			es = append(es, e)
		}
	}
	return es
}

func (m *machine) checkEvents(rt *rapid.T) {
	after, limit := rapid.Uint64Range(0, 5).Draw(rt, "after"), rapid.IntRange(0, 3).Draw(rt, "limit")
	var want []store.Event
	for _, e := range m.unsent() {
		if e.Seq > after && (limit == 0 || len(want) < limit) {
			want = append(want, e)
		}
	}
	got, err := m.s.Events(m.t.Context(), orders, after, limit)
	must(m.t, err)
	same(rt, got, want)
}

func (m *machine) checkOperations(rt *rapid.T) {
	os := map[string]store.Operation{}
	for _, c := range m.log {
		for _, id := range c.Over {
			delete(os, id)
		}
		for _, o := range c.Operations {
			os[o.ID] = o
		}
	}
	var want []store.Operation
	for _, id := range slices.Sorted(maps.Keys(os)) {
		want = append(want, os[id])
	}
	got, err := m.s.Operations(m.t.Context(), orders)
	must(m.t, err)
	same(rt, got, want)
}
