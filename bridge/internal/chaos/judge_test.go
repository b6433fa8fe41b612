package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/brokerbridge/bridge/bridge/internal/e2e/journal"
)

// silent is a diary of a run in which a second is a look, a message is sent in
// each, and a fault lasted from the third to the fifth second.
func silent() *diary {
	d := newDiary(func(string) {})
	for i := range 10 {
		d.looks = append(d.looks, look{
			at: d.second(i), ready: 200,
			sent: map[string]int{"r": i}, delivered: map[string]int64{"r": int64(i)},
		})
	}
	d.spans = []*span{{fault{n: 1, kind: &kind{name: "an earthquake", away: true}}, d.second(3), d.second(5)}}
	return d
}

func (d *diary) second(n int) time.Time { return d.began.Add(time.Duration(n) * time.Second) }

func lines(revs ...int64) (all []journal.Entry) {
	for _, r := range revs {
		all = append(all, journal.Entry{Key: "k", Rev: r, ID: fmt.Sprint(r), Print: uint64(100 + r)})
	}
	return all
}

// TestForgedJournals changes what came of five messages, and wants to be told.
func TestForgedJournals(t *testing.T) {
	other := lines(1, 2, 3, 4, 5)
	other[3].Print++
	for _, c := range []struct {
		name   string
		got    []journal.Entry
		want   string // of the violation; empty: none
		counts journal.Counts
	}{
		{"nothing", lines(1, 2, 3, 4, 5), "", journal.Counts{Messages: 5}},
		{"a lawful duplicate", lines(1, 2, 3, 2, 4, 5), "", journal.Counts{Messages: 5, Duplicates: 1, Most: 1}},
		{"a loss", lines(1, 2, 3, 4), `I1: r: key "k", revision 5`, journal.Counts{Messages: 5, Lost: 1}},
		{"a swap", lines(1, 2, 3, 5, 4), `I2: r: key "k", revision 4`, journal.Counts{Messages: 5, Reordered: 1}},
		{"a duplicate too many", lines(1, 2, 3, 4, 5, 3, 4, 5), `I3: r: key "k", revision 5`, journal.Counts{Messages: 5, Duplicates: 3, Most: 3}},
		{"another body", other, `I9: r: key "k", revision 4`, journal.Counts{Messages: 5}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := silent()
			n := d.judge("r", journal.Outcome{Sent: lines(1, 2, 3, 4, 5), Got: c.got, First: 1, Crashes: 1, MaxAhead: 2})
			if n != c.counts {
				t.Errorf("%+v, want %+v", n, c.counts)
			}
			switch {
			case c.want == "" && len(d.broken) > 0:
				t.Errorf("found %v", d.broken)
			case c.want == "":
			case len(d.broken) == 0 || !strings.HasPrefix(d.broken[0].String(), c.want):
				t.Errorf("found %v, want %q", d.broken, c.want)
			case !strings.Contains(d.broken[0].String(), "an earthquake"):
				t.Errorf("%v does not name the fault before it", d.broken[0])
			}
		})
	}
}

// TestStallIsMeasured: what stands still while no fault lasts counts.
func TestStallIsMeasured(t *testing.T) {
	d := silent()
	if stall := d.longestStall(); stall.lasted > time.Second {
		t.Errorf("%v, and all moved", stall)
	}
	for i := 4; i < 9; i++ { // one second of the fault, three after it
		d.looks[i].delivered["r"] = 3
	}
	if stall := d.longestStall(); stall.lasted != 3*time.Second {
		t.Errorf("%v, want 3s", stall)
	}
	if took, alone := d.moved(d.spans[0]); took != 4*time.Second || !alone {
		t.Errorf("it moved %v after the fault, %v", took, alone)
	}
	d.spans = append(d.spans, &span{fault{}, d.second(6), d.second(7)})
	if _, alone := d.moved(d.spans[0]); alone {
		t.Error("the second fault was not seen")
	}
}

// TestReadinessMustTell: a broker that was away for long is not passed over.
func TestReadinessMustTell(t *testing.T) {
	d := silent()
	d.truthful()
	if len(d.broken) > 0 {
		t.Errorf("after two seconds: %v", d.broken)
	}
	d.spans[0].ended = d.spans[0].began.Add(noticing)
	d.truthful()
	if len(d.broken) != 1 || d.broken[0].promise != "I8" {
		t.Errorf("%v", d.broken)
	}
	d.broken, d.looks[6].ready = nil, 503
	if d.truthful(); len(d.broken) > 0 {
		t.Errorf("it did tell: %v", d.broken)
	}
}

// TestStands says what does not move.
func TestStands(t *testing.T) {
	d := silent()
	d.looks[2].ready = 503
	for i, want := range []string{"r has delivered no more than 0, of 0 sent", "", "/readyz says 503"} {
		if why := d.looks[i].stands(d.looks[0]); why != want {
			t.Errorf("%d: %q, want %q", i, why, want)
		}
	}
	if why := d.looks[1].stands(look{}); why != "nobody answers" {
		t.Error(why)
	}
}
