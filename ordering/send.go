package ordering

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// Act is what an operation does to dead letters.
type Act string

// The acts.
const (
	ActRedrive Act = "redrive"
	ActDiscard Act = "discard"
	ActArchive Act = "archive"
)

// How a dead letter ended, of those that were sent.
type How int

// The ways.
const (
	// Settled: the target has it, or it is parked in its lane; it is discarded, or
	// archived.
	Settled How = iota
	// GivenUpAgain: it failed, and is the same dead letter again.
	GivenUpAgain
	// Stayed: it cannot go, and stays what it is. Ended.Says why.
	Stayed
	// Elsewhere: it was no dead letter any more, or was given up anew since it was
	// read; or somebody else has dealt with it.
	Elsewhere
)

// Ended is the end of one dead letter that was sent.
type Ended struct {
	ID   string
	How  How
	Says string
}

// send is dead letters on their way for an operation.
type send struct {
	*operation
	act   Act
	ended func([]Ended)
	ends  []Ended            // to be told
	again []store.DeadLetter // could not be looked at yet
}

// Mark says that dead letters are read from now on that will be given to
// [Resequencer.Send], and be it none: what changes until then is noted. There is
// one reader at a time.
func (r *Resequencer) Mark(ctx context.Context) error {
	if err := r.awaitRun(ctx); err != nil {
		return err
	}
	return r.inLoop(ctx, func(l *loop) {
		l.touched = make(map[string]bool, len(l.moving))
		for id := range l.moving {
			l.touched[id] = true
		}
	})
}

// Send deals with dead letters that were read since [Resequencer.Mark], for an
// operation that is recorded already: there are no audit rows for each, and
// nothing waits to be recorded first. It returns when they are on their way. Each
// then ends once, if the Resequencer does not stop before, and ended is told of what
// has ended together; it is called by the loop and must not wait.
//
// Redriven are those for which their key waits at their place, and others as
// [Resequencer.Redrive] does it. The caller bounds how many are under way: they
// are in memory.
func (r *Resequencer) Send(ctx context.Context, act Act, letters []store.DeadLetter, op Operation, ended func([]Ended)) error {
	if op.Reason == "" {
		return ErrReason
	}
	s := &send{operation: &operation{Operation: op, ctx: ctx}, act: act, ended: ended}
	return r.inLoop(ctx, func(l *loop) {
		l.sendAll(s, letters, func(id string) bool { return l.touched[id] })
		l.touched = nil
	})
}

// sendAll deals with dead letters that were read a moment ago; those that may have
// changed since are looked at again, and those that do just now are put off.
func (l *loop) sendAll(s *send, letters []store.DeadLetter, changed func(id string) bool) {
	if l.stopping {
		return
	}
	for i := range letters {
		d := &letters[i]
		switch {
		case l.moving[d.ID] > 0:
			s.again = append(s.again, *d)
		case !changed(d.ID), l.isStill(s, d):
			l.sendOne(s, d)
		}
	}
	if len(s.again) > 0 {
		l.putOff = append(l.putOff, s)
	}
}

// sendAgain deals with those that were put off until a commit.
func (l *loop) sendAgain() {
	off := l.putOff
	l.putOff = nil
	for _, s := range off {
		letters := s.again
		s.again = nil
		l.sendAll(s, letters, func(string) bool { return true })
	}
}

// isStill reads a dead letter once more that may have changed since.
func (l *loop) isStill(s *send, d *store.DeadLetter) bool {
	now, err := l.cfg.Store.DeadLetter(context.Background(), l.cfg.Route, d.ID)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && !now.At.Equal(d.At):
		l.noteEnd(s, Ended{ID: d.ID, How: Elsewhere, Says: "it was dealt with meanwhile"})
		return false
	case err != nil:
		l.later(s, d, err)
		return false
	}
	return true
}

// later puts a dead letter off because the store does not answer.
func (l *loop) later(s *send, d *store.DeadLetter, err error) {
	s.again = append(s.again, *d)
	if l.again.IsZero() {
		l.storeTrouble(err)
	}
}

// sendOne deals with one dead letter, which is as it was read.
func (l *loop) sendOne(s *send, d *store.DeadLetter) {
	e, err := l.blockedBy(d)
	if err != nil {
		l.later(s, d, err)
		return
	}
	if id := d.ID; l.redriven(id, e) {
		l.watch(id, &send{ended: func([]Ended) { s.ended([]Ended{{ID: id, How: Elsewhere, Says: "somebody else has dealt with it"}}) }})
		return
	}
	if s.act != ActRedrive {
		l.watch(d.ID, s)
		if l.putAway(s.operation, s.act, d, e); l.moving[d.ID] == 0 {
			l.tellEnd(d.ID, Stayed, "its key is being moved: try again")
		}
		return
	}
	if e != nil {
		l.watch(d.ID, s)
		e.due = l.now // so that nobody else sets it going; see obey
		l.step(e, nil, lane.Event{Kind: lane.Redrive, Rev: e.lane.Next, At: l.now})
		return
	}
	l.sendLooseOf(s, d)
}

func (l *loop) watch(id string, s *send) { l.ends[id] = append(l.ends[id], s) }

// sendLooseOf sends a dead letter through again for which no lane waits.
func (l *loop) sendLooseOf(s *send, d *store.DeadLetter) {
	it := l.reread(d)
	w, err := l.wayOf(it, s.OutOfOrder)
	switch {
	case err != nil && !errors.Is(err, ErrRefused) && !errors.Is(err, ErrPassed):
		l.later(s, d, err)
		return
	case err != nil:
		l.noteEnd(s, Ended{ID: d.ID, How: Stayed, Says: told(err)})
		return
	case w.idle:
		l.noteEnd(s, Ended{ID: d.ID, How: Stayed, Says: w.says})
		return
	}
	l.loose.add(d)
	l.watch(d.ID, s)
	if !w.inOrder {
		l.ready.push(it)
		return
	}
	if err := l.arrive(it); err != nil {
		l.loose.leave(l, it, told(err))
	}
}

// putAway discards or archives a dead letter, and returns whose change does it. e
// is the lane that waits for it, if one does.
func (l *loop) putAway(o *operation, act Act, d *store.DeadLetter, e *entry) *entry {
	at := l.takeAway(d, e)
	c := l.edit(at)
	l.putAwayEvent(c, o, string(act), d)
	if act == ActArchive { // it was counted as discarded
		c.store.Ledger.Discarded--
		c.store.Ledger.Archived++
		c.store.Archive = append(c.store.Archive, archived(o, l, d))
	}
	return at
}

// takeAway discards a dead letter, which its lane goes on behind, and returns whose
// change does it.
func (l *loop) takeAway(d *store.DeadLetter, e *entry) *entry {
	if e != nil {
		l.step(e, nil, lane.Event{Kind: lane.Discard, Rev: d.Rev, At: l.now})
		return e
	}
	c := l.edit(l.route)
	l.unearth(c, d.ID)
	c.store.Ledger.Discarded++
	return l.route
}

// Way is how a dead letter would go.
type Way struct {
	InOrder bool
	Blocks  bool // its key waits for it
	Parked  int  // messages behind it
	Err     error
}

// Ways says of dead letters how each would be redriven now, changing nothing.
func (r *Resequencer) Ways(ctx context.Context, letters []store.DeadLetter, outOfOrder bool) ([]Way, error) {
	if err := r.awaitRun(ctx); err != nil {
		return nil, err
	}
	ways := make([]Way, len(letters))
	err := r.inLoop(ctx, func(l *loop) {
		for i := range letters {
			ways[i] = l.wayFor(&letters[i], outOfOrder)
		}
	})
	return ways, err
}

func (l *loop) wayFor(d *store.DeadLetter, outOfOrder bool) Way {
	rec, err := l.peekLane(d)
	if err != nil {
		return Way{Err: err}
	}
	if rec != nil {
		return Way{InOrder: true, Blocks: true, Parked: rec.lane.Parked}
	}
	letter := *d
	letter.Metadata = maps.Clone(d.Metadata)
	w, err := l.wayOf(l.reread(&letter), outOfOrder)
	if err == nil && w.idle {
		err = fmt.Errorf("%w: %s", ErrRefused, w.says)
	}
	return Way{InOrder: w.inOrder, Parked: w.parked, Err: err}
}

// peekLane is blockedBy without remembering the lane.
func (l *loop) peekLane(d *store.DeadLetter) (*entry, error) {
	if !d.Lane {
		return nil, nil
	}
	e, err := l.tried(laneKey{d.Key, d.Epoch}, false)
	if err != nil || !e.waitsFor(d) {
		return nil, err
	}
	return e, nil
}

// Alive returns ErrStopped once Run has ended.
func (r *Resequencer) Alive(ctx context.Context) error {
	select {
	case <-r.ended:
		return ErrStopped
	case <-ctx.Done():
		return context.Cause(ctx)
	default:
		return nil
	}
}
