// Package bulk changes many dead letters of a route in the background: it
// redrives, discards or archives those of a key, a group, a time, or all. Such an
// operation shows what it would do before it does it, can try a few first, stops by
// itself when too much fails, can be paused, resumed and cancelled, and goes on
// after a restart.
//
// # What an operation promises
//
//   - It concerns the dead letters that were given up before it began. What fails
//     again is given up anew and so is no longer among them: each is sent at most
//     once by one operation, save that after a crash those under way, some thousands
//     at most, may be sent again, with the same message ids.
//   - What a key waits for is sent at its place in the order, and what is parked
//     behind follows. See [ordering.Resequencer.Redrive] for the others. Of those that go
//     out of order, one of a key is under way at a time, of one operation.
//   - Two operations on the same dead letters, or one and somebody with a single one:
//     whoever comes second finds them gone, and counts them so.
//   - Its beginning and its end are in the audit, with who, why and how many; and so
//     is everything that somebody does to it. Of a route the 1,000 that ended last are
//     kept; the audit keeps all.
//
// A route runs its operations itself: what they send takes the path of every
// other message, with its order, its tries and its breaker. While the target is
// away they wait.
package bulk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/store"
)

// Errors of the methods of a [Runner]. Nothing was changed.
var (
	// ErrRequest: what was asked for makes no sense; the text says why.
	ErrRequest = errors.New("bulk: not an operation")
	// ErrOver: the operation has ended for good.
	ErrOver = errors.New("bulk: the operation has ended")
	// ErrNotRunning: the route does not run, so that nothing can be looked up.
	ErrNotRunning = errors.New("bulk: the route does not run")
	// ErrClosed: Run has ended, or was not called.
	ErrClosed = errors.New("bulk: the operations of this route do not run")
)

// Config is what a Runner needs. All but Logger is required.
type Config struct {
	Route string
	Store store.Store
	// Resequencer is the one that runs the route; nil while it does not.
	Resequencer func() *ordering.Resequencer
	// Logger hears of operations that begin and end. Default slog.Default().
	Logger *slog.Logger
}

// Runner runs the operations of a route. Build it with [New] and call
// [Runner.Run].
type Runner struct {
	cfg Config
	log *slog.Logger

	reading sync.Mutex // from Mark to Send

	mu     sync.Mutex
	ctx    context.Context   // of Run; nil: it does not run
	jobs   map[string]*job   // those that have not ended
	over   []store.Operation // the others, as they ended; nil: they were not read
	newest time.Time         // of the ids
	wg     sync.WaitGroup
}

// New returns a Runner, which does nothing before Run.
func New(c Config) *Runner {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return &Runner{cfg: c, log: c.Logger.With("route", c.Route), jobs: map[string]*job{}}
}

// Run goes on with the operations that had not ended, and runs those that are
// started, until ctx ends. They go on with the next Run.
func (r *Runner) Run(ctx context.Context) error {
	ops, err := r.stored(ctx)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("bulk: read the operations of route %q: %w", r.cfg.Route, err)
	}
	r.mu.Lock()
	r.ctx, r.over = ctx, ended(ops)
	for _, op := range ops {
		if op.Ended.IsZero() { // also one that was cancelled, and of which nobody saw the end
			r.launch(op)
		}
	}
	r.mu.Unlock()
	r.forget(ctx)
	<-ctx.Done()
	r.mu.Lock()
	r.ctx, r.over = nil, nil
	r.mu.Unlock()
	r.wg.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.jobs)
	return nil
}

// launch runs an operation; the mutex is held.
func (r *Runner) launch(op store.Operation) *job {
	j := newJob(r, op)
	r.jobs[op.ID] = j
	ctx := r.ctx
	r.wg.Go(func() {
		if j.run(ctx); j.row().State.Ended() {
			r.mu.Lock()
			delete(r.jobs, op.ID)
			r.over = append(r.over, j.row())
			r.mu.Unlock()
			r.forget(ctx)
		}
	})
	return j
}

// stored are the operations in the store; none of a route that was never open.
func (r *Runner) stored(ctx context.Context) ([]store.Operation, error) {
	ops, err := r.cfg.Store.Operations(ctx, r.cfg.Route)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return ops, err
}

// Request is what somebody wants done, who and why.
type Request struct {
	Action    ordering.Act
	Selection store.Selection
	By        string
	Reason    string // required

	OutOfOrder bool    // redrive: also what successors have passed
	Rate       float64 // messages a second; 0: as fast as the target takes them
	Canary     int     // so many first, and no more if one of them fails again; 0: none
	// StopAt is the part of the sent that may fail again, of 20 at least, before it
	// stops. 0: half of them; 1 or more: it does not stop.
	StopAt float64
}

const stopAt = 0.5

func (q *Request) check() error {
	switch q.Action {
	case ordering.ActRedrive, ordering.ActDiscard, ordering.ActArchive:
	default:
		return fmt.Errorf("%w: the action is %q, want redrive, discard or archive", ErrRequest, q.Action)
	}
	switch {
	case q.Reason == "":
		return ordering.ErrReason
	case q.Rate < 0, q.Canary < 0, q.StopAt < 0:
		return fmt.Errorf("%w: rate, canary and stop_at are not negative", ErrRequest)
	case q.Action != ordering.ActRedrive && (q.OutOfOrder || q.Canary > 0):
		return fmt.Errorf("%w: out of order and canary are for redrives", ErrRequest)
	case len(q.Selection.IDs) > mostIDs:
		return fmt.Errorf("%w: %d ids, the limit is %d", ErrRequest, len(q.Selection.IDs), mostIDs)
	}
	return nil
}

const mostIDs = 10_000

// Start begins an operation, which is durable when it returns.
func (r *Runner) Start(ctx context.Context, q Request) (store.Operation, error) {
	if err := q.check(); err != nil {
		return store.Operation{}, err
	}
	now := time.Now()
	op := store.Operation{
		ID: r.newID(now), Route: r.cfg.Route, Action: string(q.Action), Selection: q.Selection,
		State: store.OperationRunning, By: q.By, Reason: q.Reason,
		OutOfOrder: q.OutOfOrder, Rate: q.Rate, Canary: q.Canary, StopAt: q.StopAt,
		Began: now.UTC(), Changed: now.UTC(),
	}
	if op.StopAt == 0 {
		op.StopAt = stopAt
	}
	if !r.runs() {
		return op, ErrClosed
	}
	var err error
	if op.Total, err = r.count(ctx, &op); err != nil {
		return op, err
	}
	err = r.save(ctx, op, store.Audit{Action: op.Action, By: q.By, Reason: q.Reason, Count: op.Total})
	if err != nil && !r.isStored(op.ID, in(op.State)) {
		return op, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx != nil { // else it begins with the next Run
		r.launch(op)
	}
	r.log.Info("an operation begins", "operation", op.ID, "action", op.Action, "messages", op.Total, "by", op.By, "reason", op.Reason)
	return op, nil
}

func (r *Runner) runs() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ctx != nil
}

// newID sorts by time, to the millisecond: no two of a route begin in the same.
func (r *Runner) newID(now time.Time) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now = now.Truncate(time.Millisecond); !now.After(r.newest) {
		now = r.newest.Add(time.Millisecond)
	}
	r.newest = now
	day, part, _ := strings.Cut(now.UTC().Format("20060102T150405.000"), ".")
	return fmt.Sprintf("%s%s-%04x", day, part, rand.IntN(1<<16))
}

// isStored reports whether an operation is stored as it should be, after a commit
// of which that is not known.
func (r *Runner) isStored(id string, as func(*store.Operation) bool) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	ops, err := r.stored(ctx)
	return err == nil && slices.ContainsFunc(ops, func(op store.Operation) bool { return op.ID == id && as(&op) })
}

func in(s store.OperationState) func(*store.Operation) bool {
	return func(op *store.Operation) bool { return op.State == s }
}

// save stores an operation, with what there is for the audit.
func (r *Runner) save(ctx context.Context, op store.Operation, audits ...store.Audit) error {
	for i := range audits {
		audits[i].At, audits[i].Target = time.Now(), op.ID
	}
	c := store.Change{Key: store.Key{Route: r.cfg.Route}, Operations: []store.Operation{op}, Audit: audits}
	return r.cfg.Store.Commit(ctx, c)[0]
}

// Pause has an operation send nothing more until it is resumed. What is under way
// ends.
func (r *Runner) Pause(ctx context.Context, id, by, reason string) (Progress, error) {
	return r.tell(ctx, id, store.OperationPaused, by, reason)
}

// Resume has an operation go on that was paused or has stopped. What has failed
// until then counts no longer towards the next stop, and the canary flies again.
func (r *Runner) Resume(ctx context.Context, id, by, reason string) (Progress, error) {
	return r.tell(ctx, id, store.OperationRunning, by, reason)
}

// Cancel ends an operation. What is under way ends; the rest stay dead letters.
func (r *Runner) Cancel(ctx context.Context, id, by, reason string) (Progress, error) {
	return r.tell(ctx, id, store.OperationCancelled, by, reason)
}

// tell brings an operation into another state.
func (r *Runner) tell(ctx context.Context, id string, to store.OperationState, by, reason string) (Progress, error) {
	if reason == "" {
		return Progress{}, ordering.ErrReason
	}
	j, p, err := r.find(ctx, id)
	if j == nil {
		return p, err
	}
	if err := j.change(ctx, to, by, reason); err != nil {
		return j.progress(ctx), err
	}
	return j.progress(ctx), nil
}

// find returns the job of an operation, which is launched if it was stored without
// anybody knowing.
func (r *Runner) find(ctx context.Context, id string) (*job, Progress, error) {
	r.mu.Lock()
	j := r.jobs[id]
	r.mu.Unlock()
	if j != nil {
		return j, Progress{}, nil
	}
	p, err := r.Get(ctx, id)
	switch {
	case err != nil:
		return nil, p, err
	case p.State.Ended():
		return nil, p, fmt.Errorf("%w: it is %s", ErrOver, p.State)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx == nil {
		return nil, p, ErrClosed
	}
	if j = r.jobs[id]; j == nil {
		j = r.launch(p.Operation)
	}
	return j, p, nil
}

// Get returns one operation; store.ErrNotFound if there is none.
func (r *Runner) Get(ctx context.Context, id string) (Progress, error) {
	ops, err := r.stored(ctx)
	if err != nil {
		return Progress{}, err
	}
	i := slices.IndexFunc(ops, func(op store.Operation) bool { return op.ID == id })
	if i < 0 {
		return Progress{}, fmt.Errorf("%w: operation %q of route %q", store.ErrNotFound, id, r.cfg.Route)
	}
	return r.progress(ctx, ops[i]), nil
}

// progress is an operation that is stored, and how it is doing.
func (r *Runner) progress(ctx context.Context, op store.Operation) Progress {
	r.mu.Lock()
	j := r.jobs[op.ID]
	r.mu.Unlock()
	if j == nil {
		return Progress{Operation: op}
	}
	return j.progress(ctx)
}

// List returns all operations of the route, the oldest first.
func (r *Runner) List(ctx context.Context) ([]Progress, error) {
	ops, err := r.stored(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]Progress, 0, len(ops))
	for _, op := range ops {
		all = append(all, r.progress(ctx, op))
	}
	return all, nil
}
