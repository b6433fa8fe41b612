package main

import (
	"context"
	"fmt"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// played is an operator for the transcripts: it does what it is asked, but for
// ids and keys that are named after what it is to refuse.
type played struct{}

func (played) answer(c api.Change, name, says string) (api.Outcome, error) {
	switch name {
	case "d1":
	case api.Passed, api.Refused, api.NotBlocked, api.KeyBusy, api.TooFar, api.Timeout:
		return api.Outcome{}, &api.Error{Code: name, Message: "it cannot be done\x1b[2J", Hint: "of the API"}
	case "d2":
		return api.Outcome{Action: "none", Says: "it is done already"}, nil
	}
	return api.Outcome{Done: !c.DryRun, Action: "played", KeyName: api.NewKeyName(name), Says: says + " by somebody: " + c.Reason}, nil
}

func (p played) Redrive(_ context.Context, _, id string, c api.Change) (api.Outcome, error) {
	if id == "d1" && !c.OutOfOrder && c.Reason == "passed" {
		id = api.Passed
	}
	return p.answer(c, id, "redrives "+id)
}

func (p played) Discard(_ context.Context, _, id string, c api.Change) (api.Outcome, error) {
	return p.answer(c, id, "discards "+id)
}

func (p played) Skip(_ context.Context, _, key string, c api.Change) (api.Outcome, error) {
	return p.answer(c, key, fmt.Sprintf("skips %q to %d in epoch %d", key, *c.To, *c.Epoch))
}

func (p played) Release(_ context.Context, _, key string, c api.Change) (api.Outcome, error) {
	return p.answer(c, key, fmt.Sprintf("releases %q, epoch %d, new %t", key, *c.Epoch, c.NewEpoch))
}

func (p played) Pause(_ context.Context, route string, c api.Change) (api.Outcome, error) {
	return p.answer(c, route, "pauses")
}

func (p played) Resume(_ context.Context, route string, c api.Change) (api.Outcome, error) {
	return p.answer(c, route, fmt.Sprintf("resumes, offsets accepted: %t", c.AcceptOffset))
}
