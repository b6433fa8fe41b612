package bulk

import (
	"context"
	"fmt"
	"time"

	"github.com/brokerbridge/bridge/ordering/store"
)

// save stores the operation as it is.
func (j *job) save(ctx context.Context, audits ...store.Audit) error {
	j.saving.Lock()
	defer j.saving.Unlock()
	op := j.row()
	op.Changed = time.Now().UTC()
	return j.r.save(ctx, op, audits...)
}

// finish ends an operation of which nothing is left, or that is cancelled, and
// reports whether it has ended for good.
func (j *job) finish(ctx context.Context) bool {
	j.mu.Lock()
	was := j.op
	under := len(j.window.byID)
	switch {
	case under > 0 && j.seq == j.r.cfg.Resequencer():
		j.mu.Unlock()
		return false
	case j.op.State == store.OperationCancelled:
	case j.op.State == store.OperationRunning && j.over && under == 0 && len(j.next) == 0:
		j.op.State = store.OperationDone
		j.op.Gone += j.op.Left()
	default:
		j.mu.Unlock()
		return false
	}
	j.op.Ended = time.Now().UTC()
	o := j.op
	j.mu.Unlock()
	says := fmt.Sprintf("%d done, %d failed again, %d refused, %d gone meanwhile, %d left", o.Done, o.Failed, o.Refused, o.Gone, o.Left())
	if err := j.save(ctx, store.Audit{Action: o.Action + "_" + string(o.State), By: o.By, Reason: says, Count: o.Done}); err != nil {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.op.State, j.op.Ended, j.op.Gone = was.State, was.Ended, was.Gone
		return false // the store does not take it now; tried again
	}
	j.r.log.Info("an operation has ended", "operation", o.ID, "state", o.State, "says", says)
	return true
}

// change brings the operation into another state, durably.
func (j *job) change(ctx context.Context, to store.OperationState, by, reason string) error {
	j.mu.Lock()
	was := j.op
	switch {
	case was.State.Ended():
		j.mu.Unlock()
		return fmt.Errorf("%w: it is %s", ErrOver, was.State)
	case was.State == to:
		j.mu.Unlock()
		return nil
	}
	j.op.State, j.op.Why, j.op.Changed = to, "", time.Now().UTC()
	if to == store.OperationRunning {
		j.since = tally{}
	} else {
		j.op.Why = reason
	}
	j.mu.Unlock()
	verb := map[store.OperationState]string{
		store.OperationPaused: "operation_pause", store.OperationRunning: "operation_resume", store.OperationCancelled: "operation_cancel",
	}[to]
	err := j.save(ctx, store.Audit{Action: verb, By: by, Reason: reason})
	if err != nil {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.op.State, j.op.Why = was.State, was.Why
	}
	select {
	case j.kick <- struct{}{}:
	default:
	}
	return err
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
