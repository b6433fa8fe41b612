package ordering

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// loop is the goroutine that owns the lanes. Nothing in it is locked: workers,
// the committer and the watcher of the lag speak to it through channels.
type loop struct {
	*Resequencer
	log *slog.Logger
	now time.Time // of the event in hand

	lanes  lanes
	route  *entry // collects what belongs to no lane
	timers timers
	out    []lane.Effect // scratch

	ready   ready
	passing []*item // heads of their lanes that the route does not take

	dirty  []*entry // with changes to commit
	free   []*change
	retake []*entry // whose Fetch met a store that did not answer
	unread []*item  // whose lane could not be loaded

	seen     seen  // where messages have no revision
	alone    alone // likewise
	loose    loose
	moving   map[string]int     // ids of dead letters that uncommitted changes take away or write, how often
	ends     map[string][]*send // who waits for the end of a redrive, by id
	answers  []*send            // who is to be told of ends
	putOff   []*send            // with dead letters that move: until the next commit
	buried   time.Time          // the place of the dead letter that was written last
	touched  map[string]bool    // dead letters that changed since an operation began to read; nil: none reads
	asked    []*operation       // put off until the next commit
	operator *operation         // on whose behalf a lane is stepped

	context context.Context // of messages that come from the store
	letGo   context.CancelFunc

	work    chan *call
	results chan *call
	calls   []*call   // under way, oldest first
	lookAt  time.Time // when to look whether one takes too long
	idle    int       // workers without work
	jobs    chan []*entry
	commits chan []*entry
	sent    []*entry       // whose changes are being committed
	storing bool           // a commit is under way
	lags    chan int64     // the session in which the source was seen empty
	callers sync.WaitGroup // workers
	keepers sync.WaitGroup // the committer, the watcher of the lag

	audits   []func(taken, memory, sent int64) // of those who wait for a moment between commits
	outage   outage
	gaps     gaps
	rush     rush
	flood    flood
	cached   cached // parked messages read ahead
	memory   int    // deliveries that no committed change concludes yet
	end      end
	stopping bool
	gaveBack bool
	halted   error
	source   bool         // as the gap clocks know it
	sessions int64        // how often it has begun to deliver
	session  atomic.Int64 // which of them this is; 0: it does not deliver
	again    time.Time    // when the store is asked again
}

func newLoop(r *Resequencer, h *handling) *loop {
	l := &loop{
		Resequencer: r, log: r.cfg.Logger.With("route", r.cfg.Route),
		lanes:   newLanes(r.cfg.Lanes),
		work:    make(chan *call, h.workers),
		results: make(chan *call, h.workers),
		idle:    h.workers,
		jobs:    make(chan []*entry, 1),
		commits: make(chan []*entry, 1),
		lags:    make(chan int64, 1),
		moving:  map[string]int{},
		ends:    map[string][]*send{},
	}
	l.flood = newFlood(r.cfg.StopAfter)
	l.alone = newAlone(time.Now())
	l.route = &entry{key: store.Key{Route: r.cfg.Route}, index: -1}
	l.context, l.letGo = context.WithCancel(context.Background())
	return l
}

// run is the loop itself.
func (l *loop) run(ctx context.Context) error {
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	h := l.handler.Load()
	for range h.workers {
		l.callers.Go(func() { l.publish(h.next) })
	}
	l.keepers.Go(func() { l.committer(background) })
	l.keepers.Go(func() { l.watchLag(background) })
	close(l.started)

	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	l.end.asked = ctx.Done()
	for !l.finished() {
		l.dispatch()
		timer.Reset(l.untilNext())
		l.await(timer)
		if l.gaveBack {
			break // what is under way will not be waited for
		}
		if l.halted != nil && !l.stopping {
			l.stop()
		}
	}
	l.answer()
	l.counts.memory.Store(int64(l.memory))
	l.letGo()
	close(l.work)
	close(l.jobs)
	cancel()
	l.keepers.Wait()
	if !l.gaveBack { // else a handler still runs, and ends when its target is closed
		l.callers.Wait()
	}
	return l.halted
}

// end is how a stop is asked for, and how long it may take.
type end struct {
	asked <-chan struct{}
	abort <-chan time.Time // time to interrupt what still waits for the target
	over  <-chan time.Time // time to go
}

// await handles one event.
func (l *loop) await(timer *time.Timer) {
	select {
	case items := <-l.openInbox():
		l.tick()
		l.intake(items)
		l.gatherMore()
	case c := <-l.results:
		l.tick()
		l.settle(c)
	case job := <-l.commits:
		l.tick()
		l.committed(job)
	case f := <-l.ops:
		l.tick()
		f(l.now)
	case session := <-l.lags:
		l.tick()
		l.caughtUp(session)
	case <-l.nudge: // what changed is looked at with every event
		l.tick()
	case <-timer.C:
		l.tick()
		l.elapse()
	case <-l.end.asked:
		l.tick()
		l.stop()
	case <-l.end.abort:
		l.log.Warn("the target does not answer; what waits for it is interrupted and parked")
		l.abort()
	case <-l.end.over:
		l.log.Warn("not everything settled in time; the source will deliver the rest again", "in_memory", l.memory)
		l.giveBack()
	}
}

func (l *loop) tick() { l.now = time.Now() }

// openInbox is the inbox while messages may be taken in.
func (l *loop) openInbox() chan []*item {
	if !l.intakeOpen() {
		return nil
	}
	return l.inbox
}

// intakeOpen reports whether messages may be taken in: not while stopping, nor
// while the store does not answer.
func (l *loop) intakeOpen() bool {
	return !l.stopping && !l.flood.tripped && len(l.unread) == 0 && !l.counts.storeDown.Load() && !l.counts.paused.Load()
}

// gatherFor is how long what is ready may wait for what else is there.
const gatherFor = 5 * time.Millisecond

// gatherMore takes in what else is there already, so that it shares a publish
// and a commit.
func (l *loop) gatherMore() {
	for time.Since(l.now) < gatherFor {
		select {
		case items := <-l.openInbox():
			l.intake(items)
		default:
			return
		}
	}
}

// dispatch hands out what is ready and what is to be committed.
func (l *loop) dispatch() {
	l.answer()
	l.noteSource()
	l.pass()
	l.publishReady()
	l.counts.memory.Store(int64(l.memory))
	if !l.storing {
		for _, read := range l.audits {
			read(l.counts.entered.Load(), int64(l.memory), l.sentNow())
		}
		l.audits = nil
	}
	l.commitDirty()
}

// finished reports whether a stop is complete.
func (l *loop) finished() bool {
	return l.stopping && !l.storing && len(l.dirty)+len(l.passing) == 0 && l.idle == l.handler.Load().workers
}

// stop lets what is under way settle and parks what is held. What waits for a
// worker was never tried.
func (l *loop) stop() {
	l.stopping = true
	l.letGo() // handlers of restored messages see that the process is stopping
	l.end = end{abort: time.After(l.cfg.Drain / 2), over: time.After(l.cfg.Drain)}
	l.loose.pausing = nil
	waiting := l.outage.waiting
	l.outage.waiting = nil
	l.retreat(append(l.ready.clear(), waiting...))
	l.parkAll()
}

// retreat parks heads that wait for a worker, and what is behind them.
func (l *loop) retreat(waiting []*item) {
	for _, it := range waiting {
		if it.lane == nil {
			l.loose.leave(l, it, "")
			continue
		}
		l.putBack(it)
	}
}

// parkAll parks whatever waits in memory.
func (l *loop) parkAll() {
	for _, m := range []map[laneKey]*entry{l.lanes.young, l.lanes.old} {
		for _, e := range m {
			if e.lane.Held() > 0 {
				l.step(e, nil, lane.Event{Kind: lane.Pressure, At: l.now})
			}
		}
	}
}

// giveBack ends a stop that took too long: what is under way is forgotten, and
// the source delivers it again, or the store has it.
func (l *loop) giveBack() {
	l.gaveBack = true
}

// abort asks the handler to end what it waits for, without waiting for that.
func (l *loop) abort() {
	if l.cfg.Abort != nil {
		l.callers.Go(l.cfg.Abort)
	}
}

// dropUnlessSource forgets an item that the store still has.
func (l *loop) dropUnlessSource(it *item) {
	if (it.origin == fromParked || it.origin == fromDead) && it.storing == 0 {
		it.lane.drop(it)
	}
}
