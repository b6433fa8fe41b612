package lane

import "maps"

// message is a revision with a content.
type message struct {
	rev   Revision
	print Print
}

// image is what a store holds, in plain maps.
type image struct {
	state State
	skips [][2]Revision // bounds included

	// Where a revision can be, at most one of them at a time.
	parked, dead, settled, discarded map[Revision]Print
	// Messages that belong to no lane, to another, or that were dropped unseen.
	refused, later, unverified map[message]bool
}

func newImage(s State) image {
	return image{
		state:  s,
		parked: map[Revision]Print{}, dead: map[Revision]Print{}, settled: map[Revision]Print{}, discarded: map[Revision]Print{},
		refused: map[message]bool{}, later: map[message]bool{}, unverified: map[message]bool{},
	}
}

func (m *image) clone() image {
	return image{
		state:  m.state,
		skips:  m.skips[:len(m.skips):len(m.skips)],
		parked: maps.Clone(m.parked), dead: maps.Clone(m.dead), settled: maps.Clone(m.settled), discarded: maps.Clone(m.discarded),
		refused: maps.Clone(m.refused), later: maps.Clone(m.later), unverified: maps.Clone(m.unverified),
	}
}

// ended returns the content with which a revision left the lane, or stands at
// its head as a dead letter.
func (m *image) ended(r Revision) (Print, bool) {
	for _, place := range []map[Revision]Print{m.settled, m.dead, m.discarded} {
		if p, ok := place[r]; ok {
			return p, true
		}
	}
	return 0, false
}

// skipped returns the end of the skipped range a revision is in.
func (m *image) skipped(r Revision) (Revision, bool) {
	for _, s := range m.skips {
		if s[0] <= r && r <= s[1] {
			return s[1], true
		}
	}
	return 0, false
}

// owned and noted count the places a message is in.
func (m *image) owned(g message) (n int) {
	for _, place := range []map[Revision]Print{m.parked, m.dead, m.settled, m.discarded} {
		if p, ok := place[g.rev]; ok && p == g.print {
			n++
		}
	}
	return n
}

func (m *image) noted(g message) (n int) {
	for _, place := range []map[message]bool{m.refused, m.later, m.unverified} {
		if place[g] {
			n++
		}
	}
	return n
}

// lowest returns the lowest parked revision above r, 0 if there is none, and
// highest the highest, −1 if there is none.
func (m *image) lowest(r Revision) (low Revision) {
	found := false
	for p := range m.parked {
		if p > r && (!found || p < low) {
			low, found = p, true
		}
	}
	return low
}

func (m *image) highest() (high Revision) {
	high = -1
	for p := range m.parked {
		high = max(high, p)
	}
	return high
}
