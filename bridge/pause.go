package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/broker"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/store"
)

// Pause stops a route from taking messages; what is in hand is delivered. It is
// not stored: after a restart the route runs. A route that is paused already
// stays so, which is no error.
func (b *Bridge) Pause(ctx context.Context, name string, c api.Change) (api.Outcome, error) {
	r, _ := b.running(name)
	if r == nil {
		return api.Outcome{}, unknownRoute(name)
	}
	out := api.Outcome{Action: "pause", Route: name}
	switch state, reason := r.face.now(); {
	case state == status.Stopped:
		return out, notRunning(state, reason)
	case state == status.Paused:
		out.Says = "it is paused already: " + reason
	case c.DryRun:
		out.Says = "it takes no more messages until it is resumed, or the bridge is restarted"
	default:
		if err := r.audit(ctx, out.Action, c); err != nil {
			return out, err
		}
		r.face.hold(c.Reason)
		r.valve.byOperator(true)
		r.log.Warn("an operator pauses the route", "by", c.By, "reason", c.Reason)
		out.Done = true
		out.Says = "it takes no more messages until it is resumed, or the bridge is restarted; what is in hand is delivered"
	}
	return out, nil
}

// Resume lets a route go on that an operator paused, or starts one that stopped
// by itself and waits for somebody; to accept offsets, also one whose source does
// not deliver. Any other is left alone, which is no error.
func (b *Bridge) Resume(ctx context.Context, name string, c api.Change) (api.Outcome, error) {
	r, _ := b.running(name)
	if r == nil {
		return api.Outcome{}, unknownRoute(name)
	}
	out := api.Outcome{Action: "resume", Route: name}
	switch state, reason := r.face.now(); {
	case c.AcceptOffset && !hasTopic(r.cfg):
		return out, &api.Error{Code: api.BadRequest, Message: "the route has no Kafka source, so there are no offsets to accept"}
	case state == status.Stopped:
		return out, notRunning(state, reason)
	case state != status.Paused && (!c.AcceptOffset || !r.face.silent()):
		out.Says = fmt.Sprintf("it is not paused, it is %s", state)
	case !c.AcceptOffset && r.face.asking():
		return out, &api.Error{
			Code: api.OffsetNotAccepted, Message: "the route waits until its offsets are accepted: " + reason,
			Hint: "ask again with accept_offset, if they are right",
		}
	case c.DryRun:
		out.Says = fmt.Sprintf("it goes on. It is %s: %s", state, reason)
	default:
		action := out.Action
		if c.AcceptOffset {
			action = "accept_offset"
		}
		if err := r.audit(ctx, action, c); err != nil {
			return out, err
		}
		r.log.Warn("an operator resumes the route", "by", c.By, "reason", c.Reason, "accept_offset", c.AcceptOffset)
		r.resume(c.AcceptOffset)
		out.Done = true
		out.Says = fmt.Sprintf("it goes on. It was %s: %s", state, reason)
	}
	return out, nil
}

func hasTopic(c config.Route) bool {
	for _, f := range c.From {
		if f.Topic != "" {
			return true
		}
	}
	return false
}

// audit records what an operator does to the whole route, before it is done:
// then it cannot fail any more.
func (r *route) audit(ctx context.Context, action string, c api.Change) error {
	err := r.bridge.store.Commit(ctx, store.Change{
		Key:   store.Key{Route: r.cfg.Name},
		Audit: []store.Audit{{At: time.Now(), By: c.By, Action: action, Reason: c.Reason}},
	})[0]
	if errors.Is(err, store.ErrNotFound) {
		return notRunning(r.face.now())
	}
	return err
}

// errResumed ends a run so that another one begins at once.
var errResumed = errors.New("an operator resumes the route")

// runUntilResumed runs the route once. Resumed says that the run was ended for
// the sake of another one.
func (r *route) runUntilResumed(ctx context.Context) (resumed bool, err error) {
	run, end := context.WithCancelCause(ctx)
	defer end(nil)
	r.face.begin(end)
	err = r.runOnce(run)
	return errors.Is(context.Cause(run), errResumed), err
}

// resume lets the route go on, by whatever it is kept.
func (r *route) resume(acceptOffset bool) {
	if acceptOffset {
		r.accept.Store(true)
	}
	halted, end := r.face.letGo()
	r.valve.byOperator(false)
	switch {
	case halted:
		r.resumed <- struct{}{}
	case acceptOffset:
		end(errResumed)
	}
}

// awaitResume waits until an operator starts a halted route again; false if the
// bridge ends before.
func (r *route) awaitResume(ctx context.Context) bool {
	select {
	case <-r.resumed:
		return true
	case <-ctx.Done():
		return false
	}
}

// now is the route's state and what it is kept by. The message that it stopped at is
// not quoted: who operates a route need not see what it moves.
func (f *face) now() (status.State, string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if strings.HasPrefix(f.reason, ordering.HaltDeadLetter+": ") {
		return f.state, ordering.HaltDeadLetter + ": a message was given up"
	}
	return f.state, f.reason
}

// hold shows a route that an operator paused. Its gaps do not age meanwhile.
func (f *face) hold(reason string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.operator = reason
	f.tellSource()
	f.judge()
}

// letGo forgets why the route is paused. It reports whether the route had halted,
// and how to end its run where it had not.
func (f *face) letGo() (halted bool, end context.CancelCauseFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	halted, f.halted, f.operator = f.halted, false, ""
	if halted {
		f.set(status.Starting, "")
	} else {
		f.tellSource()
		f.judge()
	}
	return halted, f.end
}

// begin notes how a new run is ended. What its sources asked for is asked again,
// if it still has to be.
func (f *face) begin(end context.CancelCauseFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.end = end
	clear(f.asks)
}

// asking reports whether the route waits for offsets to be accepted, and for
// nothing else.
func (f *face) asking() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ask() != "" && !f.halted && f.operator == ""
}

// silent reports whether a source does not deliver.
func (f *face) silent() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.ContainsFunc(f.sources, func(s status.End) bool { return !s.Up })
}

// ask is what an operator has to accept of a source; "" if there is nothing.
func (f *face) ask() string {
	for i, asks := range f.asks {
		if asks {
			return f.sources[i].Reason
		}
	}
	return ""
}

// aboutOffsets reports whether somebody has to decide about an error of a source.
func aboutOffsets(err error) bool {
	return errors.Is(err, broker.ErrRewound) || errors.Is(err, broker.ErrTruncated) || errors.Is(err, broker.ErrRecreated)
}
