package ordering

import (
	"context"
	"time"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// View is a lane as it is in memory, for people.
type View struct {
	State  lane.State
	Since  time.Time     // of its mode
	Held   int           // messages of it in memory
	Lowest lane.Revision // the lowest of those
	Runs   []store.Run   // their revisions, in order
	// Expires is when its gap will have lasted too long, at the latest, and OnGap
	// what becomes of it then; zero: there is no gap, or its clock stands still.
	Expires time.Time
	OnGap   lane.Resolve
	// Tries and Due are those of the next revision, where it failed and is in
	// memory.
	Tries store.Tries
	Due   time.Time
}

// Look shows a lane; false where nothing of it is in memory. [Resequencer.Lane]
// also reads the store.
func (r *Resequencer) Look(ctx context.Context, key string, epoch uint32) (v View, known bool, err error) {
	err = r.do(ctx, func(time.Time) {
		var e *entry
		if e, known = r.loop.lanes.peek(laneKey{key, epoch}); known {
			v = e.look()
			v.OnGap = r.rules.OnGap
		}
	})
	return v, known, err
}

func (e *entry) look() View {
	v := View{State: e.lane.State, Since: e.since, Held: len(e.items), Expires: e.lane.Expiry(), Due: e.due}
	if len(e.items) > 0 {
		v.Lowest = e.items[0].id.Revision
	}
	for _, it := range e.items {
		v.Runs = store.AppendRun(v.Runs, it.id.Revision)
	}
	if head, ok := e.find(e.lane.Next); ok {
		v.Tries = head.tries
	}
	return v
}
