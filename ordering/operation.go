package ordering

import (
	"context"
	"errors"
	"fmt"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// Operation is what an operator asks for, and who.
type Operation struct {
	By         string // who, for the audit
	Reason     string // why, for the audit; required unless DryRun
	DryRun     bool   // only say what would happen
	OutOfOrder bool   // Redrive: also what successors have passed
	NewEpoch   bool   // Release: open the next epoch of a record that was created anew
}

// Outcome is what an operation did, or would do.
type Outcome struct {
	Done     bool          // false with DryRun, and where there was nothing to do: asking twice does nothing twice
	Action   string        // redrive, discard, archive, restore, edit, import, skip, release, close or purge
	Key      string        // "" where the dead letter has none
	Epoch    uint32        // of Key; with NewEpoch, the one that is opened
	Revision lane.Revision // of the dead letter, or at which the key stands
	To       lane.Revision // skip, and discard of what blocks: at which it goes on; else 0
	Dead     []string      // ids of the dead letters it concerns
	Parked   int           // messages parked behind, which may move then
	InOrder  bool          // redrive, discard: the key waits for it
	Says     string        // all that in a sentence
}

// Errors of operations. Nothing was changed, though the audit may say that it was
// asked for, where the key moved on meanwhile. Each comes with what to do instead.
// An id or a key that is not known is [store.ErrNotFound].
var (
	// ErrReason: an operation without a Reason.
	ErrReason = errors.New("ordering: an operation needs a reason, for the audit")
	// ErrPassed: later revisions have passed what was to be redriven.
	ErrPassed = errors.New("ordering: it can only be redriven out of order")
	// ErrRefused: what was to be redriven would be refused again for what it is.
	ErrRefused = errors.New("ordering: it would be refused again")
	// ErrNotBlocked: there is nothing to skip or to release.
	ErrNotBlocked = errors.New("ordering: there is nothing to skip or release")
	// ErrTooFar: a skip of more than Config.MaxJump revisions.
	ErrTooFar = errors.New("ordering: the skip is too far")
	// ErrBusy: it is on its way just now, or too many are.
	ErrBusy = errors.New("ordering: try again in a moment")
)

// errUncommitted puts an operation off until the next commit.
var errUncommitted = errors.New("ordering: what it is about is not durable yet")

// Redrive sends a dead letter through again, with fresh attempts; it fails again
// as the same dead letter. It returns when that is accepted, which is durable,
// and not when the target has it.
//
// One for which its key waits goes at its place in the order, and what is parked
// behind follows. That outlives a crash: the next start goes on with it.
//
// One that belongs to no lane arrives once more, as if from the source: its key
// and revision are read anew where they could not be read. What is refused again
// is ErrRefused, what its successors have passed ErrPassed; with OutOfOrder both
// are published as they are, beside the order. Until such a one is parked or the
// target has it, it stays a dead letter, and so it is after a crash.
func (r *Resequencer) Redrive(ctx context.Context, id string, op Operation) (Outcome, error) {
	return r.operate(ctx, op, func(l *loop, o *operation) error { return l.redrive(o, id) })
}

// Discard gives a dead letter up for good. If its key waits for it, the key goes
// on behind it.
func (r *Resequencer) Discard(ctx context.Context, id string, op Operation) (Outcome, error) {
	return r.operate(ctx, op, func(l *loop, o *operation) error { return l.discard(o, ActDiscard, id) })
}

// Archive puts a dead letter away, where it blocks nothing and can be restored. If
// its key waits for it, the key goes on behind it.
func (r *Resequencer) Archive(ctx context.Context, id string, op Operation) (Outcome, error) {
	return r.operate(ctx, op, func(l *loop, o *operation) error { return l.discard(o, ActArchive, id) })
}

// Skip lets a key that waits for a gap go on at a revision, without what is
// missing below it. What is not missing is not skipped: the key goes on at the
// lowest revision that has come, if that is below, and Outcome.To says so. 0 means
// that one. The range is recorded; what comes of it later is a dead letter "late".
func (r *Resequencer) Skip(ctx context.Context, key string, epoch uint32, to lane.Revision, op Operation) (Outcome, error) {
	return r.operate(ctx, op, func(l *loop, o *operation) error { return l.skip(o, laneKey{key, epoch}, to) })
}

// Release gives a gap that has ended in a quarantine its time once more. With
// NewEpoch it opens the epoch that waits because a record was created anew, which
// epoch names, or the one before; the record's first two revisions, which are
// dead letters, are taken along if there is one of each. From then on what is no
// copy of an old message belongs to the new epoch. The opening outlives a crash
// like a redrive.
func (r *Resequencer) Release(ctx context.Context, key string, epoch uint32, op Operation) (Outcome, error) {
	return r.operate(ctx, op, func(l *loop, o *operation) error { return l.release(o, laneKey{key, epoch}) })
}

// operation is a request of an operator on its way through the loop.
type operation struct {
	Operation
	ctx  context.Context
	act  func(*loop, *operation) error
	out  Outcome
	done chan error // one answer
}

// operate runs an operation in the loop and waits until it is durable.
func (r *Resequencer) operate(ctx context.Context, op Operation, act func(*loop, *operation) error) (Outcome, error) {
	if op.Reason == "" && !op.DryRun {
		return Outcome{}, ErrReason
	}
	if err := r.awaitRun(ctx); err != nil {
		return Outcome{}, err
	}
	o := &operation{Operation: op, ctx: ctx, act: act, done: make(chan error, 1)}
	if err := r.inLoop(ctx, func(l *loop) { l.ask(o) }); err != nil {
		return Outcome{}, err
	}
	var err error
	select {
	case err = <-o.done:
	case <-ctx.Done():
		return Outcome{}, fmt.Errorf("ordering: whether it was done is not known, asking again does no harm: %w", context.Cause(ctx))
	case <-r.ended:
		select {
		case err = <-o.done:
		default:
			return Outcome{}, ErrStopped
		}
	}
	if err != nil {
		return Outcome{}, err
	}
	return o.out, nil
}

// ask carries out an operation, or puts it off.
func (l *loop) ask(o *operation) {
	switch {
	case l.stopping:
		o.done <- ErrStopped
		return
	case o.ctx.Err() != nil:
		o.done <- context.Cause(o.ctx)
		return
	}
	o.out = Outcome{}
	switch err := o.act(l, o); {
	case errors.Is(err, errUncommitted):
		l.asked = append(l.asked, o)
	case err != nil || !o.out.Done: // else the commit answers
		o.done <- err
	}
}

// askAll carries out what was put off.
func (l *loop) askAll() {
	asked := l.asked
	l.asked = nil
	for _, o := range asked {
		l.ask(o)
	}
}

// sign puts an operation's audit row into the change of what it did, which
// answers it once it is durable. Then is done before that, if not nil.
func (l *loop) sign(o *operation, e *entry, a store.Audit, then func() error) {
	a.At, a.By, a.Reason, a.Key, a.Epoch = l.now, o.By, o.Reason, o.out.Key, o.out.Epoch
	if a.Action == "" {
		a.Action = o.out.Action
	}
	c := l.edit(e)
	c.store.Audit = append(c.store.Audit, a)
	o.out.Done = true
	c.told = append(c.told, func(err error) {
		if err == nil && then != nil {
			err = then()
		}
		o.done <- err
	})
	l.log.Info("an operator's change", "action", a.Action, "by", o.By, "target", a.Target, "reason", o.Reason)
}

// tell answers those who wait for a change.
func (c *change) tell(err error) {
	for _, told := range c.told {
		told(err)
	}
}

// redriven reports whether a dead letter is on its way. e is the lane that waits for
// it, nil if none does.
func (l *loop) redriven(id string, e *entry) bool {
	return l.loose.has(id) || e != nil && !e.due.IsZero()
}

// deadLetter reads one that an operation is about.
func (l *loop) deadLetter(id string) (store.DeadLetter, error) {
	if l.moving[id] > 0 {
		return store.DeadLetter{}, errUncommitted
	}
	d, err := l.cfg.Store.DeadLetter(context.Background(), l.cfg.Route, id)
	if errors.Is(err, store.ErrNotFound) {
		return d, fmt.Errorf("%w; if it was there before, the audit says who redrove or discarded it", err)
	}
	return d, err
}
