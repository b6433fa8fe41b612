package bulk

import (
	"context"
	"fmt"
	"time"

	"github.com/brokerbridge/bridge/ordering/store"
)

// save stores the operation as it is. It is read when its turn has come: an older
// row must not follow a newer one.
func (j *job) save(ctx context.Context, audits ...store.Audit) error {
	return j.store(ctx, j.row, audits...)
}

func (j *job) store(ctx context.Context, row func() store.Operation, audits ...store.Audit) error {
	j.saving.Lock()
	defer j.saving.Unlock()
	op := row()
	op.Changed = time.Now().UTC()
	return j.r.save(ctx, op, audits...)
}

// finish ends an operation of which nothing is left, or that is cancelled, and
// reports whether it has ended for good.
func (j *job) finish(ctx context.Context) bool {
	j.turns.Lock()
	defer j.turns.Unlock()
	o, ok := j.ending()
	if !ok {
		return false
	}
	says := fmt.Sprintf("%d done, %d failed again, %d refused, %d gone meanwhile, %d left", o.Done, o.Failed, o.Refused, o.Gone, o.Left())
	err := j.store(ctx, func() store.Operation { return o }, store.Audit{Action: o.Action + "_" + string(o.State), By: o.By, Reason: says, Count: o.Done})
	if err != nil && !j.r.isStored(o.ID, func(op *store.Operation) bool { return !op.Ended.IsZero() }) {
		return false // the store does not take it now; tried again
	}
	j.mu.Lock()
	j.op = o
	j.mu.Unlock()
	j.r.log.Info("an operation has ended", "operation", o.ID, "state", o.State, "says", says)
	return true
}

// ending is the operation as it ends, if it does.
func (j *job) ending() (o store.Operation, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	o = j.op
	switch {
	case len(j.window.byID) > 0:
		return o, false
	case o.State == store.OperationCancelled:
	case o.State == store.OperationRunning && j.over && len(j.next) == 0:
		o.State = store.OperationDone
		o.Gone += o.Left()
	default:
		return o, false
	}
	o.Ended = time.Now().UTC()
	return o, true
}

// change brings the operation into another state, durably.
func (j *job) change(ctx context.Context, to store.OperationState, by, reason string) error {
	j.turns.Lock()
	defer j.turns.Unlock()
	was := j.row()
	switch {
	case was.State.Ended():
		return fmt.Errorf("%w: it is %s", ErrOver, was.State)
	case was.State == to:
		return nil
	}
	j.turn(to, reason)
	err := j.save(ctx, store.Audit{Action: turns[to], By: by, Reason: reason})
	if err != nil && !j.r.isStored(was.ID, in(to)) {
		j.mu.Lock()
		j.op.State, j.op.Why = was.State, was.Why
		j.mu.Unlock()
		return err
	}
	j.wake()
	return nil
}

// turns are what the audit calls changes of the state.
var turns = map[store.OperationState]string{
	store.OperationPaused: "operation_pause", store.OperationRunning: "operation_resume", store.OperationCancelled: "operation_cancel",
}

func (j *job) turn(to store.OperationState, reason string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.op.State, j.op.Why, j.op.Changed = to, reason, time.Now().UTC()
	if to == store.OperationRunning {
		j.op.Why, j.since = "", tally{}
	}
}

// Progress is an operation and how it is doing.
type Progress struct {
	store.Operation
	UnderWay int           // messages
	Speed    float64       // messages a second, lately
	Left     time.Duration // at that speed; 0: not known
	// New is how many dead letters that it would have been about were given up since
	// it began, without those that it sent itself; counted up to 10,000, and as long as
	// no more than 100,000 have failed again.
	New int64
}

const (
	mostNew    = 10_000
	mostFailed = 100_000 // beyond, those that failed again would have to be told from the new ones for too long
	newsEvery  = time.Second
)

// progress is the operation as it is now.
func (j *job) progress(ctx context.Context) Progress {
	j.mu.Lock()
	p := Progress{Operation: j.op, UnderWay: len(j.window.byID)}
	p.Refused += j.window.staying
	ended := p.Done + p.Failed + p.Refused + p.Gone
	j.pulse.beat(time.Now(), ended)
	p.Speed = j.pulse.speed()
	j.mu.Unlock()
	if p.Speed > 0 {
		p.Left = time.Duration(float64(p.Operation.Left()) / p.Speed * float64(time.Second))
	}
	p.New = j.news(ctx, &p.Operation)
	return p
}

// news is how many new ones there are, counted now and then.
func (j *job) news(ctx context.Context, op *store.Operation) int64 {
	n := &j.newcomers
	n.Lock()
	defer n.Unlock()
	if now := time.Now(); now.Sub(n.asked) > newsEvery {
		n.asked, n.count = now, j.r.news(ctx, op)
	}
	return n.count
}

// news counts the dead letters that came since an operation began.
func (r *Runner) news(ctx context.Context, op *store.Operation) (n int64) {
	s := op.Selection
	if len(s.IDs) > 0 || op.Failed > mostFailed {
		return 0
	}
	q := store.Query{Route: op.Route, Key: s.Key, Group: s.Fingerprint, Since: op.Began}
	for b, err := range r.cfg.Store.Briefs(ctx, q) {
		if err != nil {
			break
		}
		if s.Reason == "" || s.Reason == b.Reason {
			n++
		}
		if n >= mostNew+op.Failed {
			break
		}
	}
	return max(0, n-op.Failed)
}
