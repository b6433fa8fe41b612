// Package strip lays the revisions of a lane out as a line that fits a screen: a run
// of four million beside a gap of one, both to be seen, and a line of a thousand runs
// in the same room as a line of three.
package strip

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// The room of a drawing, in its own units.
const (
	Width  = 960
	Height = 84

	least   = 28 // of a segment, so that one revision is seen beside millions
	growth  = 27 // how much wider a segment may be each time its run doubles
	most    = 30 // segments in a drawing
	settled = 8  // of those, before what the lane waits at
	cell    = 8  // the least of one revision, where each is drawn
)

// More is the state of a segment that stands for several runs.
const More = "more"

// Segment is a run of a line with its place in the drawing.
type Segment struct {
	api.Run
	Count    int64 // of its revisions
	X, Width int
	Edges    []int // where its revisions meet, if each is drawn
	Broken   bool  // it is longer than it is drawn
}

// Middle is the middle of the segment.
func (s Segment) Middle() int { return s.X + (s.Width-2)/2 }

// Cut is where the segment shows that it is longer than it is drawn.
func (s Segment) Cut() int { return s.X + s.Width - 2 - min(s.Width/4, 48) }

// Label is a revision written under the line.
type Label struct {
	Revision int64
	X        int // of its middle
	Row      int // 0 or 1, so that neighbours do not collide
	wide     int
}

// Y is its base line.
func (l Label) Y() int { return 60 + 16*l.Row }

// Drawing is a line as it is drawn.
type Drawing struct {
	Segments []Segment
	Labels   []Label
	States   []string // that are in it, in the order of their first segment
}

// Cut reports whether a run is longer than it is drawn.
func (d Drawing) Cut() bool {
	return slices.ContainsFunc(d.Segments, func(s Segment) bool { return s.Broken })
}

// Draw lays out a line. Its size is bounded, however many runs there are: those that
// are far from where the lane stands are drawn as one.
func Draw(runs []api.Run) Drawing {
	var d Drawing
	for _, r := range folded(runs) {
		d.Segments = append(d.Segments, Segment{Run: r, Count: length(r)})
		if !slices.Contains(d.States, r.State) {
			d.States = append(d.States, r.State)
		}
	}
	d.place()
	d.label()
	return d
}

// length is how many revisions a run has.
func length(r api.Run) int64 {
	n := uint64(r.To) - uint64(r.From) + 1
	return int64(min(n, math.MaxInt64))
}

// folded are the runs, those in the middle of interest each by itself.
func folded(runs []api.Run) []api.Run {
	if len(runs) <= most {
		return runs
	}
	front := slices.IndexFunc(runs, func(r api.Run) bool { return r.State != "settled" && r.State != "skipped" })
	if front < 0 {
		front = len(runs)
	}
	shown := most - 2
	from := min(max(front-settled, 0), len(runs)-shown)
	out := fold(nil, runs[:from])
	out = append(out, runs[from:from+shown]...)
	return fold(out, runs[from+shown:])
}

// fold adds runs as one.
func fold(to, runs []api.Run) []api.Run {
	if len(runs) < 2 {
		return append(to, runs...)
	}
	var states []string
	counts := map[string]int{}
	for _, r := range runs {
		if counts[r.State] == 0 {
			states = append(states, r.State)
		}
		counts[r.State]++
	}
	for i, state := range states {
		states[i] = fmt.Sprintf("%d × %s", counts[state], state)
	}
	return append(to, api.Run{
		State: More, From: runs[0].From, To: runs[len(runs)-1].To,
		Says: fmt.Sprintf("%d runs, drawn as one: %s", len(runs), strings.Join(states, ", ")),
	})
}

// place gives each segment its room: the least there is, and a part of the rest by
// how often its run doubles.
func (d *Drawing) place() {
	rest, all := Width-least*len(d.Segments), 0
	for _, s := range d.Segments {
		all += doublings(s.Count)
	}
	x := 0
	for i := range d.Segments {
		s := &d.Segments[i]
		n := doublings(s.Count)
		s.X, s.Width = x, least+min(rest*n/max(all, 1), growth*n)
		x += s.Width
		s.Broken = s.State == More || s.Count > int64(s.Width/cell)
		for k := 1; !s.Broken && k < int(s.Count); k++ {
			s.Edges = append(s.Edges, s.X+k*s.Width/int(s.Count))
		}
	}
}

func doublings(n int64) int { return bits.Len64(uint64(n)) - 1 }

// first are the states whose revisions are written before others, where there is no
// room for all.
var first = []string{"dead", "gap", "next", "parked", "held", "skipped", "settled", More}

// label writes the bounds of the segments under them, as far as there is room.
func (d *Drawing) label() {
	for _, state := range first {
		for _, s := range d.Segments {
			if s.State != state {
				continue
			}
			if s.From == s.To {
				d.write(s.From, s.X+s.Width/2)
				continue
			}
			d.write(s.From, s.X+wide(s.From)/2)
			d.write(s.To, s.X+s.Width-wide(s.To)/2)
		}
	}
	slices.SortFunc(d.Labels, func(a, b Label) int { return a.X - b.X })
}

// write adds a label in the first row that has room for it.
func (d *Drawing) write(revision int64, x int) {
	w := wide(revision)
	x = min(max(x, w/2), Width-w/2)
	for row := range 2 {
		hits := func(l Label) bool { return l.Row == row && abs(l.X-x) < (l.wide+w)/2+4 }
		if !slices.ContainsFunc(d.Labels, hits) {
			d.Labels = append(d.Labels, Label{revision, x, row, w})
			return
		}
	}
}

// wide is the room that a revision takes, with its thousands apart.
func wide(revision int64) int {
	digits := len(fmt.Sprint(revision))
	return 8*digits + 4*((digits-1)/3)
}

func abs(n int) int { return max(n, -n) }
