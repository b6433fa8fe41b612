package bulk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/store"
)

const (
	saveEvery  = time.Second            // while messages end
	lookEvery  = 250 * time.Millisecond // for a route that does not run
	enoughSent = 20                     // before a part of failures says something
	clockSlack = 100_000                // failures remembered while the clock is behind the beginning
)

// job runs one operation.
type job struct {
	r     *Runner
	limit *rate.Limiter
	kick  chan struct{} // something ended, or somebody said something

	mu     sync.Mutex
	op     store.Operation
	since  tally // the last resume
	window *window
	read   string // the place up to which was read
	over   bool   // there is nothing more to read
	next   []string
	seq    *ordering.Resequencer // to which window was given
	pulse  pulse

	newcomers struct { // dead letters that came since it began
		sync.Mutex // not that of the job, for which the route's loop may wait
		count      int64
		asked      time.Time
	}

	failed map[string]bool // ids, should the clock be behind the beginning
	saving sync.Mutex      // one row at a time, in order
	turns  sync.Mutex      // one change of the state at a time
	picked []place         // where the operation names its dead letters: those, in order
}

func newJob(r *Runner, op store.Operation) *job {
	limit := rate.Inf
	if op.Rate > 0 {
		limit = rate.Limit(op.Rate)
	}
	return &job{
		r: r, op: op, kick: make(chan struct{}, 1), failed: map[string]bool{},
		limit:  rate.NewLimiter(limit, max(1, min(int(op.Rate), pageLetters))),
		window: newWindow(op.Place), read: op.Place,
	}
}

// row is the operation as it is.
func (j *job) row() store.Operation {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.op
}

// run sends and counts until the operation or ctx ends.
func (j *job) run(ctx context.Context) {
	saved := time.Now()
	for ctx.Err() == nil {
		wait := j.advance(ctx)
		if j.finish(ctx) {
			return
		}
		if time.Since(saved) > saveEvery {
			saved = time.Now()
			_ = j.save(ctx) // the next one says the same, and more
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-j.kick:
		case <-timer.C:
		}
		timer.Stop()
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	_ = j.save(last) // else it begins again some messages earlier
}

// advance sends what may go and says how long nothing else will.
func (j *job) advance(ctx context.Context) time.Duration {
	seq := j.r.cfg.Resequencer()
	if seq == nil || j.stalled(ctx, seq) {
		return lookEvery
	}
	j.meet(seq)
	for ctx.Err() == nil {
		most, wait := j.allowed(time.Now())
		if most == 0 {
			return wait
		}
		sent, err := j.send(ctx, seq, most)
		switch {
		case errors.Is(err, ordering.ErrStopped), errors.Is(err, ordering.ErrNotRunning):
			j.meet(nil) // nothing is under way any more
			return lookEvery
		case err != nil && ctx.Err() == nil:
			j.r.log.Warn("an operation cannot go on and tries again", "operation", j.row().ID, "error", err)
			return time.Second
		case !sent:
			return saveEvery
		}
	}
	return saveEvery
}

// stalled reports whether a Resequencer that this operation knows has ended, while
// something was under way in it.
func (j *job) stalled(ctx context.Context, seq *ordering.Resequencer) bool {
	j.mu.Lock()
	waits := j.seq == seq && len(j.window.byID) > 0
	j.mu.Unlock()
	if !waits {
		return false
	}
	if err := seq.Alive(ctx); !errors.Is(err, ordering.ErrStopped) {
		return false
	}
	j.meet(nil)
	return true
}

// meet starts over with another Resequencer behind what has ended: what was under
// way in the one before has ended, or is still a dead letter.
func (j *job) meet(seq *ordering.Resequencer) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.seq == seq {
		return
	}
	j.seq = seq
	j.window = newWindow(j.window.place)
	j.read, j.over, j.next = j.window.place, false, nil
}

// allowed says how many may be sent now, and else how long to wait.
func (j *job) allowed(now time.Time) (most int, wait time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.judge()
	if j.op.State != store.OperationRunning {
		return 0, saveEvery
	}
	most = min(j.window.room(), pageLetters)
	if left := int64(j.op.Canary) - j.since.judged(); left > 0 { // the canary is out
		most = min(most, int(left)-len(j.window.byID))
	}
	if len(j.next) > 0 {
		most = max(most, 1)
	} else if j.over {
		return 0, saveEvery
	}
	if most <= 0 {
		return 0, saveEvery
	}
	if j.limit.Limit() == rate.Inf {
		return most, 0
	}
	tokens := int(j.limit.TokensAt(now))
	if tokens < 1 {
		return 0, max(time.Duration(float64(time.Second)/float64(j.limit.Limit())), time.Millisecond)
	}
	return min(most, tokens), 0
}

// judge stops the operation when too much fails. The mutex is held.
func (j *job) judge() {
	o, t := &j.op, &j.since
	if o.State != store.OperationRunning || o.Action != string(ordering.ActRedrive) {
		return
	}
	sent := t.done + t.failed
	switch {
	case o.Canary > 0 && t.failed > 0 && t.judged() <= int64(o.Canary):
		o.State, o.Why = store.OperationStopped, fmt.Sprintf("%d of the first %d failed again", t.failed, o.Canary)
	case o.Canary > 0 && t.judged() == int64(o.Canary) && t.done == 0:
		o.State, o.Why = store.OperationStopped, fmt.Sprintf("none of the first %d was delivered", o.Canary)
	case o.StopAt < 1 && sent >= enoughSent && float64(t.failed) > o.StopAt*float64(sent):
		o.State, o.Why = store.OperationStopped, fmt.Sprintf("%d of %d failed again", t.failed, sent)
	default:
		return
	}
	if o.Refusal != "" {
		o.Why += ": " + o.Refusal
	}
	o.Changed = time.Now().UTC()
	j.r.log.Warn("an operation stops", "operation", o.ID, "why", o.Why)
}

// send reads and sends up to so many; false where there was nothing.
func (j *job) send(ctx context.Context, seq *ordering.Resequencer, most int) (bool, error) {
	j.r.reading.Lock()
	defer j.r.reading.Unlock()
	if err := seq.Mark(ctx); err != nil {
		return false, err
	}
	op := j.row()
	letters, err := j.letters(ctx, &op, most)
	if err != nil {
		letters = nil // but what was marked has to be unmarked
	}
	j.limit.AllowN(time.Now(), len(letters))
	window := j.window
	sent := seq.Send(ctx, ordering.Act(op.Action), letters,
		ordering.Operation{By: op.By, Reason: op.Reason, OutOfOrder: op.OutOfOrder},
		func(ends []ordering.Ended) { j.ended(window, ends) })
	return len(letters) > 0 || !j.idle(), errors.Join(err, sent)
}

// idle reports whether there is nothing to read.
func (j *job) idle() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.over && len(j.next) == 0
}

// letters are those whose key was busy and no longer is, else the next ones.
func (j *job) letters(ctx context.Context, op *store.Operation, most int) ([]store.DeadLetter, error) {
	j.mu.Lock()
	next := j.next[:min(len(j.next), most)]
	j.next = j.next[len(next):]
	after := j.read
	j.mu.Unlock()
	if len(next) > 0 {
		letters, err := j.waited(ctx, op, next)
		if err != nil {
			j.mu.Lock()
			defer j.mu.Unlock()
			j.next = append(slices.Clone(next), j.next...)
		}
		return letters, err
	}
	page, place, over, err := j.pageOf(ctx, op, after, most)
	if err != nil {
		return nil, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.read, j.over = place, over
	return j.window.board(j.unfailed(page), place, op.OutOfOrder), nil
}

// pageOf reads the next dead letters of the operation.
func (j *job) pageOf(ctx context.Context, op *store.Operation, after string, most int) (page []store.DeadLetter, upTo string, over bool, err error) {
	if len(op.Selection.IDs) == 0 {
		return j.r.read(ctx, op, after, most)
	}
	if j.picked == nil {
		if j.picked, err = j.r.pick(ctx, op); err != nil {
			return nil, after, false, err
		}
	}
	return j.r.readPicked(ctx, op, j.picked, after, most)
}

// waited reads those again that have waited for another of their key.
func (j *job) waited(ctx context.Context, op *store.Operation, ids []string) (letters []store.DeadLetter, err error) {
	for _, id := range ids {
		d, err := j.r.cfg.Store.DeadLetter(ctx, op.Route, id)
		switch {
		case errors.Is(err, store.ErrNotFound), err == nil && !d.At.Before(op.Began):
			j.ended(j.window, []ordering.Ended{{ID: id, How: ordering.Elsewhere}})
		case err != nil:
			return nil, err
		default:
			letters = append(letters, d)
		}
	}
	return letters, nil
}

// unfailed leaves out what this operation has sent already, should the clock have
// been set back meanwhile. The mutex is held.
func (j *job) unfailed(page []store.DeadLetter) []store.DeadLetter {
	if len(j.failed) == 0 {
		return page
	}
	kept := page[:0]
	for _, d := range page {
		if !j.failed[d.ID] {
			kept = append(kept, d)
		}
	}
	return kept
}

// ended counts what has ended. The loop of the route calls it.
func (j *job) ended(of *window, ends []ordering.Ended) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if of != j.window { // of a run of the route that is over
		return
	}
	for i := range ends {
		j.count(&ends[i])
	}
	j.op.Place = of.place
	j.op.Refused += of.stayed
	of.stayed = 0
	if ended := j.op.Done + j.op.Failed + j.op.Refused + of.staying + j.op.Gone; ended > j.op.Total {
		j.op.Total = ended // what was given up before it began, and not stored yet when they were counted
	}
	j.judge()
	j.wake()
}

func (j *job) wake() {
	select {
	case j.kick <- struct{}{}:
	default:
	}
}

func (j *job) count(e *ordering.Ended) {
	next, ok := j.window.land(e.ID, e.How == ordering.Stayed)
	if !ok {
		return
	}
	if next != "" {
		j.next = append(j.next, next)
	}
	switch e.How {
	case ordering.Settled:
		j.op.Done++
		j.since.done++
	case ordering.GivenUpAgain:
		j.op.Failed++
		j.since.failed++
		if len(j.failed) < clockSlack && time.Now().Before(j.op.Began) {
			j.failed[e.ID] = true
		}
	case ordering.Stayed: // counted when all before it have ended: until then it may be read again
		j.op.Refusal = e.Says
		j.since.refused++
	default:
		j.op.Gone++
	}
}
