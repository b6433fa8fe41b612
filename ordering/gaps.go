package ordering

import (
	"context"
	"fmt"
	"time"

	"github.com/brokerbridge/bridge/ordering/lane"
)

// When this many lanes, and this share of those active, have an expired gap at
// the same time, it is not the messages that are missing but the state.
const (
	noStateLanes = 50
	noStateShare = 0.2
)

// gaps watches over the gaps of a route.
type gaps struct {
	expired    []*entry // not resolved yet
	generation uint64   // of activity, one per gap timeout
	active     int      // lanes in which something came in this generation
	before     int      // and in the one before
	turned     time.Time
}

// noteActive counts a lane in which something came.
func (g *gaps) noteActive(e *entry) {
	if e.active != g.generation+1 {
		e.active = g.generation + 1
		g.active++
	}
}

// turn begins a new generation of activity.
func (g *gaps) turn(now time.Time, every time.Duration) {
	if g.turned.IsZero() {
		g.turned = now
	}
	if now.Sub(g.turned) < every {
		return
	}
	g.turned = now
	g.generation++
	g.before, g.active = g.active, 0
}

// elapse does what time asks for.
func (l *loop) elapse() {
	if l.stopping {
		return
	}
	l.noteSource() // before a gap expires
	l.ringTimers()
	l.judgeRush()
	l.resolveGaps()
	if l.source {
		l.gaps.turn(l.now, l.cfg.GapTimeout)
	}
	l.overdue()
	l.outage.last(l)
	l.loose.ring(l)
	l.askAgain()
}

// ringTimers tells the lanes whose time has come.
func (l *loop) ringTimers() {
	var due []*entry
	for len(l.timers) > 0 && !l.timers[0].deadline.After(l.now) {
		e := l.timers[0]
		l.timers.set(e, time.Time{})
		due = append(due, e)
	}
	for _, e := range due {
		if e.mode == lane.Waiting && !e.due.IsZero() && !e.due.After(l.now) {
			e.due = time.Time{}
			l.step(e, nil, lane.Event{Kind: lane.Wake, Rev: e.lane.Next, At: l.now})
			continue
		}
		l.step(e, nil, lane.Event{Kind: lane.Tick, At: l.now})
	}
}

// resolveGaps applies the policy to expired gaps, unless there are so many that
// the store must be empty or older than the source.
func (l *loop) resolveGaps() {
	if len(l.gaps.expired) == 0 {
		return
	}
	kind := lane.Resolved
	if l.cfg.AdoptOnce {
		kind = lane.AdoptNow
	} else if n, active := l.nearlyExpired(), l.gaps.active+l.gaps.before; n >= noStateLanes && float64(n) > noStateShare*float64(active) {
		l.halt(HaltNoState, fmt.Errorf("%d of %d active keys wait for revisions that do not come: "+
			"the store is empty or older than the source; run once with --adopt-once to go on with what is there",
			n, max(n, active))) // after a restart what waits has not been active yet
		return
	}
	expired := l.gaps.expired
	l.gaps.expired = nil
	for _, e := range expired {
		l.step(e, nil, lane.Event{Kind: kind, At: l.now})
	}
}

// nearlyExpired counts the lanes whose gap has expired, or will within half a
// timeout: lanes of a lost store do not expire all in the same instant.
func (l *loop) nearlyExpired() int {
	n := len(l.gaps.expired)
	soon := l.now.Add(l.cfg.GapTimeout / 2)
	for _, e := range l.timers {
		if expiry := e.lane.Expiry(); e.mode == lane.Gap && !expiry.IsZero() && expiry.Before(soon) {
			n++
		}
	}
	return n
}

// noteSource tells the lanes that wait for a gap whether messages come: the
// source delivers, and we do not keep it shut ourselves.
func (l *loop) noteSource() {
	up := l.counts.sourceUp.Load() && l.intakeOpen() && !l.outage.shuts(l.cfg.Pause)
	if up == l.source {
		return
	}
	l.source = up
	if !up {
		l.session.Store(0)
	} else {
		l.sessions++
		l.session.Store(l.sessions)
		l.gaps.turned = l.now // nobody was active meanwhile, and that says nothing
	}
	l.eachGap(sourceEvent(up))
}

// caughtUp tells them that the source was seen empty, if it is still the same
// session: what is shut only looks empty.
func (l *loop) caughtUp(session int64) {
	if session == l.session.Load() {
		l.eachGap(lane.CaughtUp)
	}
}

// eachGap gives an event to every lane that waits for a gap or adopts.
func (l *loop) eachGap(kind lane.Kind) {
	for _, m := range []map[laneKey]*entry{l.lanes.young, l.lanes.old} {
		for _, e := range m {
			if e.mode == lane.Gap || e.mode == lane.Adopting {
				l.step(e, nil, lane.Event{Kind: kind, At: l.now})
			}
		}
	}
}

// watchLag looks whether the source is empty, while there are gaps. It is a
// goroutine of its own, because a source may be slow to answer.
func (l *loop) watchLag(ctx context.Context) {
	if l.cfg.Lag == nil {
		return
	}
	every := min(max(l.cfg.GapTimeout/4, 10*time.Millisecond), time.Second)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		session := l.session.Load()
		if l.counts.modes[lane.Gap].Load() == 0 || session == 0 {
			continue
		}
		lag, err := l.cfg.Lag(ctx)
		if err != nil || lag > 0 {
			continue
		}
		select {
		case l.lags <- session:
		case <-ctx.Done():
			return
		}
	}
}

// askAgain reads from the store what it did not give before.
func (l *loop) askAgain() {
	if l.again.IsZero() || l.now.Before(l.again) {
		return
	}
	l.again = time.Time{}
	unread, retake := l.unread, l.retake
	l.unread, l.retake = nil, nil
	l.arriveAll(unread)
	for _, e := range retake {
		l.fetch(e, e.mode == lane.Quarantined)
	}
	l.sendAgain()
}

// untilNext is how long the loop may sleep. While it stops nothing is due:
// elapse does nothing then.
func (l *loop) untilNext() time.Duration {
	if l.stopping {
		return time.Second
	}
	next := l.again
	if len(l.timers) > 0 {
		next = earliest(next, l.timers[0].deadline)
	}
	next = earliest(earliest(next, l.loose.next()), l.lookAt)
	next = earliest(next, l.rush.next)
	next = earliest(next, l.outage.next(l))
	if len(l.gaps.expired) > 0 {
		next = earliest(next, l.now)
	}
	if next.IsZero() {
		return time.Second
	}
	return min(max(time.Until(next), 0), time.Second)
}

// earliest returns the earlier of two times, of which zero means never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}
