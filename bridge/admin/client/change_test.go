package client_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/client"
)

// echo is an operator that says what it was asked for, and refuses what is to be
// released.
type echo struct{}

func (echo) says(c api.Change, what ...any) (api.Outcome, error) {
	return api.Outcome{Done: true, Says: strings.TrimSpace(fmt.Sprintln(what...)) + " by " + c.By + ": " + c.Reason}, nil
}

func (e echo) Redrive(_ context.Context, route, id string, c api.Change) (api.Outcome, error) {
	return e.says(c, "redrive", route, fmt.Sprintf("%q", id), c.OutOfOrder)
}

func (e echo) Discard(_ context.Context, route, id string, c api.Change) (api.Outcome, error) {
	return e.says(c, "discard", route, fmt.Sprintf("%q", id))
}

func (e echo) Skip(_ context.Context, route, key string, c api.Change) (api.Outcome, error) {
	return e.says(c, "skip", route, fmt.Sprintf("%q", key), *c.To, *c.Epoch)
}

func (e echo) Release(_ context.Context, _, _ string, _ api.Change) (api.Outcome, error) {
	return api.Outcome{}, &api.Error{Code: api.NotBlocked, Message: "no"}
}

func (e echo) Pause(_ context.Context, route string, c api.Change) (api.Outcome, error) {
	return e.says(c, "pause", route)
}

func (e echo) Resume(_ context.Context, route string, c api.Change) (api.Outcome, error) {
	return e.says(c, "resume", route, c.AcceptOffset)
}

func TestChangesAreAskedFor(t *testing.T) {
	c, ctx, to := bridge(t), t.Context(), int64(9)
	ch := api.Change{Reason: "why", By: "ann", OutOfOrder: true, AcceptOffset: true, To: &to}
	for want, ask := range map[string]func() (api.Outcome, error){
		`redrive orders "../x" true`: func() (api.Outcome, error) { return c.Redrive(ctx, "orders", "../x", ch) },
		`discard orders "."`:         func() (api.Outcome, error) { return c.Discard(ctx, "orders", ".", ch) },
		`pause orders`:               func() (api.Outcome, error) { return c.Pause(ctx, "orders", ch) },
		`resume orders true`:         func() (api.Outcome, error) { return c.Resume(ctx, "orders", ch) },
	} {
		if out, err := ask(); err != nil || out.Says != want+" by ann: why" || !out.Done || out.Route != "orders" {
			t.Errorf("%+v %v, want %q", out, err, want)
		}
	}
	for _, key := range hostile {
		want := fmt.Sprintf("skip orders %q 9 0 by ann: why", key)
		if out, err := c.Skip(ctx, "orders", key, ch); err != nil || out.Says != want {
			t.Errorf("%q %v, want %q", out.Says, err, want)
		}
		e, err := c.Explain(ctx, "orders", key)
		if err != nil || e.Raw() != key || len(e.Epochs) != 1 || e.Epochs[0].DeadLetter == nil {
			t.Errorf("%q: %+v %v", key, e, err)
		}
	}
	_, err := c.Release(ctx, "orders", "plain", ch)
	if e, ok := errors.AsType[*api.Error](err); !ok || e.Code != api.NotBlocked {
		t.Error(err)
	}
}

func TestAuditsArePaged(t *testing.T) {
	c := bridge(t)
	for l, want := range map[client.AuditList]int{
		{}: 2 * many, {Last: 3}: 3, {Route: "orders", Key: hostile[5]}: many, {Route: "nowhere"}: 0,
	} {
		n, last := 0, uint64(0)
		for a, err := range c.Audits(t.Context(), l) {
			if err != nil || a.Seq <= last {
				t.Fatal(a.Seq, err)
			}
			n, last = n+1, a.Seq
		}
		if n != want || l.Last > 0 && last != 2*many {
			t.Errorf("%+v: %d up to %d, want %d", l, n, last, want)
		}
	}
}
