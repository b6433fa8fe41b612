package main

import (
	"context"
	"fmt"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

func (p played) Archive(_ context.Context, _, id string, c api.Change) (api.Outcome, error) {
	return p.answer(c, id, "archives "+id)
}

func (p played) Restore(_ context.Context, _, id string, c api.Change) (api.Outcome, error) {
	if id != "d1" {
		return api.Outcome{}, &api.Error{Code: api.UnknownArchived, Message: "this is not in the archive of the route"}
	}
	return p.answer(c, id, "restores "+id)
}

func (p played) Edit(_ context.Context, _, id string, e api.Edit) (api.Outcome, error) {
	if string(e.Body.Raw()) == "refused\n" && !e.Raw {
		return api.Outcome{}, &api.Error{Code: api.EditRefused, Message: "the body was JSON and would not be any more"}
	}
	text := fmt.Sprintf("edits %s to %q", id, e.Body.Raw())
	for _, h := range e.Headers {
		text += fmt.Sprintf(" %q=%q", h.Name, h.Value.Raw())
	}
	return p.answer(api.Change{Reason: e.Reason, DryRun: e.DryRun}, id, text)
}

// Import has d1 and d2 already.
func (p played) Import(_ context.Context, _ string, q api.Import) (o api.Outcome, err error) {
	for _, l := range q.Letters {
		if l.ID == "refused" {
			return o, &api.Error{Code: api.BadRequest, Message: "it cannot be done\x1b[2J"}
		}
		if l.ID != "d1" && l.ID != "d2" {
			o.DeadLetters = append(o.DeadLetters, l.ID)
		}
	}
	return o, nil
}

func (p played) CloseSkip(_ context.Context, _, key string, c api.Change) (api.Outcome, error) {
	return p.answer(c, key, fmt.Sprintf("closes %d of %q, epoch said: %t", *c.To, key, c.Epoch != nil))
}

func (p played) Purge(_ context.Context, _, key string, c api.Change) (api.Outcome, error) {
	return p.answer(c, key, fmt.Sprintf("purges %q", key))
}

// The operation o1 of orders is done, o2 has stopped.
func playedOperation(route, id string) (api.Operation, error) {
	op := api.Operation{
		ID: id, Route: route, Action: "redrive", State: "done", By: "ann", Reason: "the schema is fixed", Began: noon, Changed: noon,
		Selection: api.Selection{Group: "f1"}, Total: 1200, Done: 1200,
	}
	switch {
	case route == "orders" && id == "o1":
		op.Ended = noon.Add(90 * 1e9)
	case route == "orders" && id == "o2":
		op.State, op.Why, op.Done, op.Failed, op.Left = "stopped", "the canary failed: \x1b[2J", 8, 2, 1190
	default:
		return op, &api.Error{Code: api.UnknownOperation, Message: "the route has no such operation"}
	}
	return op, nil
}

// PlanOperation finds dead letters on the route orders only.
func (played) PlanOperation(_ context.Context, route string, q api.Request) (api.Plan, error) {
	if route != "orders" {
		return api.Plan{Says: "nothing"}, nil
	}
	return api.Plan{Messages: 1200, Says: q.Action + "s 1200 dead letters \x1b[2J", TakesSeconds: int64(q.Rate)}, nil
}

func (played) StartOperation(_ context.Context, route string, q api.Request) (api.Operation, error) {
	id := "o1"
	if q.Canary > 0 {
		id = "o2"
	}
	op, err := playedOperation(route, id)
	op.Action, op.Reason, op.By = q.Action, q.Reason, q.By
	return op, err
}

func (played) Operations(_ context.Context, route string) (all []api.Operation, err error) {
	for _, id := range []string{"o1", "o2"} {
		if op, err := playedOperation(route, id); err == nil {
			all = append(all, op)
		}
	}
	return all, nil
}

func (played) Operation(_ context.Context, route, id string) (api.Operation, error) {
	return playedOperation(route, id)
}

func (played) turned(route, id, state string, c api.Change) (api.Operation, error) {
	op, err := playedOperation(route, id)
	op.State, op.Why = state, c.Reason
	return op, err
}

func (p played) PauseOperation(_ context.Context, route, id string, c api.Change) (api.Operation, error) {
	return p.turned(route, id, "paused", c)
}

func (p played) ResumeOperation(_ context.Context, route, id string, c api.Change) (api.Operation, error) {
	return p.turned(route, id, "running", c)
}

func (p played) CancelOperation(_ context.Context, route, id string, c api.Change) (api.Operation, error) {
	return p.turned(route, id, "cancelled", c)
}
