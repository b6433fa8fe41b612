package lane

import "time"

// Patience is how many gap timeouts a lane waits for its source to be seen
// empty before the gap's clock starts all the same: in a backlog the missing
// revision may be an hour deeper.
const Patience = 10

// source says what is known of where the messages come from.
type source uint8

const (
	unheard    source = iota // since New; the first arrival, or Resumed, ends that
	delivering               // gap clocks run
	silent                   // Stopped: they do not
)

// gapClock measures how long a gap has lasted since the source delivers.
type gapClock struct {
	on      bool
	armed   bool      // the source was seen empty
	expired bool      // said already
	since   time.Time // zero: stopped
}

// deadline is when the clock will have run for d; zero: not while it is stopped
// or once it has expired.
func (c *gapClock) deadline(d time.Duration) time.Time {
	if c.since.IsZero() || c.expired {
		return time.Time{}
	}
	return c.since.Add(d)
}

// startClock starts the gap clock, unless it is on already. While the source
// does not deliver it does not run.
func (l *Lane) startClock(at time.Time) {
	if l.clock.on {
		return
	}
	l.clock.on = true
	if l.source == delivering {
		l.clock.since = at
	}
}

// resume lets the gap clock run.
func (l *Lane) resume(at time.Time) {
	l.source = delivering
	if l.clock.on && l.clock.since.IsZero() {
		l.clock.since = at
	}
}

// stop lets the gap clock stand still, and forget: the missing revision may have
// joined a backlog meanwhile. The source must be seen empty anew.
func (l *Lane) stop() {
	l.source = silent
	l.clock.since = time.Time{}
	l.clock.armed = false
}

// arm notes that the source was seen empty while a gap was open, so that its
// time counts from here. A source that does not deliver only looks empty.
func (l *Lane) arm(at time.Time) {
	if l.Mode != Gap || l.clock.armed || l.clock.since.IsZero() {
		return
	}
	l.clock.armed = true
	l.clock.since = at
}

// openGap notes that something waits for a revision that is not there.
func (l *Lane) openGap(out []Effect, at time.Time) []Effect {
	if l.Mode == Flowing {
		l.Mode = Gap
		l.waiting = at
	}
	l.startClock(at)
	if l.rules.Hold <= 0 {
		return l.parkHeld(out)
	}
	return out
}

// closeGap notes that nothing is missing.
func (l *Lane) closeGap() {
	if l.Mode == Gap || l.Mode == GapBlocked {
		l.Mode = Flowing
	}
	if l.clock.on {
		l.clock = gapClock{}
	}
}

// patience is how long the clock has to run until the gap expires.
func (l *Lane) patience() time.Duration {
	switch {
	case l.Mode == Adopting:
		return l.rules.AdoptAfter
	case l.clock.armed:
		return l.rules.GapTimeout
	}
	return (Patience + 1) * l.rules.GapTimeout
}

// Expiry says when the lane's gap, or its adopting, comes to its end; zero: there
// is none, its clock stands still, or that was said already.
func (l *Lane) Expiry() time.Time {
	if l.Mode != Gap && l.Mode != Adopting {
		return time.Time{}
	}
	return l.clock.deadline(l.patience())
}

// Deadline says when the lane wants a [Tick]; zero: never.
func (l *Lane) Deadline() time.Time {
	d := l.Expiry()
	if l.Mode == Gap && len(l.held) > 0 {
		if park := l.waiting.Add(l.rules.Hold); d.IsZero() || park.Before(d) {
			return park
		}
	}
	return d
}

// timed handles what time and the source's state bring.
func (l *Lane) timed(out []Effect, ev *Event) []Effect {
	switch ev.Kind {
	case Tick:
		return l.tick(out, ev.At)
	case Resolved:
		return l.resolve(out, ev.At)
	case AdoptNow:
		return l.adopt(out, ev.At)
	case CaughtUp:
		l.arm(ev.At)
	case Stopped:
		l.stop()
	case Resumed:
		l.resume(ev.At)
	default:
	}
	return out
}

// tick parks what was held for long enough and expires a gap.
func (l *Lane) tick(out []Effect, at time.Time) []Effect {
	if l.Mode == Gap && len(l.held) > 0 && !at.Before(l.waiting.Add(l.rules.Hold)) {
		out = l.parkHeld(out)
	}
	d := l.clock.deadline(l.patience())
	if d.IsZero() || at.Before(d) {
		return out
	}
	if l.Mode == Adopting {
		return l.adopt(out, at)
	}
	if l.Mode == Gap {
		l.clock.expired = true
		return append(out, Effect{Verb: Expired, Rev: l.Next, Reason: GapTimeout})
	}
	return out
}

// resolve applies OnGap to a gap whose time is over.
func (l *Lane) resolve(out []Effect, at time.Time) []Effect {
	to := l.lowest()
	if l.Mode != Gap || l.rules.OnGap == Wait || to == l.Next {
		return out
	}
	if l.rules.OnGap == Skip && to-l.Next <= l.rules.MaxJump {
		return l.skip(out, to, at)
	}
	l.Mode = GapBlocked
	out = l.parkHeld(out)
	return append(out, Effect{Verb: Block, Reason: GapTimeout, Rev: l.Next})
}

// lowest is the lowest revision that waits; Next where none does.
func (l *Lane) lowest() Revision {
	switch {
	case len(l.held) == 0 && l.Parked == 0:
		return l.Next
	case len(l.held) == 0:
		return l.Lowest
	case l.Parked == 0:
		return l.held[0].rev
	}
	return min(l.Lowest, l.held[0].rev)
}

// skip moves the checkpoint to a revision without what is missing below it.
// Nothing leaves before that is durable.
func (l *Lane) skip(out []Effect, to Revision, at time.Time) []Effect {
	out = append(out, Effect{Verb: SkipRange, Rev: l.Next, To: to - 1})
	l.forget(l.Next, to-1)
	l.Skips++
	l.Next = to
	l.Highest = max(l.Highest, to-1)
	l.await = to
	l.Mode = Flowing
	l.closeGap()
	return l.advance(out, at)
}

// adopt starts a lane at the lowest revision that came. Nothing leaves before
// that is durable.
func (l *Lane) adopt(out []Effect, at time.Time) []Effect {
	to := l.lowest()
	switch {
	case to == l.Next: // nothing waits
		return out
	case l.Mode == Gap || l.Mode == GapBlocked:
		return l.skip(out, to, at)
	case l.Mode != Adopting:
		return out
	}
	l.Base, l.Next, l.await = to, to, to
	l.Highest = max(l.Highest, to-1)
	l.Mode = Flowing
	l.closeGap()
	return l.advance(append(out, Effect{Verb: Adopted, Rev: to}), at)
}
