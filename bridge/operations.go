package bridge

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/bulk"
	"github.com/brokerbridge/bridge/ordering/store"
)

// Operations on many dead letters are run by a part of their route, which goes on
// with them after each start.

// newOffice is the runner of a route's operations.
func newOffice(b *Bridge, r *route) *bulk.Runner {
	return bulk.New(bulk.Config{Route: r.cfg.Name, Store: b.store, Logger: b.log, Resequencer: r.face.resequencer})
}

// operate has the operations of a route run until ctx ends.
func (r *route) operate(ctx context.Context) {
	if err := r.office.Run(ctx); err != nil {
		r.log.Error("the operations of the route do not run", "error", err)
	}
}

// resequencer is the one of the last run; nil before the first.
func (f *face) resequencer() *ordering.Resequencer {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seq
}

// of finds the runner of a route.
func (b *Bridge) of(name string) (*bulk.Runner, error) {
	if r := b.route(name); r != nil {
		return r.office, nil
	}
	return nil, unknownRoute(name)
}

// PlanOperation says what an operation would do.
func (b *Bridge) PlanOperation(ctx context.Context, route string, q api.Request) (api.Plan, error) {
	run, err := b.of(route)
	if err != nil {
		return api.Plan{}, err
	}
	p, err := run.Plan(ctx, request(q))
	if err != nil {
		return api.Plan{}, b.refusedOperation(route, err)
	}
	return planOf(q, p), nil
}

// StartOperation begins an operation.
func (b *Bridge) StartOperation(ctx context.Context, route string, q api.Request) (api.Operation, error) {
	run, err := b.of(route)
	if err != nil {
		return api.Operation{}, err
	}
	op, err := run.Start(ctx, request(q))
	if err != nil {
		return api.Operation{}, b.refusedOperation(route, err)
	}
	return operationOf(bulk.Progress{Operation: op}), nil
}

// Operations lists the operations of a route, the oldest first.
func (b *Bridge) Operations(ctx context.Context, route string) ([]api.Operation, error) {
	run, err := b.of(route)
	if err != nil {
		return nil, err
	}
	all, err := run.List(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]api.Operation, len(all))
	for i, p := range all {
		out[i] = operationOf(p)
	}
	return out, nil
}

// OperationStates is how many operations of a route are in each state.
func (b *Bridge) OperationStates(ctx context.Context, route string) (map[string]int64, error) {
	run, err := b.of(route)
	if err != nil {
		return nil, err
	}
	all, err := run.States(ctx)
	if err != nil {
		return nil, err
	}
	states := map[string]int64{}
	for state, n := range all {
		states[string(state)] = n
	}
	return states, nil
}

// Operation returns one operation.
func (b *Bridge) Operation(ctx context.Context, route, id string) (api.Operation, error) {
	return b.tellOperation(route, func(run *bulk.Runner) (bulk.Progress, error) { return run.Get(ctx, id) })
}

// PauseOperation has an operation send nothing more for now.
func (b *Bridge) PauseOperation(ctx context.Context, route, id string, c api.Change) (api.Operation, error) {
	return b.tellOperation(route, func(run *bulk.Runner) (bulk.Progress, error) { return run.Pause(ctx, id, c.By, c.Reason) })
}

// ResumeOperation has an operation go on.
func (b *Bridge) ResumeOperation(ctx context.Context, route, id string, c api.Change) (api.Operation, error) {
	return b.tellOperation(route, func(run *bulk.Runner) (bulk.Progress, error) { return run.Resume(ctx, id, c.By, c.Reason) })
}

// CancelOperation ends an operation.
func (b *Bridge) CancelOperation(ctx context.Context, route, id string, c api.Change) (api.Operation, error) {
	return b.tellOperation(route, func(run *bulk.Runner) (bulk.Progress, error) { return run.Cancel(ctx, id, c.By, c.Reason) })
}

func (b *Bridge) tellOperation(route string, do func(*bulk.Runner) (bulk.Progress, error)) (api.Operation, error) {
	run, err := b.of(route)
	if err != nil {
		return api.Operation{}, err
	}
	p, err := do(run)
	if err != nil {
		return api.Operation{}, b.refusedOperation(route, err)
	}
	return operationOf(p), nil
}

// refusedOperation is an error of a runner for its caller.
func (b *Bridge) refusedOperation(route string, err error) error {
	message := said(err.Error())
	switch {
	case errors.Is(err, store.ErrNotFound):
		return &api.Error{Code: api.UnknownOperation, Message: message, Hint: "GET /api/v1/routes/" + route + "/operations lists them"}
	case errors.Is(err, bulk.ErrRequest), errors.Is(err, ordering.ErrReason):
		return &api.Error{Code: api.BadRequest, Message: message}
	case errors.Is(err, bulk.ErrOver):
		return &api.Error{Code: api.OperationOver, Message: message, Hint: "start another one"}
	case errors.Is(err, bulk.ErrNotRunning), errors.Is(err, bulk.ErrClosed),
		errors.Is(err, ordering.ErrStopped), errors.Is(err, ordering.ErrNotRunning):
		return &api.Error{Code: api.NotRunning, Message: message, Hint: "try again when the route runs"}
	}
	return err
}

// request is an operation as the runner takes it.
func request(q api.Request) bulk.Request {
	s := store.Selection{
		IDs: q.Selection.IDs, Key: q.Selection.Key, Fingerprint: q.Selection.Group,
		Reason: q.Selection.Reason, Since: q.Selection.Since, Until: q.Selection.Until,
	}
	if q.Selection.KeyBase64 != nil {
		s.Key = string(q.Selection.KeyBase64)
	}
	return bulk.Request{
		Action: ordering.Act(q.Action), Selection: s, By: q.By, Reason: q.Reason,
		OutOfOrder: q.OutOfOrder, Rate: q.Rate, Canary: q.Canary, StopAt: q.StopAt,
	}
}

func operationOf(p bulk.Progress) api.Operation {
	s := p.Selection
	key := api.NewKeyName(s.Key)
	return api.Operation{
		ID: p.ID, Route: p.Route, Action: p.Action, State: string(p.State), Why: p.Why,
		Selection: api.Selection{IDs: s.IDs, Key: key.Text, KeyBase64: key.Base64, Group: s.Fingerprint, Reason: s.Reason, Since: s.Since, Until: s.Until},
		By:        p.By, Reason: p.Reason, OutOfOrder: p.OutOfOrder, Rate: p.Rate, Canary: p.Canary, StopAt: p.StopAt,
		Began: p.Began, Changed: p.Changed, Ended: p.Ended,
		Total: p.Total, Done: p.Done, Failed: p.Failed, Refused: p.Refused, Gone: p.Gone,
		Left: p.Operation.Left(), UnderWay: p.UnderWay, Refusal: p.Refusal,
		Speed: p.Speed, LeftSeconds: int64(math.Ceil(p.Left.Seconds())), New: p.New,
	}
}

func planOf(q api.Request, p bulk.Plan) api.Plan {
	p.Refusal = said(p.Refusal)
	out := api.Plan{
		Messages: p.Messages, Keys: p.Keys, MoreKeys: p.MoreKeys, Looked: p.Looked,
		InOrder: p.Blocked, ParkedBehind: p.Parked, Arrive: p.Arrive, OutOfOrder: p.Beside,
		Refused: p.Refused, Refusal: p.Refusal, TakesSeconds: int64(math.Ceil(p.Takes.Seconds())),
	}
	out.Says = says(q.Action, &p)
	return out
}

// waitedFor says of messages that their keys wait for them, and what follows.
func waitedFor(n, parked int64) string {
	text := "that their keys wait for"
	if n == 1 {
		text = "that its key waits for"
	}
	if parked == 0 {
		return text
	}
	return text + ", followed in order by " + several(parked, "parked message", "parked messages")
}

func several(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// says is a plan in words.
func says(action string, p *bulk.Plan) string {
	var parts []string
	part := func(n int64, text string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, text))
		}
	}
	part(p.Blocked, waitedFor(p.Blocked, p.Parked))
	if action == string(ordering.ActRedrive) {
		part(p.Arrive, "for which nothing waits, like messages of the source")
	} else {
		part(p.Arrive, "for which nothing waits")
	}
	part(p.Beside, "out of order")
	part(p.Refused, "would stay, because they cannot go: "+p.Refusal)
	text := fmt.Sprintf("%ss %s", action, several(p.Messages, "dead letter", "dead letters"))
	if len(parts) == 0 {
		return text
	}
	if p.Looked < p.Messages {
		return fmt.Sprintf("%s; of the first %d: %s", text, p.Looked, strings.Join(parts, "; "))
	}
	return text + ": " + strings.Join(parts, "; ")
}
