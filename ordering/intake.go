package ordering

import (
	"context"
	"slices"
	"time"

	"github.com/brokerbridge/bridge/ordering/failpoint"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// intake steps the lanes of messages that came from the source.
func (l *loop) intake(items []*item) {
	l.memory += len(items)
	l.ready.came = l.now
	l.counts.entered.Add(int64(len(items)))
	l.preload(items)
	l.arriveAll(items)
	l.relieve()
}

// arriveAll lets messages arrive until a lane cannot be loaded; the rest waits
// for the store.
func (l *loop) arriveAll(items []*item) {
	stored, err := l.lookSeen(items)
	if err != nil {
		l.unread = append(l.unread, items...)
		l.storeTrouble(err)
		return
	}
	for i, it := range items {
		if l.flood.tripped {
			return // not judged, not acknowledged: it comes again
		}
		failpoint.Hit(failpoint.Decoded)
		if it.refusal != nil {
			l.conclude(it)
			continue
		}
		if l.isAgain(it, stored[i]) {
			continue
		}
		if err := l.arrive(it); err != nil {
			l.unread = append(l.unread, items[i:]...)
			l.storeTrouble(err)
			return
		}
		l.seen.know(it)
	}
}

// storeTrouble notes that the store did not answer a reading.
func (l *loop) storeTrouble(err error) {
	l.log.Warn("the store does not answer, intake pauses", "error", err)
	l.again = l.now.Add(time.Second)
}

// arrive steps one message. An error means that the store could not be read and
// nothing was done.
func (l *loop) arrive(it *item) error {
	e, err := l.assign(it)
	if err != nil {
		return err
	}
	return l.arriveAt(e, it)
}

// arriveAt steps a message in its lane.
func (l *loop) arriveAt(e *entry, it *item) error {
	ev, err := l.arrival(e, it)
	if err != nil {
		return err
	}
	it.lane = e
	l.gaps.noteActive(e)
	l.step(e, it, ev)
	if e.mode == lane.Flowing && e.lane.Full() {
		l.rush.join(e, l.now)
	}
	return nil
}

// arrival is the event of a message that arrives in a lane, with what is stored
// of its revision.
func (l *loop) arrival(e *entry, it *item) (ev lane.Event, err error) {
	ev = lane.Event{Kind: lane.Arrive, Rev: it.id.Revision, Print: it.print, Fast: e.fast, At: l.now}
	if e.lane.Unsure(ev.Rev) {
		if err := l.lookUp(e, &ev); err != nil {
			return ev, err
		}
	}
	if e.lane.Reborn {
		ev.Closed, err = l.closed(e)
	}
	return ev, err
}

// lookUp says what is stored of an arriving revision, counting what is on its
// way into the store.
func (l *loop) lookUp(e *entry, ev *lane.Event) error {
	if it, ok := e.find(ev.Rev); ok && it.storing > 0 {
		ev.Known, ev.Same = lane.Parked, it.print == ev.Print
		return nil
	}
	found, err := l.cfg.Store.Find(context.Background(), e.key, ev.Rev)
	if err != nil {
		return err
	}
	switch {
	case found.Parked && ev.Rev >= e.lane.Next && !e.unparking(ev.Rev):
		ev.Known, ev.Same = lane.Parked, found.Print == ev.Print
	case found.Skipped, e.skipping(ev.Rev):
		ev.Known = lane.Skipped
	}
	return nil
}

// skipping reports whether a revision lies in a range that is being stored as
// skipped.
func (e *entry) skipping(r lane.Revision) bool {
	for _, c := range []*change{e.pending, e.sent} {
		if c == nil {
			continue
		}
		for _, s := range c.store.Skip {
			if r >= s.From && r <= s.To {
				return true
			}
		}
	}
	return false
}

// unparking reports whether a parked row is on its way out of the store.
func (e *entry) unparking(r lane.Revision) bool {
	for _, c := range []*change{e.pending, e.sent} {
		if c != nil && slices.Contains(c.store.Unpark, r) {
			return true
		}
	}
	return false
}

// entry returns a lane, from memory or the store. A lane that is new and locked
// takes only what waits for the release of its epoch.
func (l *loop) entry(k laneKey, locked bool) (*entry, error) {
	if e, ok := l.lanes.get(k); ok {
		return e, nil
	}
	rec, err := l.load(k, locked)
	if err != nil {
		return nil, err
	}
	return l.remember(rec), nil
}

// load reads a lane from the store, or makes a new one.
func (l *loop) load(k laneKey, locked bool) (store.Record, error) {
	key := store.Key{Route: l.cfg.Route, Name: k.name, Epoch: k.epoch}
	rec, err := l.cfg.Store.Load(context.Background(), key)
	if err == nil && rec.Version == 0 {
		rec.Key = key
		rec.State = lane.Fresh(l.rules)
		if locked {
			rec.State.Mode = lane.Locked
		}
	}
	return rec, err
}

// stored returns a lane that is in memory or in the store, nil if it is new.
func (l *loop) stored(k laneKey) (*entry, error) {
	if e, ok := l.lanes.get(k); ok {
		return e, nil
	}
	rec, err := l.load(k, false)
	if err != nil || rec.Version == 0 {
		return nil, err
	}
	return l.remember(rec), nil
}

// tried returns a lane to see what it would do; nothing of it is remembered.
func (l *loop) tried(k laneKey, locked bool) (*entry, error) {
	if e, ok := l.lanes.peek(k); ok {
		return e.trial(), nil
	}
	rec, err := l.load(k, locked)
	return &entry{key: rec.Key, lane: lane.New(l.rules, rec.State)}, err
}

// remember puts a stored lane into memory and sets it going.
func (l *loop) remember(rec store.Record) *entry {
	e := &entry{
		key: rec.Key, lane: lane.New(l.rules, rec.State), version: rec.Version,
		since: rec.Since, due: dueAfter(rec, l.now), stamp: rec.Stamp, index: -1,
		alone: l.cfg.Order == Unordered,
	}
	l.lanes.put(laneKey{rec.Key.Name, rec.Key.Epoch}, e)
	if rec.Version > 0 {
		e.mode = rec.State.Mode // else it is counted with its first step
		l.step(e, nil, lane.Event{Kind: lane.Committed, Rev: rec.State.Next, At: l.now})
		l.step(e, nil, lane.Event{Kind: sourceEvent(l.source), At: l.now})
		if e.mode == lane.Waiting && e.due.IsZero() { // it waited for the target, not for a time
			l.step(e, nil, lane.Event{Kind: lane.Wake, Rev: e.lane.Next, At: l.now})
		}
		l.obey(e, e.due)
		l.correct(e, rec.State.Mode)
	}
	return e
}

// correct stores that a lane flows if the store says that it waits: for what only
// a process had in memory that has ended since.
func (l *loop) correct(e *entry, stored lane.Mode) {
	if stored != lane.Flowing && e.lane.Mode == lane.Flowing && e.lane.Parked == 0 && e.pending == nil {
		l.edit(e)
	}
}

// recall loads the lanes that wait for something, after a start.
func (l *loop) recall(ctx context.Context) error {
	l.now = time.Now()
	own, err := l.cfg.Store.Load(ctx, l.route.key)
	if err != nil {
		return err
	}
	l.route.version = own.Version
	for rec, err := range l.cfg.Store.Lanes(ctx, store.Query{Route: l.cfg.Route, Blocked: true}) {
		if err != nil {
			return err
		}
		l.counts.count(rec.State.Mode, 1)
		switch {
		case rec.State.Mode == lane.GapBlocked && l.cfg.AdoptOnce:
			l.step(l.remember(rec), nil, lane.Event{Kind: lane.AdoptNow, At: l.now})
		case !rec.Due.IsZero(): // a try, or what an operator asked for
			l.remember(rec)
		case rec.State.Mode == lane.Quarantined, rec.State.Mode == lane.GapBlocked, rec.State.Mode == lane.Locked:
		default:
			l.remember(rec)
		}
	}
	return nil
}

// relieve parks what waits for something missing when it nearly fills the
// window: the missing one may be behind it.
func (l *loop) relieve() {
	if l.memory < l.cfg.Window*9/10 {
		return
	}
	waiting := 0
	for _, e := range l.timers {
		waiting += e.lane.Held()
	}
	if waiting*2 < l.memory {
		return
	}
	for _, e := range append(timers(nil), l.timers...) {
		l.step(e, nil, lane.Event{Kind: lane.Pressure, At: l.now})
	}
}
