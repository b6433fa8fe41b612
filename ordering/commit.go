package ordering

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"
	"go.opentelemetry.io/otel/trace"

	"github.com/brokerbridge/bridge/ordering/failpoint"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// mostPerCommit bounds how many lanes share a commit.
const mostPerCommit = 4096

// commitDirty hands the waiting changes to the committer, if it is free.
func (l *loop) commitDirty() {
	if l.storing || len(l.dirty) == 0 {
		return
	}
	n := min(len(l.dirty), mostPerCommit)
	job := make([]*entry, n)
	copy(job, l.dirty)
	rest := copy(l.dirty, l.dirty[n:])
	clear(l.dirty[rest:])
	l.dirty = l.dirty[:rest]
	for _, e := range job {
		c := e.pending
		e.pending, e.sent = nil, c
		l.date(c)
		c.store.Key, c.store.Version, c.store.Record = e.key, e.version, e.record()
		if e.lane != nil {
			c.next = e.lane.Next
		}
	}
	l.storing, l.sent = true, job
	l.jobs <- job
}

// committer stores changes and acknowledges what they conclude, one commit at a
// time.
func (l *loop) committer(ctx context.Context) {
	for job := range l.jobs {
		l.counts.committing.Store(time.Now().UnixNano())
		if l.store(ctx, job) {
			l.acknowledge(job)
		}
		l.counts.committing.Store(0)
		l.commits <- job
	}
}

// store commits a job until each of its changes is durable, or known to be
// another owner's. It reports whether that was reached.
func (l *loop) store(ctx context.Context, job []*entry) bool {
	parks := hitBefore(job)
	left := job
	pace := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(100*time.Millisecond), backoff.WithMaxInterval(5*time.Second), backoff.WithMaxElapsedTime(0))
	for {
		var failure error
		if left, failure = l.commitOnce(ctx, left); len(left) == 0 {
			break
		}
		l.counts.storeDown.Store(true)
		if errors.Is(failure, store.ErrFailed) || errors.Is(failure, store.ErrClosed) {
			giveUpOn(left, failure)
			return false
		}
		l.log.Warn("a commit failed and is tried again; intake pauses", "changes", len(left), "error", failure)
		select {
		case <-ctx.Done():
			return false
		case <-time.After(pace.NextBackOff()):
		}
	}
	l.counts.storeDown.Store(false)
	if parks {
		failpoint.Hit(failpoint.AfterPark)
	}
	failpoint.Hit(failpoint.AfterCommit)
	return true
}

// giveUpOn marks changes that this process will not get stored: nothing of them
// is acknowledged, so the source delivers again.
func giveUpOn(left []*entry, err error) {
	for _, e := range left {
		e.sent.failed = err
	}
}

// hitBefore passes the failpoints before a commit and reports whether it parks.
func hitBefore(job []*entry) bool {
	failpoint.Hit(failpoint.BeforeCommit)
	for _, e := range job {
		if len(e.sent.store.Park) > 0 {
			failpoint.Hit(failpoint.BeforePark)
			return true
		}
	}
	return false
}

// commitOnce commits what is left and returns what failed.
func (l *loop) commitOnce(ctx context.Context, left []*entry) (failed []*entry, err error) {
	changes := make([]store.Change, len(left))
	for i, e := range left {
		changes[i] = e.sent.store
	}
	began := time.Now()
	problems := l.cfg.Store.Commit(ctx, changes...)
	if l.cfg.Committed != nil {
		l.cfg.Committed(time.Since(began))
	}
	for i, problem := range problems {
		e := left[i]
		if errors.Is(problem, store.ErrConflict) {
			problem = l.resolveConflict(ctx, e)
		}
		if problem != nil {
			failed = append(failed, e)
			err = problem
		}
	}
	return failed, err
}

// resolveConflict looks whose change is in the way. Our own, whose outcome we
// never learned, is stored; another owner's ends the route; where there is none,
// the commit is tried again.
func (l *loop) resolveConflict(ctx context.Context, e *entry) error {
	rec, err := l.cfg.Store.Load(ctx, e.key)
	if err != nil {
		return fmt.Errorf("reload a key after a conflict: %w", err)
	}
	want := e.sent.store.Record
	if rec.Version == e.version { // nobody's: as we know it
		return store.ErrConflict
	}
	if rec.Version == e.version+1 && rec.State == want.State && rec.Since.Equal(want.Since) && rec.Due.Equal(want.Due) {
		return nil
	}
	e.sent.elsewhere = fmt.Errorf("%w: expected version %d with revision %d next, found version %d with %d",
		store.ErrConflict, e.version, want.State.Next, rec.Version, rec.State.Next)
	return nil
}

// acknowledge tells the sources what is durable now, an Ack per session.
func (l *loop) acknowledge(job []*entry) {
	var ackers []Acker
	tokens := map[Acker][]uint64{}
	var links []*trace.SpanContext
	for _, e := range job {
		if e.sent.elsewhere != nil {
			continue
		}
		for _, h := range e.sent.acks {
			if _, ok := tokens[h.acker]; !ok {
				ackers = append(ackers, h.acker)
			}
			tokens[h.acker] = append(tokens[h.acker], h.token)
			if l.cfg.Spans != nil {
				links = append(links, h.link)
			}
		}
	}
	if len(ackers) == 0 {
		return
	}
	failpoint.Hit(failpoint.BeforeAck)
	began := time.Now()
	for _, a := range ackers {
		a.Ack(tokens[a])
	}
	l.cfg.Spans.Settle(len(links), links, began)
	failpoint.Hit(failpoint.AfterAck)
}

// committed tells the lanes what is durable.
func (l *loop) committed(job []*entry) {
	l.storing, l.sent = false, nil
	if l.gaveBack {
		return
	}
	for _, e := range job {
		c := e.sent
		e.sent = nil
		if c.elsewhere != nil {
			l.halt(HaltElsewhere, c.elsewhere)
			c.tell(c.elsewhere)
			continue
		}
		if c.failed != nil {
			l.halt(HaltStore, c.failed)
			c.tell(c.failed)
			l.gaveBack = true
			continue
		}
		e.version++
		l.seen.remembered(c)
		l.memory -= c.taken
		if len(c.parks) > 0 {
			l.uncache(e) // what was read ahead did not know of these
		}
		for _, it := range c.parks {
			if it.storing--; it.storing == 0 && !e.underway(it) {
				e.drop(it)
			}
		}
		l.concluded(e, c)
	}
	l.askAll()
	l.sendAgain()
}

// concluded goes on after a change of a lane, or of the route, is durable.
func (l *loop) concluded(e *entry, c *change) {
	next, due, told := c.next, c.store.Record.Due, c.told
	l.laid(c)
	c.reset()
	l.free = append(l.free, c)
	if e.lane != nil {
		l.step(e, nil, lane.Event{Kind: lane.Committed, Rev: next, At: l.now})
		l.obey(e, due)
	}
	for _, tell := range told {
		tell(nil)
	}
}
