package lane

import (
	"slices"
	"time"
)

// Lane is the machine of one key. Build it with [New]; it is not safe for
// concurrent use.
type Lane struct {
	State

	rules *Rules
	held  []waiter // in memory, ascending, not in flight
	phase phase
	head  Print    // the content in flight
	from  origin   // where the one in flight came from
	after Revision // the lowest revision parked above it; 0: none

	durable Revision // the committed Next
	await   Revision // nothing leaves before durable reaches it

	source  source
	clock   gapClock
	waiting time.Time // since when the oldest of held waits for something missing
}

// waiter is a message in memory that waits for its turn.
type waiter struct {
	rev   Revision
	print Print
}

// phase is what the head of the lane is doing.
type phase uint8

const (
	idle      phase = iota
	fetching        // Fetch or Retake was asked for
	flying          // Deliver was asked for
	expelling       // Expel was asked for
)

// origin is where the message in flight has its row.
type origin uint8

const (
	fromSource origin = iota
	fromParked
	fromDead
)

// Fresh is the state of a key that was never seen.
func Fresh(rules *Rules) State {
	s := State{Base: rules.First, Next: rules.First, Highest: rules.First - 1}
	if rules.Adopt {
		s = State{Base: -1, Next: -1, Highest: -1, Mode: Adopting}
	}
	return s
}

// New returns the lane of a key in the given committed state; [Fresh] is the
// state of a new one. A lane that is not new wants a [Committed] to set itself
// going, a [Wake] if it is [Waiting], and a [Resumed] when its source delivers;
// an arrival says the same.
func New(rules *Rules, s State) *Lane {
	return &Lane{State: s, rules: rules, durable: s.Next}
}

// Clone returns a lane in the same condition, to see what a step would do.
func (l *Lane) Clone() *Lane {
	c := *l
	c.held = slices.Clone(l.held)
	return &c
}

// Idle reports whether the lane has nothing in memory and nothing under way, so
// that it can be forgotten once its state is committed.
func (l *Lane) Idle() bool {
	if l.phase != idle || len(l.held) > 0 || l.durable != l.Next {
		return false
	}
	switch l.Mode {
	case Flowing:
		return l.Parked == 0
	case Quarantined, GapBlocked, Locked:
		return true
	default: // a timer runs
		return false
	}
}

// Held is the number of messages in memory that wait for their turn.
func (l *Lane) Held() int { return len(l.held) }

// Flying reports whether a Deliver has not been answered yet.
func (l *Lane) Flying() bool { return l.phase == flying }

// Ahead is how many revisions are settled and not committed yet.
func (l *Lane) Ahead() Revision { return l.Next - l.durable }

// Unsure reports whether the caller has to look into the store before it steps
// an [Arrive] of this revision.
func (l *Lane) Unsure(r Revision) bool {
	if r < l.Next {
		return l.Skips > 0
	}
	return l.Parked > 0 && r >= l.Lowest && (r <= l.Highest || l.Aside > 0)
}

// Step takes an event and appends what is to be done about it to out.
func (l *Lane) Step(out []Effect, ev Event) []Effect {
	switch ev.Kind {
	case Arrive:
		return l.arrive(out, &ev)
	case Confirmed:
		return l.confirmed(out, &ev)
	case Committed:
		l.durable = max(l.durable, ev.Rev)
		return l.advance(out, ev.At)
	case Fetched, Missing:
		return l.fetched(out, &ev)
	case Retry, GaveUp, Interrupted, Wake:
		return l.failed(out, &ev)
	case Redrive, Discard, SkipTo, Release:
		return l.operator(out, &ev)
	case Expelled:
		return l.expelled(out, &ev)
	case Pressure:
		return l.parkHeld(out)
	case Overdue:
		return l.overdue(out)
	default:
		return l.timed(out, &ev)
	}
}

// advance sets the head of the lane going, if it is there and may go.
func (l *Lane) advance(out []Effect, at time.Time) []Effect {
	if !l.mayGo() {
		if l.Mode == Adopting && l.lowest() != l.Next {
			l.startClock(at)
		}
		return out
	}
	if l.Next > l.Base && (l.Aside > 0 || len(l.held) > 0) {
		if out = l.expel(out); l.phase == expelling {
			return out
		}
	}
	switch {
	case len(l.held) > 0 && l.held[0].rev == l.Next:
		l.head = l.held[0].print
		l.held = Shift(l.held)
		return l.deliver(out, fromSource)
	case l.Parked > 0 && l.Lowest == l.Next:
		l.closeGap()
		l.phase = fetching
		l.from = fromParked
		l.after = 0
		return append(out, Effect{Verb: Fetch, Rev: l.Next})
	case len(l.held) > 0 || l.Parked > 0:
		return l.openGap(out, at)
	}
	l.closeGap()
	return out
}

// mayGo reports whether the next revision could leave, were it there.
func (l *Lane) mayGo() bool {
	if l.phase != idle || l.durable < l.await || l.Next-l.durable >= l.rules.MaxAhead {
		return false
	}
	return l.Mode == Flowing || l.Mode == Gap
}

// deliver sends the head out.
func (l *Lane) deliver(out []Effect, from origin) []Effect {
	l.closeGap()
	l.phase = flying
	l.from = from
	return append(out, Effect{Verb: Deliver, Rev: l.Next})
}

// fetched goes on with a parked message or a dead letter that is in memory now.
func (l *Lane) fetched(out []Effect, ev *Event) []Effect {
	if l.phase != fetching || ev.Rev != l.Next {
		return out
	}
	if ev.Kind == Missing {
		l.phase = idle
		return append(out, Effect{Verb: Halt, Rev: ev.Rev})
	}
	l.head = ev.Print
	if l.from == fromParked && ev.To != 0 && (l.after == 0 || ev.To < l.after) {
		l.after = ev.To
	}
	return l.deliver(out, l.from)
}

// confirmed settles the head.
func (l *Lane) confirmed(out []Effect, ev *Event) []Effect {
	if l.phase != flying || ev.Rev != l.Next {
		return out
	}
	l.phase = idle
	l.dropRow()
	l.Mode = Flowing
	l.pass(l.head)
	return l.advance(append(out, Effect{Verb: Settle, Rev: ev.Rev}), ev.At)
}

// pass moves the checkpoint behind the head.
func (l *Lane) pass(p Print) {
	l.remember(l.Next, p)
	l.Highest = max(l.Highest, l.Next)
	l.Next++
	l.Blocked = 0
}

// dropRow takes the head's parked row out of the count.
func (l *Lane) dropRow() {
	if l.from == fromParked {
		l.Parked--
		l.Lowest = l.after
		l.Aside = min(l.Aside, l.Parked)
	}
}

// expel refuses what was set aside on a new lane, now that the lane proceeds:
// one corrupt revision must not destroy a lane, and a lane whose store was lost
// must not lose its messages.
func (l *Lane) expel(out []Effect) []Effect {
	for n := len(l.held); n > 0 && l.implausible(l.held[n-1].rev); n = len(l.held) {
		out = append(out, Effect{Verb: Refuse, Reason: Implausible, Rev: l.held[n-1].rev})
		l.held = l.held[:n-1]
	}
	if l.Aside > 0 {
		l.phase = expelling
		limit := l.Highest + min(l.rules.MaxJump, MaxRevision-l.Highest)
		out = append(out, Effect{Verb: Expel, Reason: Implausible, Rev: limit})
	}
	return out
}

// expelled takes what is left after an Expel.
func (l *Lane) expelled(out []Effect, ev *Event) []Effect {
	if l.phase != expelling {
		return out
	}
	l.phase = idle
	l.Aside = 0
	l.Parked -= ev.Count
	l.Lowest = 0
	if l.Parked > 0 {
		l.Lowest = ev.To
		l.Highest = max(l.Highest, ev.Rev)
	}
	return l.advance(out, ev.At)
}
