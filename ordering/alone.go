package ordering

import (
	"strconv"
	"strings"
	"time"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// alone are the lanes of messages without an order, one for each. A lane is
// stored only if its message waits in the store; else nothing is left of it.
type alone struct {
	begun string // tells the names of one run from those of another
	count uint64
}

func newAlone(now time.Time) alone {
	return alone{begun: strconv.FormatInt(now.UnixNano(), 36)}
}

// mostOfID bounds how much of an id is in the name of a lane.
const mostOfID = 200

// name is one that no other lane has, and in which people find the message's id.
func (a *alone) name(id string) string {
	if len(id) > mostOfID {
		id = strings.ToValidUTF8(id[:mostOfID], "")
	}
	a.count++
	return id + " #" + a.begun + "-" + strconv.FormatUint(a.count, 36)
}

// ownLane makes the lane of a message.
func (l *loop) ownLane(it *item) *entry {
	it.id = ID{Key: l.alone.name(it.msg.UUID), Revision: l.rules.First}
	return l.remember(store.Record{
		Key: store.Key{Route: l.cfg.Route, Name: it.id.Key}, State: lane.Fresh(l.rules),
	})
}

// account is the change in which a message ends: of its lane, or of the route
// where nothing of the lane is stored, nor has to be.
func (l *loop) account(e *entry) *change {
	if e.passing() {
		return l.edit(l.route)
	}
	return l.edit(e)
}

// passing reports whether the lane is that of one message, and not in the store.
func (e *entry) passing() bool {
	return e.alone && e.version == 0 && e.pending == nil && e.sent == nil
}

// leaveAlone forgets the lane of a message that has ended.
func (l *loop) leaveAlone(e *entry) {
	if e.passing() && len(e.items) == 0 {
		l.lanes.remove(laneKey{e.key.Name, 0})
	}
}
