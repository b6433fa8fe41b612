package policies

import (
	"sync"
	"time"

	"github.com/sony/gobreaker"
)

// State of a [Breaker].
type State uint8

// The states. HalfOpen lets one message through to see whether the target is
// back.
const (
	Closed State = iota
	HalfOpen
	Open
)

// String is the state as metrics spell it: closed, half-open, open.
func (s State) String() string { return gobreaker.State(s).String() }

// probePause is how long messages wait while one of them finds out.
const probePause = 200 * time.Millisecond

// gate lets messages through and learns from what became of them. gobreaker
// keeps the counts and the state; the gate stands before it for what version
// 1.0.0 cannot say:
//
//   - It has no outcome that is neither success nor failure, and a probe that is
//     never reported leaves it half-open for ever. So it is asked (Allow) only
//     once the outcome is known, and the one probe is the gate's own.
//   - It ignores outcomes of requests allowed before its counts were last
//     cleared, which happens every Interval: calls slower than the window, as in
//     an outage, would never count. Asking late avoids that too. The gate's
//     epoch, which grows with each change of state, tells what is truly outdated.
//   - The function Allow returns may be called many times, and each call counts:
//     so one Allow serves a batch. Counts.Requests is then wrong, and not used.
//   - It calls back under its own lock, where asking for its state would
//     deadlock. The gate calls back after unlocking.
//   - It leaves the open state only once Timeout has passed and when next asked.
//
// The window is a tumbling one: counts are cleared every Interval.
type gate struct {
	mu      sync.Mutex
	judge   *gobreaker.TwoStepCircuitBreaker
	openFor time.Duration

	epoch   uint64    // grows with each change of state
	until   time.Time // when the open state ends
	probing bool      // half-open: a message is on its way
	overdue bool      // trip now, whatever the counts
	opened  time.Time // when it was closed last
	last    error     // the last failure that counted

	tell    func(from, to State)
	changes []change // not told yet, oldest first
	telling bool
}

type change struct{ from, to State }

func newGate(c BreakerConfig) *gate {
	g := &gate{openFor: c.OpenFor, tell: c.OnChange}
	g.judge = gobreaker.NewTwoStepCircuitBreaker(gobreaker.Settings{
		Name:          c.Name,
		MaxRequests:   1,
		Interval:      c.Window,
		Timeout:       c.OpenFor - 1, // it is over after, not at, its Timeout
		ReadyToTrip:   func(n gobreaker.Counts) bool { return g.overdue || c.tooMany(n) },
		OnStateChange: func(_ string, from, to gobreaker.State) { g.changed(State(from), State(to)) },
	})
	return g
}

// pass is the leave to send some messages.
type pass struct {
	of    State
	n     int           // how many may go
	pause time.Duration // for how long the others may not
	epoch uint64
	over  bool
}

// enter asks for n messages.
func (g *gate) enter(n int) *pass {
	g.mu.Lock()
	defer g.unlock()
	p := &pass{of: g.state(), pause: probePause}
	p.epoch = g.epoch // after state, which may change it
	switch {
	case p.of == Closed:
		p.n = n
	case p.of == Open:
		p.pause = time.Until(g.until)
	case !g.probing:
		g.probing, p.n = true, 1
	}
	return p
}

// leave reports what became of the messages that went. It releases the probe,
// also one that says nothing.
func (g *gate) leave(p *pass, all outcomes) {
	g.mu.Lock()
	defer g.unlock()
	p.over = true
	if p.epoch != g.epoch {
		return
	}
	g.probing = false
	g.count(all)
}

// late opens the gate's breaker, unless the messages have returned.
func (g *gate) late(p *pass, why error) {
	g.mu.Lock()
	defer g.unlock()
	if p.over || p.epoch != g.epoch {
		return
	}
	g.overdue = true
	g.count(outcomes{failed: 1, last: why})
	g.overdue = false
}

// count passes outcomes on, successes first: a failure is what makes gobreaker
// judge, and it is to judge the whole batch.
func (g *gate) count(all outcomes) {
	if all.succeeded+all.failed == 0 {
		return
	}
	if all.last != nil {
		g.last = all.last
	}
	done, err := g.judge.Allow()
	if err != nil {
		return // not in this epoch: it is closed, or half-open without a request
	}
	for range all.succeeded {
		done(true)
	}
	for range all.failed {
		done(false)
	}
}

func (g *gate) state() State { return State(g.judge.State()) }

// changed is called by gobreaker, within one of the calls above.
func (g *gate) changed(from, to State) {
	g.epoch++
	g.probing = false
	if to == Open {
		g.until = time.Now().Add(g.openFor)
	}
	switch {
	case from == Closed:
		g.opened = time.Now()
	case to == Closed:
		g.last = nil
	}
	if g.tell != nil {
		g.changes = append(g.changes, change{from, to})
	}
}

// unlock unlocks, having told what changed: one at a time, in order, and in a
// place where the listener may ask for the state.
func (g *gate) unlock() {
	defer g.mu.Unlock()
	if g.telling {
		return
	}
	g.telling = true
	for len(g.changes) > 0 {
		g.tellFirst()
	}
	g.telling = false
}

func (g *gate) tellFirst() {
	c := g.changes[0]
	g.changes = g.changes[1:]
	g.mu.Unlock()
	defer g.mu.Lock()
	g.tell(c.from, c.to)
}
