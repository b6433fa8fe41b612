package bridge

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/policies"
)

// face is what others see of a route. The edges tell it of their connections
// from goroutines of their own.
type face struct {
	taken atomic.Int64

	mu      sync.Mutex
	state   status.State
	reason  string
	since   time.Time
	owner   string
	name    string
	sources []status.End
	target  status.End
	space   string // why intake pauses for want of space

	halted   bool                    // it stopped by itself and waits for somebody
	operator string                  // why an operator paused it
	asks     []bool                  // which sources have offsets that an operator has to accept
	known    []bool                  // which sources have delivered before
	turns    map[string]int64        // of the breaker
	end      context.CancelCauseFunc // of this run
	last     status.Counts

	seq     *ordering.Resequencer
	edges   []broker.Source
	breaker *policies.Breaker
	shifts  []api.Breaker // its last changes, oldest first
}

func newFace(c config.Route) *face {
	f := &face{name: c.Name, owner: c.Owner.Name, state: status.Starting, since: time.Now()}
	for _, from := range c.From {
		f.sources = append(f.sources, status.End{Broker: from.Broker, Name: from.Name(), Reason: "not connected yet", Lag: -1})
	}
	f.asks, f.known, f.turns = make([]bool, len(f.sources)), make([]bool, len(f.sources)), map[string]int64{}
	f.target = status.End{Broker: c.To.Broker, Name: c.To.Name(), Up: true, Lag: -1}
	return f
}

// received counts deliveries at the edge.
func (f *face) received(n int) { f.taken.Add(int64(n)) }

// attach shows a new run of the route.
func (f *face) attach(seq *ordering.Resequencer, edges []broker.Source, b *policies.Breaker) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seq, f.edges, f.breaker = seq, edges, b
	f.tellSource()
	f.judge()
}

func (f *face) nameSource(i int, name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sources[i].Name = name
}

func (f *face) nameTarget(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.target.Name = name
}

// sourceState hears from a source's edge.
func (f *face) sourceState(i int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	heard(&f.sources[i], err, f.known[i])
	f.known[i] = f.known[i] || err == nil
	f.asks[i] = aboutOffsets(err)
	f.tellSource()
	f.judge()
}

// targetState hears from the target's edge.
func (f *face) targetState(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	heard(&f.target, err, true)
	f.judge()
}

// heard notes how an end is, and that it is back if it had been there before.
func heard(e *status.End, err error, known bool) {
	if err == nil && !e.Up && known {
		e.Reconnects++
	}
	e.Up, e.Reason, e.Blocked = err == nil, text(err), errors.Is(err, broker.ErrBlocked)
}

// turned counts the states of the breaker.
func (f *face) turned(to policies.State) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.turns[to.String()]++
}

// whyTarget is why the target does not answer, as far as its edge knows.
func (f *face) whyTarget() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.target.Reason
}

// noSpace says why intake pauses; "" that it does not.
func (f *face) noSpace(reason string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.space = reason
	f.judge()
}

// tellSource lets gap clocks run only while every source delivers.
func (f *face) tellSource() {
	if f.seq == nil {
		return
	}
	for _, s := range f.sources {
		if !s.Up || f.operator != "" {
			f.seq.SourceDown()
			return
		}
	}
	f.seq.SourceUp()
}

// judge derives the route's state from that of its ends.
func (f *face) judge() {
	if f.halted || f.state == status.Stopped {
		return
	}
	state, reason := status.Running, ""
	switch {
	case f.operator != "":
		state, reason = status.Paused, status.ByOperator+f.operator
	case f.ask() != "":
		state, reason = status.Paused, "source: "+f.ask()
	case f.space != "":
		state, reason = status.Waiting, f.space
	case !f.target.Up:
		state, reason = status.Waiting, "target: "+f.target.Reason
	}
	for _, s := range f.sources {
		if !s.Up && state == status.Running {
			state, reason = status.Waiting, "source: "+s.Reason
		}
	}
	f.set(state, reason)
}

func (f *face) set(s status.State, reason string) {
	if s != f.state || reason != f.reason {
		f.state, f.reason, f.since = s, reason, time.Now()
	}
}

// pause shows a route that waits for somebody.
func (f *face) pause(reason string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.halted = true
	f.set(status.Paused, fmt.Sprintf("%s: %v", reason, err))
}

// restart shows a route that failed and starts again.
func (f *face) restart(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.operator == "" {
		f.set(status.Waiting, text(err))
	}
}

func (f *face) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.set(status.Stopped, "")
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// status is the route as it is now.
func (r *route) status(ctx context.Context) status.Route {
	f := r.face
	f.mu.Lock()
	s := status.Route{
		Name: f.name, State: f.state, Reason: f.reason, Since: f.since, Owner: f.owner,
		Sources: append([]status.End(nil), f.sources...), Target: f.target,
		Breaker: policies.Closed.String(), Turns: maps.Clone(f.turns),
	}
	seq, edges, breaker := f.seq, f.edges, f.breaker
	f.mu.Unlock()
	if breaker != nil {
		s.Breaker, s.Trip = breaker.State().String(), tripOf(breaker)
	}
	for i := range edges {
		s.Sources[i].Lag = -1
		if n, err := edges[i].Lag(ctx); err == nil && s.Sources[i].Up {
			s.Sources[i].Lag = n
		}
	}
	s.Counts = f.counts(ctx, seq)
	s.Counts.Received = f.taken.Load()
	stalls(&s, seq != nil && seq.StoreStalled())
	s.Mirror = r.mirror.status(ctx)
	r.outbox.status(&s)
	s.Alarms, s.Oldest = r.alarms.Now()
	if l, err := r.bridge.store.Ledger(ctx, f.name); err == nil && s.Counts.Keys != nil { // these change while the route rests, too
		s.Counts.OpenSkips, s.Counts.Unsent = l.OpenSkips, l.Unsent
	}
	return s
}

// stalls has a route wait that moves nothing, though both of its ends are there.
func stalls(s *status.Route, store bool) {
	running := s.State == status.Running
	switch waits := s.Counts.InMemory+s.Counts.Parked > 0; {
	case store && (running || s.State == status.Waiting):
		s.State, s.Reason = status.Waiting, "store: commits fail or do not return; nothing moves, nothing is lost"
	case running && s.Breaker == policies.Open.String():
		s.State, s.Reason, s.Since = status.Waiting, "target: breaker open", sinceTrip(s)
	case running && s.Breaker == policies.HalfOpen.String() && waits: // else nothing would ever close it
		s.State, s.Reason, s.Since = status.Waiting, "target: breaker half-open, one message shows whether it is back", sinceTrip(s)
	}
}

// sinceTrip is since when a route has waited for its target: it ran until then.
func sinceTrip(s *status.Route) time.Time {
	if s.Trip == nil {
		return s.Since
	}
	return s.Trip.At
}

// patience is how long the counts may take. They are read between two commits,
// which may be long in coming; then the last ones must do.
const patience = 2 * time.Second

// counts are those of the Resequencer, in the words of status.
func (f *face) counts(ctx context.Context, seq *ordering.Resequencer) status.Counts {
	if seq == nil {
		return status.Counts{}
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	st, err := seq.Stats(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil && st.Modes != nil { // else not running yet
		f.last = words(st)
	}
	return f.last
}

// words are the counts in the words of status.
func words(st ordering.Stats) status.Counts {
	l := st.Ledger
	c := status.Counts{
		InMemory: st.InMemory, Held: st.Held, Confirmed: st.Confirmed, Delivered: l.Delivered, Duplicates: l.Duplicates, Unverified: l.Unverified, Filtered: l.Filtered,
		Parked: l.Parked, ParkedEver: l.ParkedTotal, ParkedSize: l.ParkedBytes, Dead: l.Dead, DeadEver: l.DeadLettered,
		Redriven: l.Redriven, Discarded: l.Discarded, Archived: l.Archived, Restored: l.Restored, Imported: l.Imported,
		Purged: l.Purged, Expired: l.Expired, Skipped: l.Skipped,
		Unaccounted: st.Unaccounted(), DeadBy: st.Dead, Failures: st.Attempts, Keys: map[string]int64{},
	}
	for m, n := range st.Modes {
		c.Keys[m.String()] = n
	}
	return c
}
