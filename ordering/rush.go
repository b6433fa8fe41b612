package ordering

import (
	"time"

	"github.com/brokerbridge/bridge/ordering/lane"
)

const (
	// rushWindow is how long a fast lane takes for a whole window, at most. It is
	// as long as others wait behind it where it fills the window.
	rushWindow = 500 * time.Millisecond
	rushLook   = 100 * time.Millisecond // how often that is looked at
	// A lane that was slow has to show that it is fast first, for a second, and each
	// time it was not for twice as long, up to a minute.
	leastDoubt, mostDoubt = time.Second, time.Minute
)

// rush is the lanes that are full, and are watched: one that is fast may hold more
// than others. To park what leaves at once would cost everybody more time than to
// wait for it; and where much is parked, it is what makes a lane slow. So a lane is
// taken for fast until a look shows that it is not.
type rush struct {
	lanes []*entry
	next  time.Time // when to look at them; zero: nothing to look at
}

// pace is what rush knows of a lane.
type pace struct {
	watched bool
	fast    bool
	mark    lane.Revision // where it was at the last look
	doubt   time.Time     // until when it is not taken for fast
	doubts  time.Duration // how long that was; 0: it was fast
}

// join watches a lane that is full.
func (r *rush) join(e *entry, now time.Time) {
	if e.watched {
		return
	}
	e.watched, e.mark = true, e.lane.Next
	e.fast = e.fast || !now.Before(e.doubt)
	r.lanes = append(r.lanes, e)
	if r.next.IsZero() {
		r.next = now.Add(rushLook)
	}
}

// judgeRush tells which of the lanes are fast. One that was and is no more gives
// the window back.
func (l *loop) judgeRush() {
	r := &l.rush
	if r.next.IsZero() || l.now.Before(r.next) {
		return
	}
	took := rushLook + l.now.Sub(r.next)
	r.next = time.Time{}
	judged := r.lanes
	r.lanes = nil
	for _, e := range judged {
		was := e.fast
		e.watched = false
		e.fast = int64(e.lane.Next-e.mark)*int64(rushWindow) >= int64(l.cfg.Window)*int64(took)
		switch {
		case e.fast:
			e.doubts = 0
			r.join(e, l.now)
		case was && e.lane.Held()+e.lane.Parked > 0: // it did not only run dry
			e.doubts = min(max(2*e.doubts, leastDoubt), mostDoubt)
			e.doubt = l.now.Add(e.doubts)
			l.pressIfFull(e)
		}
	}
}

// pressIfFull parks what a lane holds, if that is more than it may.
func (l *loop) pressIfFull(e *entry) {
	if e.lane.Held() >= l.rules.MaxHeld {
		l.step(e, nil, lane.Event{Kind: lane.Pressure, At: l.now})
	}
}
