package bulk_test

import (
	"context"
	"maps"

	"github.com/brokerbridge/bridge/ordering/bulk"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// adds checks that what an operation counts is what it is about.
func (o *office) adds(p bulk.Progress) {
	o.t.Helper()
	n := int64(0)
	for _, c := range counts(p) {
		n += c
	}
	if n != p.Total {
		o.t.Errorf("a %s that is %s counts %v, of %d", p.Action, p.State, counts(p), p.Total)
	}
}

// group is what a store says of the dead letters with one cause.
type group struct{ dead, keys, parked int64 }

// checkGroups compares the groups of the store with its dead letters and lanes, all
// read while nothing was stored: a message that is tried again may die meanwhile.
func (o *office) checkGroups() {
	o.t.Helper()
	var want, got map[string]group
	o.await("a moment in which nothing is stored", func() bool {
		before := o.ledger()
		want, got = o.countedGroups(), o.storedGroups()
		return o.ledger() == before
	})
	if !maps.Equal(want, got) {
		o.t.Errorf("groups %+v, want %+v", got, want)
	}
}

// countedGroups are the groups as the dead letters and lanes make them.
func (o *office) countedGroups() map[string]group {
	o.t.Helper()
	type place struct {
		key   string
		epoch uint32
		rev   lane.Revision
	}
	ctx, all, prints := context.Background(), map[string]group{}, map[place]string{}
	for d, err := range o.store.DeadLetters(ctx, store.Query{Route: route}) {
		if err != nil {
			o.t.Fatal(err)
		}
		g := all[d.Fingerprint]
		g.dead++
		all[d.Fingerprint] = g
		if d.Lane {
			prints[place{d.Key, d.Epoch, d.Rev}] = d.Fingerprint
		}
	}
	for rec, err := range o.store.Lanes(ctx, store.Query{Route: route}) {
		if err != nil {
			o.t.Fatal(err)
		}
		if rec.State.Mode == lane.Quarantined {
			print := prints[place{rec.Key.Name, rec.Key.Epoch, rec.State.Next}]
			g := all[print]
			g.keys++
			g.parked += int64(rec.State.Parked)
			all[print] = g
		}
	}
	return all
}

// storedGroups are the groups as the store keeps them.
func (o *office) storedGroups() map[string]group {
	o.t.Helper()
	groups, err := o.store.Groups(context.Background(), route)
	if err != nil {
		o.t.Fatal(err)
	}
	all := map[string]group{}
	for _, g := range groups {
		all[g.Fingerprint] = group{g.Dead, g.Keys, g.Parked}
	}
	return all
}

// check has a look at the books when all is settled.
func (c *chaos) check() {
	c.t.Helper()
	c.checkGroups()
	if again := c.twice(); again != nil {
		c.t.Errorf("sent twice: %q", again)
	}
	originals := int64(0) // of those that were edited
	for a, err := range c.store.Archive(c.t.Context(), store.Query{Route: route}) {
		if err != nil {
			c.t.Fatal(err)
		}
		if a.Original != "" {
			originals++
		}
	}
	var l store.Ledger
	var got int64
	c.await("what the target has is stored as delivered", func() bool { // and no more than that
		l, got = c.ledger(), int64(len(c.taken()))
		return got == l.Delivered
	})
	if n := got + l.Discarded + l.Kept - originals + l.Purged + l.Dead + l.Parked; !c.purges && n != chaosKeys*chaosRevs {
		c.t.Errorf("%d of %d: %+v, with %d originals", n, chaosKeys*chaosRevs, l, originals)
	}
	c.checkEvents(&l, originals)
}

// checkEvents looks whether each change has its event, in a row.
func (c *chaos) checkEvents(l *store.Ledger, originals int64) {
	c.t.Helper()
	events, err := c.store.Events(c.t.Context(), route, 0, 0)
	if err != nil {
		c.t.Fatal(err)
	}
	n := map[string]int64{}
	for i, e := range events {
		n[e.Type]++
		if e.Seq != uint64(i+1) {
			c.t.Errorf("event %d at %d", e.Seq, i+1)
		}
	}
	if n["discard"] != l.Discarded || n["archive"] != l.Archived || int64(len(events)) != l.Unsent || n["dead_letter"] < l.DeadLettered-l.Restored-originals {
		c.t.Errorf("events %v, with %d originals: %+v", n, originals, l)
	}
}
