package ordering

// laneKey finds a lane within its route.
type laneKey struct {
	name  string
	epoch uint32
}

// lanes are the lanes in memory: those that have something to do, and of the
// idle ones those needed lately. Two generations approximate least recently
// used at the cost of one look-up.
type lanes struct {
	young, old map[laneKey]*entry
	most       int
	full       int // how many young ones make the old ones be looked through
}

func newLanes(most int) lanes {
	return lanes{young: map[laneKey]*entry{}, old: map[laneKey]*entry{}, most: most, full: most / 2}
}

// peek finds a lane without counting that as a use.
func (l *lanes) peek(k laneKey) (*entry, bool) {
	if e, ok := l.young[k]; ok {
		return e, true
	}
	e, ok := l.old[k]
	return e, ok
}

// get finds a lane.
func (l *lanes) get(k laneKey) (*entry, bool) {
	if e, ok := l.young[k]; ok {
		return e, true
	}
	e, ok := l.old[k]
	if ok {
		delete(l.old, k)
		l.young[k] = e
	}
	return e, ok
}

// remove forgets a lane.
func (l *lanes) remove(k laneKey) {
	delete(l.young, k)
	delete(l.old, k)
}

// put adds a lane and, when the young ones are many, forgets the old ones that
// are idle.
func (l *lanes) put(k laneKey, e *entry) {
	l.young[k] = e
	if len(l.young) < l.full {
		return
	}
	busy := map[laneKey]*entry{}
	for k, e := range l.old {
		if !e.idle() {
			busy[k] = e
		}
	}
	l.old = l.young
	l.young = busy
	l.full = len(busy) + l.most/2 // else many busy ones would be looked through again at once
}
