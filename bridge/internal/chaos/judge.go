package main

import (
	"net/http"
	"time"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
)

// verdict is what came of a run.
type verdict struct {
	counts      map[string]journal.Counts // by route
	unaccounted int64
	stall       stall         // the longest
	calm        time.Duration // the longest from the end of an act until all routes moved and /readyz was 200
	kinds       []tally
	broken      []violation
	faults      int
	lasted      time.Duration
	resident    int64
}

// tally is what a kind of fault did.
type tally struct {
	name   string
	times  int
	moved  time.Duration // the longest from its end until all routes had moved
	judged int           // in how many cases no other fault was in the way
}

// judge compares the journals of each route, and the diary with what /readyz said.
func (w *world) judge() *verdict {
	v := &verdict{counts: map[string]journal.Counts{}, unaccounted: w.unaccounted}
	for _, r := range w.routes {
		outcome := journal.Outcome{Sent: r.feed.End(), Got: w.got(r), First: 1, MaxAhead: maxAhead, Crashes: w.ends}
		if !r.to.IsTopic() {
			outcome.Crashes += w.wires[rabbitWire].Lost() // its outcome is unknown
		}
		v.counts[r.name] = w.log.judge(r.name, outcome)
	}
	w.log.truthful()
	if w.log.resident > peakMemory {
		w.log.violate("I7", "it had %d MiB resident", w.log.resident>>20)
	}
	v.faults, v.lasted = len(w.log.spans), time.Since(w.log.began)
	v.kinds, v.stall, v.calm = w.log.tallies(allKinds()), w.log.longestStall(), w.log.calm
	v.broken, v.resident = w.log.broken, w.log.resident
	return v
}

// judge writes down what is broken between the journals of a route.
func (d *diary) judge(route string, o journal.Outcome) journal.Counts {
	at := places(o.Sent)
	for _, broken := range o.Check() {
		when := d.sentAt(route, at[id{broken.Key, broken.Rev}])
		d.violateAt(when, broken.Promise, "%s: key %q, revision %d: %s", route, broken.Key, broken.Rev, broken.Says)
	}
	return o.Count()
}

type id struct {
	key string
	rev int64
}

// places is where in a journal each message is first.
func places(sent []journal.Entry) map[id]int {
	at := make(map[id]int, len(sent))
	for i, e := range sent {
		if _, there := at[id{e.Key, e.Rev}]; !there {
			at[id{e.Key, e.Rev}] = i
		}
	}
	return at
}

// got is the journal of a target: what it had before it was deleted, and what it has.
func (w *world) got(r *route) []journal.Entry {
	if r.to.IsTopic() {
		for _, record := range e2e.Records(w.t, r.to.String()) {
			r.before = append(r.before, e2e.OfRecord(w.t, record))
		}
		return r.before
	}
	for _, d := range e2e.Deliveries(w.t, r.to.String()) {
		r.took(w, &d)
	}
	return r.before
}

// noticing is how long a broker may be away until /readyz says so: a publish has
// three seconds, then the breaker opens.
const noticing = 10 * time.Second

// truthful looks that /readyz said something while a broker was away for long.
func (d *diary) truthful() {
	for _, s := range d.spans {
		if !s.kind.away || s.ended.Sub(s.began) < noticing {
			continue
		}
		told := false
		for _, l := range d.looks {
			told = told || l.at.After(s.began) && l.at.Before(s.ended.Add(time.Second)) && l.ready != http.StatusOK
		}
		if !told {
			d.violateAt(s.ended, "I8", "/readyz said 200 during %v, which took %v", s.fault, s.ended.Sub(s.began))
		}
	}
}

// tallies are the kinds that came, in the order of the catalogue.
func (d *diary) tallies(kinds []*kind) (all []tally) {
	by := map[string]*tally{}
	for _, s := range d.spans {
		t := by[s.kind.name]
		if t == nil {
			t = &tally{name: s.kind.name}
			by[t.name] = t
		}
		t.times++
		if took, alone := d.moved(s); alone {
			t.moved = max(t.moved, took)
			t.judged++
		}
	}
	for _, k := range kinds {
		if t := by[k.name]; t != nil {
			all = append(all, *t)
		}
	}
	return all
}

// moved is how long after the end of a fault all routes had moved; false where
// another fault was in the way.
func (d *diary) moved(s *span) (time.Duration, bool) {
	var before *look
	for i := range d.looks {
		l := &d.looks[i]
		switch {
		case l.delivered == nil:
		case !l.at.After(s.ended) || before == nil:
			before = l
		case allMoved(before, l):
			return l.at.Sub(s.ended), !d.disturbed(s, s.ended, l.at)
		}
	}
	return 0, false
}

func allMoved(from, to *look) bool {
	for name, n := range to.delivered {
		if n <= from.delivered[name] {
			return false
		}
	}
	return true
}

// disturbed says whether a fault other than this one lasted in that time.
func (d *diary) disturbed(but *span, from, to time.Time) bool {
	for _, s := range d.spans {
		if s != but && s.began.Before(to) && s.ended.After(from) {
			return true
		}
	}
	return false
}

// stall is a time in which a route did not move and no fault lasted.
type stall struct {
	route  string
	lasted time.Duration
	until  time.Duration // since the run began
}

// longestStall is the longest time in which a route did not move and no fault lasted.
func (d *diary) longestStall() (longest stall) {
	for name := range d.looks[0].sent {
		still := stall{route: name}
		for i := 1; i < len(d.looks); i++ {
			before, now := d.looks[i-1], d.looks[i]
			switch {
			case now.moved(before, name):
				still.lasted = 0
			case !d.disturbed(nil, before.at, now.at):
				still.lasted += now.at.Sub(before.at)
				still.until = now.at.Sub(d.began)
			}
			if still.lasted > longest.lasted {
				longest = still
			}
		}
	}
	return longest
}

// moved says whether a route moved between two looks, or had nothing to move.
func (l look) moved(since look, name string) bool {
	return l.sent[name] == since.sent[name] || l.delivered != nil && l.delivered[name] > since.delivered[name]
}
