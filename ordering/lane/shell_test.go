package lane

import (
	"fmt"
	"slices"
	"time"
)

// shell carries out the effects of one lane, as a caller has to, against a
// simulated source, store and target. What it breaks it reports as a panic of
// type broken.
type shell struct {
	rules *Rules
	lane  *Lane
	model *model
	now   time.Time

	mem, disk image  // as asked to be stored, and as stored
	commit    *image // under way
	queue     []message
	taken     []taken            // not acknowledged yet
	memory    map[Revision]Print // held, or in flight from the source
	loaded    *message           // what Fetch or Retake brought
	pending   *Effect            // Deliver, Fetch, Retake or Expel, not answered yet
	expelled  expulsion          // for Expel: what is to go, and what will be left
	wake      bool               // a Wake is due
	dirty     bool               // something was asked for since the last commit began
	said      []string           // for the report
	seen      map[string]int     // verbs, reasons and modes
	closed    bool               // the next epoch was released
}

// taken is a copy that was handed out by the source.
type taken struct {
	message
	want want
}

// want says what has to be durable before a copy is acknowledged.
type want uint8

const (
	own want = iota // its revision: parked, a dead letter, or below Next
	refused
	later
	unverified
)

type broken string

func (s *shell) fail(format string, args ...any) { panic(broken(fmt.Sprintf(format, args...))) }

func newShell(rules *Rules, state State) *shell {
	s := &shell{rules: rules, now: epoch, disk: newImage(state), model: newModel(rules)}
	s.mem = s.disk.clone()
	s.memory, s.seen = map[Revision]Print{}, map[string]int{}
	s.lane = New(rules, state)
	s.model.clock.delivering = true
	return s
}

// step lets the lane answer, carries out what it says and checks everything.
func (s *shell) step(ev Event) {
	ev.At = s.now
	var effects []Effect
	s.said = append(s.said, fmt.Sprintf("%v %d print=%d known=%d to=%d %v", ev.Kind, ev.Rev, ev.Print, ev.Known, ev.To, ev.Pause))
	effects = s.lane.Step(effects, ev)
	for _, e := range effects {
		s.said = append(s.said, "  "+spellEffect(e))
		s.seen[e.Verb.String()]++
		s.seen[e.Reason.String()]++
		s.carry(ev, e)
	}
	s.seen[s.lane.Mode.String()]++
	s.model.check(s, ev)
}

// carry carries out one effect.
func (s *shell) carry(ev Event, e Effect) {
	s.model.judge(s, ev, e)
	s.dirty = true
	switch e.Verb {
	case Deliver, Fetch, Retake, Expel:
		if s.pending != nil {
			s.fail("%v while %v is under way", e, *s.pending)
		}
		s.pending = &e
		s.expelled = s.above(e)
		if e.Verb == Deliver {
			s.model.deliver(s, s.content(ev, e.Rev))
		}
	case Hold:
		s.content(ev, e.Rev)
	case Settle:
		s.move(ev, e.Rev, s.mem.settled)
	case Park:
		s.move(ev, e.Rev, s.mem.parked)
		if ev.Kind == Overdue { // it is still under way
			s.loaded = &message{e.Rev, s.mem.parked[e.Rev]}
		}
	case GiveUp:
		s.move(ev, e.Rev, s.mem.dead)
	case Discharge:
		s.loaded = &message{e.Rev, s.mem.dead[e.Rev]}
		s.move(ev, e.Rev, s.mem.discarded)
	case Refuse:
		s.refuse(ev, e)
	case SkipRange:
		s.mem.skips = append(s.mem.skips, [2]Revision{e.Rev, e.To})
	case NextEpoch:
		s.mem.later[message{ev.Rev, ev.Print}] = true
		s.taken[len(s.taken)-1].want = later
	case DropUnknown:
		g := message{ev.Rev, ev.Print}
		if s.mem.owned(g) == 0 {
			s.mem.unverified[g] = true
		}
		s.taken[len(s.taken)-1].want = unverified
	case Halt:
		s.wake = true // someone starts the route again
	default:
	}
}

// expulsion is what a caller reads when it is asked to Expel. It may be carried
// out later: nothing is parked in between.
type expulsion struct {
	revs            []Revision
	highest, lowest Revision
}

func (s *shell) above(e Effect) (x expulsion) {
	if e.Verb != Expel {
		return x
	}
	rest := s.mem.clone()
	for r := range s.mem.parked {
		if r > e.Rev {
			x.revs = append(x.revs, r)
			delete(rest.parked, r)
		}
	}
	x.highest, x.lowest = rest.highest(), rest.lowest(-1)
	return x
}

// content is the message at a revision that is in memory; an arrival gets there
// now.
func (s *shell) content(ev Event, r Revision) message {
	if s.loaded != nil && s.loaded.rev == r {
		return *s.loaded
	}
	if _, ok := s.memory[r]; !ok {
		if ev.Kind != Arrive || ev.Rev != r {
			s.fail("%d is not in memory", r)
		}
		s.memory[r] = ev.Print
	}
	return message{r, s.memory[r]}
}

// move takes a revision from where it is to another place.
func (s *shell) move(ev Event, r Revision, to map[Revision]Print) {
	g := s.content(ev, r)
	for _, place := range []map[Revision]Print{s.memory, s.mem.parked, s.mem.dead} {
		delete(place, r)
	}
	if s.loaded != nil && s.loaded.rev == r {
		s.loaded = nil
	}
	to[r] = g.print
}

// refuse stores a dead letter that belongs to no lane.
func (s *shell) refuse(ev Event, e Effect) {
	g := message{ev.Rev, ev.Print}
	if p, held := s.memory[e.Rev]; held && e.Reason == Implausible {
		g = message{e.Rev, p}
		delete(s.memory, e.Rev)
	} else if ev.Kind != Arrive || ev.Rev != e.Rev {
		s.fail("refused %d, which is nowhere", e.Rev)
	}
	s.noteRefused(g)
}

func (s *shell) noteRefused(g message) {
	s.mem.refused[g] = true
	for i := range s.taken {
		if s.taken[i].message == g {
			s.taken[i].want = refused
		}
	}
}

// take hands a queued message to the lane.
func (s *shell) take(i int) {
	g := s.queue[i]
	s.queue = slices.Delete(s.queue, i, i+1)
	s.taken = append(s.taken, taken{message: g})
	s.model.arrivals[g]++
	s.model.here[g] = true
	s.model.clock.heard()
	// Whether it is fast is the caller's to say, and must not matter to the rest.
	ev := Event{Kind: Arrive, Rev: g.rev, Print: g.print, Fast: len(s.taken)%3 == 0, Closed: s.closed}
	p, parked := s.mem.parked[g.rev]
	_, skipped := s.mem.skipped(g.rev)
	switch {
	case !s.lane.Unsure(g.rev):
		if parked || skipped {
			s.fail("the lane is sure of %d, which is parked (%v) or skipped (%v)", g.rev, parked, skipped)
		}
	case parked:
		ev.Known, ev.Same = Parked, p == g.print
	case skipped:
		ev.Known = Skipped
	}
	s.step(ev)
}
