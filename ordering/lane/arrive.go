package lane

// arrive judges a message that came from the source.
func (l *Lane) arrive(out []Effect, ev *Event) []Effect {
	if l.source == unheard {
		l.resume(ev.At) // it speaks
	}
	switch {
	case ev.Rev < 0 || ev.Rev > MaxRevision:
		return append(out, Effect{Verb: Refuse, Reason: Implausible, Rev: ev.Rev})
	case l.Mode == Locked:
		return l.arriveLocked(out, ev)
	case l.Mode == Adopting:
		return l.arriveAdopting(out, ev)
	case ev.Closed && l.Reborn:
		return l.arriveClosed(out, ev)
	case ev.Rev < l.Next:
		return l.arriveBelow(out, ev)
	case ev.Rev == l.Next:
		return l.arriveNext(out, ev)
	}
	return l.arriveAbove(out, ev)
}

// arriveBelow judges a message whose revision is settled.
func (l *Lane) arriveBelow(out []Effect, ev *Event) []Effect {
	if ev.Rev < l.Base {
		reason := BelowFirst
		if l.rules.Adopt {
			reason = Late
		}
		return append(out, Effect{Verb: Refuse, Reason: reason, Rev: ev.Rev})
	}
	switch p := l.print(ev.Rev); {
	case l.Reborn && ev.Rev > l.Base+1 && (p == 0 || p != ev.Print):
		return append(out, Effect{Verb: NextEpoch, Rev: ev.Rev})
	case ev.Known == Skipped:
		return append(out, Effect{Verb: Refuse, Reason: Late, Rev: ev.Rev})
	case p == 0:
		return append(out, Effect{Verb: DropUnknown, Rev: ev.Rev})
	case p == ev.Print:
		return append(out, Effect{Verb: Drop, Rev: ev.Rev})
	}
	return l.differs(out, ev)
}

// differs judges a message that has a settled revision and other content. One
// is a conflict; the first two revisions again mean that the record was created
// anew, and what follows waits under the next epoch. The two themselves are
// refused however often they come, so that a redelivery finds its dead letter.
func (l *Lane) differs(out []Effect, ev *Event) []Effect {
	if ev.Rev == l.Base+1 && l.Suspect {
		out = append(out, Effect{Verb: Refuse, Reason: Regressed, Rev: ev.Rev})
		if l.Reborn {
			return out
		}
		l.Reborn = true
		return append(out, Effect{Verb: Block, Reason: Regressed, Rev: ev.Rev})
	}
	if ev.Rev == l.Base && l.Next > l.Base+1 {
		l.Suspect = true
	}
	return append(out, Effect{Verb: Refuse, Reason: Conflict, Rev: ev.Rev})
}

// arriveNext judges a message with the revision the lane waits for, or works on.
func (l *Lane) arriveNext(out []Effect, ev *Event) []Effect {
	switch {
	case l.phase == flying:
		return l.copyOf(out, ev, l.head)
	case l.Mode == Quarantined:
		return l.copyOfStored(out, ev, ev.Print == l.Blocked)
	case l.Parked > 0 && l.Lowest == l.Next:
		return l.copyOfStored(out, ev, ev.Same)
	case len(l.held) > 0 && l.held[0].rev == ev.Rev:
		return l.copyOf(out, ev, l.held[0].print)
	}
	l.closeGap()
	if !l.mayGo() {
		return l.hold(out, ev)
	}
	l.head = ev.Print
	return l.deliver(out, fromSource)
}

// arriveAbove judges a message that is ahead of its turn.
func (l *Lane) arriveAbove(out []Effect, ev *Event) []Effect {
	if i, ok := l.find(ev.Rev); ok {
		return l.copyOf(out, ev, l.held[i].print)
	}
	if ev.Known == Parked {
		return l.copyOfStored(out, ev, ev.Same)
	}
	if l.Reborn {
		return append(out, Effect{Verb: NextEpoch, Rev: ev.Rev})
	}
	if l.implausible(ev.Rev) && !l.fresh() {
		return append(out, Effect{Verb: Refuse, Reason: Implausible, Rev: ev.Rev})
	}
	out = l.wait(out, ev)
	return l.advance(out, ev.At) // opens a gap where nothing is under way
}

// copyOf judges a copy of a revision that is in memory.
func (l *Lane) copyOf(out []Effect, ev *Event, p Print) []Effect {
	if p == ev.Print {
		return append(out, Effect{Verb: Join, Rev: ev.Rev})
	}
	return append(out, Effect{Verb: Refuse, Reason: Conflict, Rev: ev.Rev})
}

// copyOfStored judges a copy of a revision that is parked or a dead letter.
func (l *Lane) copyOfStored(out []Effect, ev *Event, same bool) []Effect {
	if same {
		return append(out, Effect{Verb: Drop, Rev: ev.Rev})
	}
	return append(out, Effect{Verb: Refuse, Reason: Conflict, Rev: ev.Rev})
}

// arriveClosed judges a message for a record that was created anew, and whose
// next epoch is open: what is no copy of an old one belongs there.
func (l *Lane) arriveClosed(out []Effect, ev *Event) []Effect {
	i, held := l.find(ev.Rev)
	head := ev.Rev == l.Next
	switch {
	case head && l.phase == flying && l.head == ev.Print, held && l.held[i].print == ev.Print:
		return append(out, Effect{Verb: Join, Rev: ev.Rev})
	case ev.Rev >= l.Base && ev.Rev < l.Next && l.print(ev.Rev) == ev.Print,
		head && l.Mode == Quarantined && l.Blocked == ev.Print,
		ev.Known == Parked && ev.Same:
		return append(out, Effect{Verb: Drop, Rev: ev.Rev})
	}
	return append(out, Effect{Verb: NextEpoch, Rev: ev.Rev})
}

// arriveLocked parks whatever comes for an epoch that is not open yet.
func (l *Lane) arriveLocked(out []Effect, ev *Event) []Effect {
	switch {
	case ev.Rev < l.Base:
		return append(out, Effect{Verb: Refuse, Reason: BelowFirst, Rev: ev.Rev})
	case ev.Known == Parked:
		return l.copyOfStored(out, ev, ev.Same)
	}
	return l.park(out, ev.Rev)
}

// arriveAdopting gathers what a new lane may start at.
func (l *Lane) arriveAdopting(out []Effect, ev *Event) []Effect {
	if i, ok := l.find(ev.Rev); ok {
		return l.copyOf(out, ev, l.held[i].print)
	}
	if ev.Known == Parked {
		return l.copyOfStored(out, ev, ev.Same)
	}
	if len(l.held) >= l.rules.MaxHeld {
		out = l.park(out, ev.Rev)
	} else {
		out = l.hold(out, ev)
	}
	return l.advance(out, ev.At) // starts the clock
}
