package lane

import "time"

// failed handles what became of a delivery that was not confirmed.
func (l *Lane) failed(out []Effect, ev *Event) []Effect {
	if ev.Rev != l.Next {
		return out
	}
	if ev.Kind == Wake {
		if l.Mode == Waiting && l.phase == idle {
			l.Mode = Flowing
			return l.advance(out, ev.At)
		}
		return out
	}
	if l.phase != flying {
		return out
	}
	l.phase = idle
	switch ev.Kind {
	case Retry:
		return l.retry(out, ev)
	case GaveUp:
		return l.gaveUp(out, ev.At)
	default: // Interrupted: as if it had not been tried
		return l.putBack(out)
	}
}

// putBack returns the head to where it was before it was delivered.
func (l *Lane) putBack(out []Effect) []Effect {
	if l.from == fromSource {
		l.held = append(l.held, waiter{})
		copy(l.held[1:], l.held)
		l.held[0] = waiter{l.Next, l.head}
		return append(out, Effect{Verb: Hold, Rev: l.Next})
	}
	return out
}

// retry lets the head pause. What would wait longer than Hold is parked, so
// that its attempts survive a crash and one hot poison key cannot fill the
// window.
func (l *Lane) retry(out []Effect, ev *Event) []Effect {
	l.Mode = Waiting
	short := ev.Pause <= l.rules.Hold
	if short && l.from == fromSource {
		return l.putBack(out)
	}
	out = l.parkHead(out)
	if short {
		return out
	}
	return l.parkHeld(out)
}

// parkHead stores the head, a parked one again, with its attempts.
func (l *Lane) parkHead(out []Effect) []Effect {
	l.Blocked = 0
	if l.from == fromParked {
		return append(out, Effect{Verb: Park, Rev: l.Next})
	}
	return l.park(out, l.Next)
}

// gaveUp makes the head a dead letter.
func (l *Lane) gaveUp(out []Effect, at time.Time) []Effect {
	if l.rules.OnFailure == Stop && l.from != fromDead {
		l.Mode = Waiting
		out = l.parkHeld(l.parkHead(out))
		return append(out, Effect{Verb: Halt, Reason: Failure, Rev: l.Next})
	}
	l.dropRow()
	out = append(out, Effect{Verb: GiveUp, Rev: l.Next})
	l.Highest = max(l.Highest, l.Next)
	if l.rules.OnFailure == Continue {
		return l.passBy(out, l.head, at)
	}
	l.Mode = Quarantined
	l.Blocked = l.head
	out = l.parkHeld(out)
	return append(out, Effect{Verb: Block, Reason: Failure, Rev: l.Next})
}

// passBy goes on behind the head, which is a dead letter. Nothing leaves before
// that is durable.
func (l *Lane) passBy(out []Effect, p Print, at time.Time) []Effect {
	l.Mode = Flowing
	l.pass(p)
	l.await = l.Next
	return l.advance(out, at)
}

// operator handles what a human decided. What does not fit the lane as it is
// now changes nothing.
func (l *Lane) operator(out []Effect, ev *Event) []Effect {
	dead := l.Mode == Quarantined && ev.Rev == l.Next && l.phase == idle
	switch ev.Kind {
	case Redrive:
		if dead {
			l.phase = fetching
			l.from = fromDead
			out = append(out, Effect{Verb: Retake, Rev: l.Next})
		}
	case Discard:
		if dead {
			out = append(out, Effect{Verb: Discharge, Rev: l.Next})
			return l.passBy(out, l.Blocked, ev.At)
		}
	case SkipTo:
		to := min(ev.Rev, l.lowest())
		if (l.Mode == Gap || l.Mode == GapBlocked) && to > l.Next {
			return l.skip(out, to, ev.At)
		}
	default:
		return l.release(out, ev.At)
	}
	return out
}

// release gives a gap its time once more, or opens a locked epoch.
func (l *Lane) release(out []Effect, at time.Time) []Effect {
	switch {
	case l.Mode == GapBlocked:
		l.closeGap()
	case l.Mode == Locked && l.Next < 0:
		l.Mode = Adopting
	case l.Mode == Locked:
		l.Mode = Flowing
	}
	return l.advance(out, at)
}
