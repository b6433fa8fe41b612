package e2e

import (
	"cmp"
	"fmt"
	"time"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// Begin starts an operation on the dead letters of a route, for a test if it does not
// say why.
func (b *Bridge) Begin(route string, q api.Request) api.Operation {
	b.t.Helper()
	q.Reason = cmp.Or(q.Reason, "a test")
	begun, err := b.client().Begin(b.t.Context(), route, q)
	if err != nil {
		b.t.Fatalf("begin to %s: %v", q.Action, err)
	}
	return *begun.Operation
}

// Archive puts a dead letter away.
func (b *Bridge) Archive(route, id string, ch api.Change) {
	b.t.Helper()
	if _, err := b.client().Archive(b.t.Context(), route, id, ch); err != nil {
		b.t.Fatalf("archive %s: %v", id, err)
	}
}

// AwaitOperation waits for a state of an operation, and while the bridge does not
// answer.
func (b *Bridge) AwaitOperation(route, id, state string, within time.Duration) (op api.Operation) {
	b.t.Helper()
	c := b.client()
	b.Await("operation "+id+" to be "+state, within, func() (string, bool) {
		var err error
		op, err = c.Operation(b.t.Context(), route, id)
		return fmt.Sprintf("%s: %d done, %d failed, %d refused, %d gone, %d left, %v", op.State, op.Done, op.Failed, op.Refused, op.Gone, op.Left, err),
			err == nil && op.State == state
	})
	return op
}

// Groups are the dead letters of a route by their cause, those with most parked
// behind them first.
func (b *Bridge) Groups(route string) (all []api.Group) {
	b.t.Helper()
	for g, err := range b.client().Groups(b.t.Context(), route, "") {
		if err != nil {
			b.t.Fatalf("list the groups: %v", err)
		}
		all = append(all, g)
	}
	return all
}
