package lane

import "time"

// model is the naive reference: what must hold for a lane and its shell, in plain
// sets and scans.
type model struct {
	rules     *Rules
	attempted map[Revision]bool // delivered at least once, whatever came of it
	received  map[Revision]bool // the target has it
	highest   Revision          // of attempted
	arrivals  map[message]int
	here      map[message]bool // arrived since the last crash
	ackedOnce map[message]bool
	clock     clockModel

	lazy  bool // scan after some steps only: the rest is known to go well
	steps int
}

func newModel(rules *Rules) *model {
	return &model{
		rules: rules, highest: -1,
		attempted: map[Revision]bool{}, received: map[Revision]bool{},
		arrivals: map[message]int{}, here: map[message]bool{}, ackedOnce: map[message]bool{},
	}
}

func (m *model) crashed() {
	m.here = map[message]bool{}
	m.clock = clockModel{}
}

// deliver checks I2 and the bounds of what may leave. One is in flight at a time
// because a second effect would find the first pending.
func (m *model) deliver(s *shell, g message) {
	r := g.rev
	if !m.attempted[r] && r <= m.highest {
		s.fail("%d leaves for the first time after %d", r, m.highest)
	}
	m.attempted[r], m.highest = true, max(m.highest, r)
	if _, ended := s.mem.settled[r]; ended {
		s.fail("%d leaves again without a crash", r)
	}
	if r-s.disk.state.Next >= m.rules.MaxAhead {
		s.fail("%d leaves %d ahead of the commit", r, r-s.disk.state.Next)
	}
	if s.disk.state.Next < 0 {
		s.fail("%d leaves before its lane has durably adopted", r)
	}
	for x := s.disk.state.Base; x < r; x++ {
		if end, ok := s.disk.skipped(x); ok {
			x = end
			continue
		}
		_, ended := s.disk.ended(x)
		if !m.received[x] && !ended {
			s.fail("%d leaves past %d, of which nothing is durable", r, x)
		}
	}
}

// acked checks that what is acknowledged is durable.
func (m *model) acked(s *shell, g message) {
	if s.disk.owned(g)+s.disk.noted(g) == 0 {
		s.fail("%d is acknowledged, but nowhere", g.rev)
	}
	m.ackedOnce[g] = true
}

// judge checks that an effect says the truth.
func (m *model) judge(s *shell, ev Event, e Effect) {
	r, l := e.Rev, s.lane
	g := message{ev.Rev, ev.Print}
	p, known := s.mem.ended(r)
	if q, ok := s.mem.parked[r]; ok {
		p, known = q, true
	}
	if q, ok := s.memory[r]; ok {
		p, known = q, true
	}
	truth := true
	switch e.Verb {
	case Join, Drop:
		truth = known && p == g.print
	case DropUnknown:
		recent := r >= l.Next-prints || r == l.Base || r == l.Base+1
		truth = r < l.Next && !(known && recent)
	case NextEpoch:
		truth = l.Reborn
	case SkipRange:
		truth = r <= e.To && !known
	case Expired:
		truth = m.clock.ran >= m.clock.need(m.rules)
		m.clock.said = true
	case Refuse:
		truth = m.rightly(s, e, g, p, known)
	default:
	}
	if !truth {
		s.fail("untrue: %s", spellEffect(e))
	}
}

// rightly reports whether a message is refused for what it is.
func (m *model) rightly(s *shell, e Effect, g message, p Print, known bool) bool {
	switch e.Reason {
	case Conflict, Regressed:
		return known && p != g.print
	case Late:
		_, skipped := s.mem.skipped(e.Rev)
		return skipped || m.rules.Adopt && e.Rev < s.lane.Base
	case BelowFirst:
		return !m.rules.Adopt && e.Rev < s.lane.Base
	default:
		return e.Rev >= s.lane.Next+m.rules.MaxJump
	}
}

// check checks what must hold after every step.
func (m *model) check(s *shell, ev Event) {
	if err := s.lane.Valid(); err != nil {
		s.fail("%v", err)
	}
	m.checkCounts(s)
	m.clock.check(s, ev)
	if m.steps++; !m.lazy || m.steps%16 == 0 {
		m.checkRevisions(s)
		m.checkMessages(s)
	}
}

// checkCounts compares the lane's O(1) state with the places it stands for.
func (m *model) checkCounts(s *shell) {
	l := s.lane
	held, flying := len(s.memory), s.pending != nil && s.pending.Verb == Deliver
	if flying && s.loaded == nil {
		held--
	}
	if l.Held() != held || l.Flying() != flying {
		s.fail("held %d, flying %v, in truth %d and %v", l.Held(), l.Flying(), held, flying)
	}
	if l.Parked != len(s.mem.parked) || l.Lowest != s.mem.lowest(-1) || l.Skips != len(s.mem.skips) {
		s.fail("parked %d from %d, skips %d, in truth %d from %d and %d",
			l.Parked, l.Lowest, l.Skips, len(s.mem.parked), s.mem.lowest(-1), len(s.mem.skips))
	}
	if high := s.mem.highest(); high > l.Highest && l.Aside == 0 {
		s.fail("%d is parked above the highest, %d", high, l.Highest)
	}
	if _, dead := s.mem.dead[l.Next]; dead != (l.Mode == Quarantined) {
		s.fail("%v, but %d is a dead letter: %v", l.Mode, l.Next, dead)
	}
	if l.Idle() && (held > 0 || s.pending != nil) {
		s.fail("not idle: %d in memory, under way %v", held, s.pending)
	}
}

// checkRevisions: each revision is in at most one place; below the checkpoint
// each has ended, and above it none.
func (m *model) checkRevisions(s *shell) {
	places := map[Revision]int{}
	for _, place := range []map[Revision]Print{s.memory, s.mem.parked, s.mem.dead, s.mem.settled, s.mem.discarded} {
		for r := range place {
			places[r]++
		}
	}
	for r, n := range places {
		_, skipped := s.mem.skipped(r)
		_, ended := s.mem.ended(r)
		blocked := r == s.lane.Next && s.lane.Mode == Quarantined
		if n > 1 || skipped || ended != (r < s.lane.Next || blocked) {
			s.fail("%d is in %d places, skipped %v, ended %v, next %d", r, n, skipped, ended, s.lane.Next)
		}
	}
	for r := s.lane.Base; r < s.lane.Next; r++ {
		if end, ok := s.mem.skipped(r); ok {
			r = end
		} else if places[r] == 0 {
			s.fail("%d is below the checkpoint %d without a trace", r, s.lane.Next)
		}
	}
}

// checkMessages: each message that came, or was acknowledged, is somewhere; one
// that came once is in exactly one place.
func (m *model) checkMessages(s *shell) {
	for g, times := range m.arrivals {
		if !m.here[g] && !m.ackedOnce[g] {
			continue
		}
		n := s.mem.owned(g)
		if p, ok := s.memory[g.rev]; ok && p == g.print {
			n++
		}
		all := n + s.mem.noted(g)
		if n > 1 || all == 0 || times == 1 && all != 1 {
			s.fail("%d came %d times and is in %d places, noted in %d", g.rev, times, n, all-n)
		}
	}
}

// clockModel adds up how long a gap has lasted since the source delivers.
type clockModel struct {
	delivering, told, open, armed, said bool
	next                                Revision
	ran                                 time.Duration
}

// heard is told of an arrival: a source that delivers, if nobody said otherwise.
func (c *clockModel) heard() {
	if !c.told {
		c.delivering = true
	}
}

// tell is told of the source. One that stands still has to be seen empty anew.
func (c *clockModel) tell(delivering bool) {
	c.told, c.delivering = true, delivering
	if !delivering {
		c.armed, c.ran = false, 0
	}
}

func (c *clockModel) pass(d time.Duration) {
	if c.open && c.delivering {
		c.ran += d
	}
}

func (c *clockModel) need(rules *Rules) time.Duration {
	if c.armed {
		return rules.GapTimeout
	}
	return 11 * rules.GapTimeout
}

func (c *clockModel) check(s *shell, ev Event) {
	gap := s.lane.Mode == Gap
	if !gap || !c.open || c.next != s.lane.Next {
		c.open, c.armed, c.said, c.ran, c.next = gap, false, false, 0, s.lane.Next
		return
	}
	if ev.Kind == CaughtUp && !c.armed && c.delivering {
		c.armed, c.ran = true, 0
	}
	if ev.Kind == Tick && c.delivering && c.ran >= c.need(s.rules) && !c.said {
		s.fail("the gap at %d has lasted %v, and nobody said so", c.next, c.ran)
	}
}
