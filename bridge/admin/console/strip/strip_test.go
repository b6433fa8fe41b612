package strip

import (
	"math"
	"testing"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// many are n runs that alternate, and where the lane stands.
func many(n int64) (runs []api.Run) {
	for i := range n {
		runs = append(runs, api.Run{State: []string{"settled", "skipped"}[i%2], From: 10 * i, To: 10*i + 9})
	}
	runs = append(runs, api.Run{State: "dead", From: 10 * n, To: 10 * n, Letter: "d1"})
	for i := n + 1; i < 2*n; i++ {
		runs = append(runs, api.Run{State: []string{"parked", "gap"}[i%2], From: 10 * i, To: 10*i + 9})
	}
	return runs
}

func TestAGapOfOneIsSeenBesideFourMillion(t *testing.T) {
	d := Draw([]api.Run{{State: "settled", From: 1, To: 4_000_000}, {State: "gap", From: 4_000_001, To: 4_000_001}, {State: "parked", From: 4_000_002, To: 4_000_003}})
	if long, gap := d.Segments[0], d.Segments[1]; gap.Width < least || gap.Broken || long.Width <= gap.Width || !long.Broken {
		t.Errorf("%+v", d.Segments)
	}
	if two := d.Segments[2]; two.Broken || len(two.Edges) != 1 {
		t.Errorf("two revisions are not told apart: %+v", two)
	}
}

func TestI7_ADrawingIsBoundedWhateverTheLine(t *testing.T) {
	for name, runs := range map[string][]api.Run{
		"nothing": nil, "one": {{State: "next", From: 1, To: 1}}, "thirty": many(15), "thousands": many(4000),
		"all there is": {{State: "settled", From: 0, To: math.MaxInt64}},
		"the highest":  {{State: "settled", From: 0, To: math.MaxInt64 - 1}, {State: "dead", From: math.MaxInt64, To: math.MaxInt64}},
	} {
		d := Draw(runs)
		if len(d.Segments) > most || len(d.Labels) > 2*most {
			t.Errorf("%s: %d segments, %d labels", name, len(d.Segments), len(d.Labels))
		}
		x := 0
		for i, s := range d.Segments {
			if s.X != x || s.Width < least || s.X+s.Width > Width || s.Count < 1 || len(s.Edges) > Width/cell {
				t.Errorf("%s: segment %d: %+v", name, i, s)
			}
			x = s.X + s.Width
			if i > 0 && s.From <= d.Segments[i-1].To {
				t.Errorf("%s: segment %d begins at %d, before the end of the last", name, i, s.From)
			}
		}
		for i, l := range d.Labels {
			if l.X-l.wide/2 < 0 || l.X+l.wide/2 > Width {
				t.Errorf("%s: label %d sticks out: %+v", name, i, l)
			}
			for _, o := range d.Labels[:i] {
				if o.Row == l.Row && abs(o.X-l.X) < (o.wide+l.wide)/2 {
					t.Errorf("%s: %d and %d overlap", name, o.Revision, l.Revision)
				}
			}
		}
	}
}

func TestNothingOfALongLineIsLost(t *testing.T) {
	runs := many(4000)
	d := Draw(runs)
	first, last := d.Segments[0], d.Segments[len(d.Segments)-1]
	if first.State != More || first.From != 0 || last.State != More || last.To != runs[len(runs)-1].To {
		t.Errorf("%+v … %+v", first, last)
	}
	for i, s := range d.Segments[1:] {
		if s.From != d.Segments[i].To+1 && s.State != "parked" && d.Segments[i].State != "dead" {
			t.Errorf("a hole before %+v", s)
		}
	}
	dead := 0
	for _, s := range d.Segments {
		if s.State == "dead" && s.Letter == "d1" {
			dead++
		}
	}
	if dead != 1 || len(d.Labels) == 0 {
		t.Errorf("%d dead", dead)
	}
	written := false
	for _, l := range d.Labels {
		written = written || l.Revision == 40_000
	}
	if !written {
		t.Error("the revision that the lane stands at is not written under it")
	}
}
