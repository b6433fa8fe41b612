package ordering

import (
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// counters are what other goroutines see of a Resequencer.
type counters struct {
	taken      atomic.Int64 // by the edge
	entered    atomic.Int64 // into the loop
	memory     atomic.Int64
	modes      [lane.Locked + 1]atomic.Int64
	sourceUp   atomic.Bool
	storeDown  atomic.Bool
	paused     atomic.Bool // intake
	outage     atomic.Bool
	base       atomic.Pointer[store.Ledger]
	committing atomic.Int64 // since when, in nanoseconds since 1970; 0: not now
	dead       tally        // dead letters by reason
	attempts   tally        // failed deliveries by class
	confirmed  atomic.Int64 // those that did not fail
}

// count notes lanes that enter or leave a mode.
func (c *counters) count(m lane.Mode, n int64) { c.modes[m].Add(n) }

// confirm counts the outcomes of a call that are no failures.
func (c *counters) confirm(errs []error) {
	n := int64(0)
	for _, err := range errs {
		if err == nil {
			n++
		}
	}
	c.confirmed.Add(n)
}

// tally counts by name.
type tally struct {
	mu sync.Mutex
	by map[string]int64
}

func (t *tally) add(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.by == nil {
		t.by = map[string]int64{}
	}
	t.by[name]++
}

func (t *tally) copy() map[string]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.by)
}

// Stats are the counts of a running Resequencer. Those since the start are said
// to be; the ledger is that of the store, since the route exists.
type Stats struct {
	Taken    int64        // deliveries since the start
	InMemory int64        // of those, not concluded by a commit yet
	Held     int64        // of those, not on their way to the handler
	Base     store.Ledger // at the start
	Ledger   store.Ledger // now

	Modes    map[lane.Mode]int64 // lanes that do not flow
	Dead     map[string]int64    // dead letters since the start, by reason
	Attempts map[string]int64    // failed deliveries since the start, by class

	Confirmed int64 // deliveries since the start that did not fail

	SourceUp  bool // the source delivers
	StoreDown bool // commits fail
	Outage    bool // the target is unavailable
}

// Unaccounted is the difference between what came and what became of it: what
// was taken, parked and dead at the start and imported or restored since, less what was
// delivered, filtered, dropped as duplicate, discarded, archived, purged,
// expired, and what is parked, dead or in memory now. It is 0, or messages were lost or
// counted twice. While messages move, a reading may be off by those between two
// counters; it returns to 0 when they rest.
func (s Stats) Unaccounted() int64 {
	ended := func(l store.Ledger) int64 {
		return l.Delivered + l.Filtered + l.Duplicates + l.Discarded + l.Archived + l.Purged + l.Expired - l.Imported - l.Restored + l.Parked + l.Dead
	}
	return s.Taken + ended(s.Base) - ended(s.Ledger) - s.InMemory
}

// slowCommit is how long a commit may take before the store counts as stalled.
const slowCommit = 5 * time.Second

// StoreStalled reports whether commits fail, or one does not return. Nothing
// moves meanwhile, and Stats may have to wait.
func (r *Resequencer) StoreStalled() bool {
	since := r.counts.committing.Load()
	return r.counts.storeDown.Load() || (since != 0 && time.Since(time.Unix(0, since)) > slowCommit)
}

// Stats returns the counts. Before Run it returns zeroes.
func (r *Resequencer) Stats(ctx context.Context) (Stats, error) {
	c := &r.counts
	base := c.base.Load()
	if base == nil {
		return Stats{}, nil
	}
	s := Stats{
		Base: *base, Modes: map[lane.Mode]int64{}, Dead: c.dead.copy(), Attempts: c.attempts.copy(), Confirmed: c.confirmed.Load(),
		SourceUp: c.sourceUp.Load(), StoreDown: r.StoreStalled(), Outage: c.outage.Load(),
	}
	if err := r.balance(ctx, &s); err != nil {
		return Stats{}, err
	}
	for m := range c.modes {
		if n := c.modes[m].Load(); n != 0 && lane.Mode(m) != lane.Flowing {
			s.Modes[lane.Mode(m)] = n
		}
	}
	return s, nil
}

// balance reads the counts between two commits, so that no message is between
// two counters; once the loop has ended, as they are.
func (r *Resequencer) balance(ctx context.Context, s *Stats) error {
	answer := make(chan error, 1)
	read := func(taken, memory, sent int64) {
		var err error
		s.Taken = r.counts.taken.Load()
		s.InMemory = memory + s.Taken - taken // with those on their way into the loop
		s.Held = max(0, s.InMemory-sent)
		s.Ledger, err = r.cfg.Store.Ledger(ctx, r.cfg.Route)
		answer <- err
	}
	err := r.do(ctx, func(time.Time) { r.loop.audits = append(r.loop.audits, read) })
	if errors.Is(err, ErrStopped) {
		read(r.counts.entered.Load(), r.counts.memory.Load(), 0)
	} else if err != nil {
		return err
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-r.ended:
		select {
		case err := <-answer:
			return err
		default:
			return ErrStopped
		}
	}
}
