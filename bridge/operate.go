package bridge

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/status"
	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// What operators do goes to the route that runs: it owns its lanes. The errors
// are [*api.Error] where nothing was changed and there is a reason to tell.

// Redrive sends a dead letter through again. It returns when that is durable, and
// not when the target has it.
func (b *Bridge) Redrive(ctx context.Context, name, id string, c api.Change) (api.Outcome, error) {
	return b.operate(name, c, api.UnknownDeadLetter, func(seq *ordering.Resequencer, op ordering.Operation) (ordering.Outcome, error) {
		return seq.Redrive(ctx, id, op)
	})
}

// Discard gives a dead letter up for good.
func (b *Bridge) Discard(ctx context.Context, name, id string, c api.Change) (api.Outcome, error) {
	return b.operate(name, c, api.UnknownDeadLetter, func(seq *ordering.Resequencer, op ordering.Operation) (ordering.Outcome, error) {
		return seq.Discard(ctx, id, op)
	})
}

// Skip lets a key go on at c.To, without what is missing below.
func (b *Bridge) Skip(ctx context.Context, name, key string, c api.Change) (api.Outcome, error) {
	return b.operate(name, c, api.UnknownKey, func(seq *ordering.Resequencer, op ordering.Operation) (ordering.Outcome, error) {
		return seq.Skip(ctx, key, epoch(c), lane.Revision(*c.To), op)
	})
}

// Release gives a gap its time once more, or opens the epoch of a record that was
// created anew.
func (b *Bridge) Release(ctx context.Context, name, key string, c api.Change) (api.Outcome, error) {
	return b.operate(name, c, api.UnknownKey, func(seq *ordering.Resequencer, op ordering.Operation) (ordering.Outcome, error) {
		return seq.Release(ctx, key, epoch(c), op)
	})
}

func epoch(c api.Change) uint32 {
	if c.Epoch == nil {
		return 0
	}
	return *c.Epoch
}

// operate has a running route do something. Unknown is the code for what it does
// not know.
func (b *Bridge) operate(name string, c api.Change, unknown string,
	do func(*ordering.Resequencer, ordering.Operation) (ordering.Outcome, error),
) (api.Outcome, error) {
	r, seq := b.running(name)
	switch {
	case r == nil:
		return api.Outcome{}, unknownRoute(name)
	case seq == nil:
		return api.Outcome{}, notRunning(r.face.now())
	}
	o, err := do(seq, ordering.Operation{
		By: c.By, Reason: c.Reason, DryRun: c.DryRun, OutOfOrder: c.OutOfOrder, NewEpoch: c.NewEpoch,
	})
	if errors.Is(err, ordering.ErrStopped) || errors.Is(err, ordering.ErrNotRunning) {
		return api.Outcome{}, notRunning(r.face.now())
	}
	if err != nil {
		return api.Outcome{}, refused(err, unknown)
	}
	return outcome(name, o), nil
}

// refusals are the codes of what a route refuses.
var refusals = []struct {
	err  error
	code string
	hint string
}{
	{ordering.ErrReason, api.BadRequest, ""},
	{ordering.ErrPassed, api.Passed, "out_of_order sends it all the same"},
	{ordering.ErrRefused, api.Refused, "out_of_order sends it all the same, beside the order"},
	{ordering.ErrEdit, api.EditRefused, ""},
	{ordering.ErrNotBlocked, api.NotBlocked, ""},
	{ordering.ErrTooFar, api.TooFar, ""},
	{ordering.ErrBusy, api.KeyBusy, "try again in a moment"},
}

// refused is an error of a route for its caller, or the error itself where it is
// none of the caller's business.
func refused(err error, unknown string) error {
	message := said(err.Error())
	if errors.Is(err, store.ErrNotFound) {
		return &api.Error{Code: unknown, Message: message}
	}
	for _, r := range refusals {
		if errors.Is(err, r.err) {
			return &api.Error{Code: r.code, Message: message, Hint: r.hint}
		}
	}
	return err
}

// said is an error without the package that it is of.
func said(text string) string {
	for _, of := range []string{"bulk: ", "ordering: ", "store: "} {
		text = strings.TrimPrefix(text, of)
	}
	return text
}

// outcome is what a route did, as the API says it.
func outcome(route string, o ordering.Outcome) api.Outcome {
	out := api.Outcome{
		Done: o.Done, Action: o.Action, Route: route, KeyName: api.NewKeyName(o.Key), Epoch: o.Epoch,
		DeadLetters: o.Dead, Parked: o.Parked, InOrder: o.InOrder, Says: o.Says,
	}
	if o.Key != "" && o.Revision >= 0 {
		out.Revision = (*int64)(&o.Revision)
	}
	if o.To > 0 {
		out.To = (*int64)(&o.To)
	}
	return out
}

// Look is what a running route has in memory of a key; false where that is
// nothing.
func (b *Bridge) Look(ctx context.Context, route, key string, epoch uint32) (ordering.View, bool) {
	r, seq := b.running(route)
	if r == nil || seq == nil {
		return ordering.View{}, false
	}
	v, known, err := seq.Look(ctx, key, epoch)
	return v, known && err == nil
}

// running finds a route and what puts it in order, which is nil before its first
// run.
func (b *Bridge) running(name string) (*route, *ordering.Resequencer) {
	r := b.route(name)
	if r == nil {
		return nil, nil
	}
	return r, r.face.resequencer()
}

// route finds a route; nil if there is none of that name.
func (b *Bridge) route(name string) *route {
	for _, r := range b.routes {
		if r.cfg.Name == name {
			return r
		}
	}
	return nil
}

func unknownRoute(name string) error {
	return &api.Error{Code: api.UnknownRoute, Message: fmt.Sprintf("there is no route %q", name)}
}

// notRunning refuses what only a running route can do.
func notRunning(state status.State, reason string) error {
	message := fmt.Sprintf("the route does not run, it is %s", state)
	if reason != "" {
		message += ": " + reason
	}
	return &api.Error{Code: api.NotRunning, Message: message, Hint: "try again when it runs"}
}
