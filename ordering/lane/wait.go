package lane

import "slices"

// wait keeps a message ahead of its turn, in memory or parked.
func (l *Lane) wait(out []Effect, ev *Event) []Effect {
	switch {
	case l.phase == expelling: // no row comes or goes until that is done
	case l.Mode == Quarantined || l.Mode == GapBlocked,
		l.Mode == Waiting && l.Parked > 0 && l.Lowest == l.Next,
		l.Full() && (!ev.Fast || l.Mode != Flowing),
		l.mayGo() && l.rules.Hold <= 0:
		if !l.rules.FromHead {
			return l.park(out, ev.Rev)
		}
		if !l.keepsHead() {
			return l.park(l.parkHeld(out), ev.Rev)
		}
	}
	if len(l.held) == 0 {
		l.waiting = ev.At
	}
	return l.hold(out, ev)
}

// Full reports whether the lane has so much waiting, in memory or parked, that it
// parks what comes, unless it is said to be fast.
func (l *Lane) Full() bool {
	return len(l.held) >= l.rules.MaxHeld || l.Parked >= drainFirst*l.rules.MaxHeld
}

// drainFirst says how much of a lane may be parked, in multiples of MaxHeld,
// for live messages still to be held while it drains: held they let a busy lane
// catch up, but a long drain must not fill the window.
const drainFirst = 4

// hold keeps a message in memory.
func (l *Lane) hold(out []Effect, ev *Event) []Effect {
	i, _ := l.find(ev.Rev)
	l.held = slices.Insert(l.held, i, waiter{ev.Rev, ev.Print})
	return append(out, Effect{Verb: Hold, Rev: ev.Rev})
}

// shiftMost is how many elements are moved down rather than left behind.
const shiftMost = 32

// Shift takes the first element off a list. Of a short one the memory serves
// again; a long one is not moved for it.
func Shift[S ~[]E, E any](s S) S {
	if len(s) <= shiftMost {
		return slices.Delete(s, 0, 1)
	}
	clear(s[:1])
	return s[1:]
}

// find returns where a revision is, or belongs, among the held ones.
func (l *Lane) find(r Revision) (int, bool) {
	if n := len(l.held); n == 0 || l.held[n-1].rev < r {
		return n, false
	}
	return slices.BinarySearchFunc(l.held, r, func(w waiter, r Revision) int {
		return int(min(max(w.rev-r, -1), 1))
	})
}

// park moves a message into the store.
func (l *Lane) park(out []Effect, r Revision) []Effect {
	if l.Parked == 0 || r < l.Lowest {
		l.Lowest = r
	}
	l.Parked++
	if l.implausible(r) {
		l.Aside++
	} else {
		l.Highest = max(l.Highest, r)
	}
	if l.phase != idle && l.from == fromParked && (l.after == 0 || r < l.after) {
		l.after = r
	}
	return append(out, Effect{Verb: Park, Rev: r})
}

// parkHeld moves all that waits in memory into the store.
func (l *Lane) parkHeld(out []Effect) []Effect {
	switch {
	case l.phase == expelling, l.keepsHead():
		return out
	case l.rules.FromHead:
		out = l.overdue(out)
	}
	for _, w := range l.held {
		out = l.park(out, w.rev)
	}
	l.held = l.held[:0]
	return out
}

// keepsHead reports whether what is behind the head must not be parked now.
func (l *Lane) keepsHead() bool {
	return l.rules.FromHead && l.rules.HeadStays && l.phase == flying && l.from == fromSource
}

// overdue parks the message that is being delivered. From then on its row is
// where it came from.
func (l *Lane) overdue(out []Effect) []Effect {
	if l.phase != flying || l.from != fromSource {
		return out
	}
	l.after = 0
	if l.Parked > 0 {
		l.after = l.Lowest
	}
	out = l.park(out, l.Next)
	l.from = fromParked
	return out
}

// fresh reports whether nothing of this lane was ever settled or plausibly
// parked.
func (l *Lane) fresh() bool { return l.Next == l.Base && l.Highest == l.Base-1 }

// implausible reports whether a revision is too far above everything known.
func (l *Lane) implausible(r Revision) bool { return r-l.Highest > l.rules.MaxJump }
