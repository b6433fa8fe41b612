package ordering

import (
	"fmt"
	"runtime/debug"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/brokerbridge/bridge/ordering/lane"
)

// isForeign reports whether the route does not take a message.
func (r *Resequencer) isForeign(m *message.Message) bool {
	return r.cfg.Takes != nil && !r.cfg.Takes(m)
}

// isStillForeign is isForeign for a message that has its place already. What cannot
// judge it rules it not out.
func (r *Resequencer) isStillForeign(m *message.Message) (is bool) {
	defer contain(new(error))
	return r.isForeign(m)
}

// contain makes a panic of what reads a message the reason why it cannot be
// identified. Such functions are called in the loop, too, and the process is not only
// this message's.
func contain(refusal *error) {
	if p := recover(); p != nil {
		*refusal = &IdentifyError{Reason: ReasonPanic, Err: fmt.Errorf("panic: %v\n%s", p, debug.Stack())}
	}
}

// pass settles the heads that the route does not take. That may put the next
// message of their lanes into their place, up to what a lane may be ahead of its
// checkpoint.
func (l *loop) pass() {
	for i := 0; i < len(l.passing); i++ {
		it := l.passing[i]
		l.step(it.lane, nil, lane.Event{Kind: lane.Confirmed, Rev: it.id.Revision, At: l.now})
	}
	clear(l.passing)
	l.passing = l.passing[:0]
}

// conclude ends a message without a usable key or revision: it is a dead letter,
// unless the route does not take it.
func (l *loop) conclude(it *item) {
	if !it.foreign {
		l.refuseUnidentified(it)
		return
	}
	c := l.edit(l.route)
	c.store.Ledger.Filtered++
	c.conclude(it)
}
