package bridge

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/tries"
	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/lane"
	"github.com/brokerbridge/bridge/ordering/store"
)

// Archive puts a dead letter away, where it can be restored.
func (b *Bridge) Archive(ctx context.Context, name, id string, c api.Change) (api.Outcome, error) {
	return b.operate(name, c, api.UnknownDeadLetter, func(seq *ordering.Resequencer, op ordering.Operation) (ordering.Outcome, error) {
		return seq.Archive(ctx, id, op)
	})
}

// Restore makes an archived dead letter one again.
func (b *Bridge) Restore(ctx context.Context, name, id string, c api.Change) (api.Outcome, error) {
	return b.operate(name, c, api.UnknownArchived, func(seq *ordering.Resequencer, op ordering.Operation) (ordering.Outcome, error) {
		return seq.Restore(ctx, id, op)
	})
}

// CloseSkip says that somebody has seen to a skipped range, which begins at c.To.
func (b *Bridge) CloseSkip(ctx context.Context, name, key string, c api.Change) (api.Outcome, error) {
	return b.operate(name, c, api.UnknownKey, func(seq *ordering.Resequencer, op ordering.Operation) (ordering.Outcome, error) {
		return seq.Close(ctx, key, epoch(c), lane.Revision(*c.To), op)
	})
}

// Purge forgets the content of all stored messages of a key, and has the store
// free what it took, as far as that can be done at once.
func (b *Bridge) Purge(ctx context.Context, name, key string, c api.Change) (api.Outcome, error) {
	out, err := b.operate(name, c, api.UnknownKey, func(seq *ordering.Resequencer, op ordering.Operation) (ordering.Outcome, error) {
		return seq.Purge(ctx, key, op)
	})
	s, ok := b.store.(interface {
		Compact(ctx context.Context, route, key string) error
	})
	if err != nil || !out.Done || !ok {
		return out, err
	}
	if err := s.Compact(ctx, name, key); err != nil {
		b.log.Warn("a key was purged; its bytes leave the disk when the store rewrites its files", "route", name, "error", err)
	}
	return out, nil
}

// Edit gives a dead letter other content, where the route allows that.
func (b *Bridge) Edit(ctx context.Context, name, id string, e api.Edit) (api.Outcome, error) {
	r, ok := b.file.Route(name)
	if !ok {
		return api.Outcome{}, unknownRoute(name)
	}
	if !r.DeadLetter.Edit {
		return api.Outcome{}, &api.Error{
			Code: api.EditOff, Message: "this route does not allow dead letters to be edited",
			Hint: "set dead_letter: { edit: true } in the topology file and restart, or have the sender send what is right",
		}
	}
	if err := b.stillJSON(ctx, name, id, &e); err != nil {
		return api.Outcome{}, err
	}
	to := ordering.Content{Metadata: metadata(e.Headers), Payload: payload(e.Body)}
	c := api.Change{Reason: e.Reason, By: e.By, DryRun: e.DryRun}
	return b.operate(name, c, api.UnknownDeadLetter, func(seq *ordering.Resequencer, op ordering.Operation) (ordering.Outcome, error) {
		return seq.Edit(ctx, id, to, op)
	})
}

// stillJSON refuses to make a body no JSON that is.
func (b *Bridge) stillJSON(ctx context.Context, route, id string, e *api.Edit) error {
	if e.Raw || json.Valid(e.Body.Raw()) {
		return nil
	}
	d, err := b.store.DeadLetter(ctx, route, id)
	if err != nil || !json.Valid(d.Payload) { // if it is not there, the edit says so
		return nil //nolint:nilerr // see above
	}
	return &api.Error{Code: api.EditRefused, Message: "the body was JSON and would not be any more", Hint: "raw: true edits it all the same"}
}

// Import adds dead letters from elsewhere.
func (b *Bridge) Import(ctx context.Context, name string, q api.Import) (api.Outcome, error) {
	letters := make([]store.DeadLetter, len(q.Letters))
	for i := range q.Letters {
		d, err := letterOf(&q.Letters[i])
		if err != nil {
			return api.Outcome{}, &api.Error{Code: api.BadRequest, Message: fmt.Sprintf("letter %d: %v", i, err)}
		}
		letters[i] = d
	}
	c := api.Change{Reason: q.Reason, By: q.By, DryRun: q.DryRun}
	return b.operate(name, c, api.UnknownDeadLetter, func(seq *ordering.Resequencer, op ordering.Operation) (ordering.Outcome, error) {
		return seq.Import(ctx, letters, op)
	})
}

// letterOf is a dead letter as it was exported.
func letterOf(l *api.Letter) (store.DeadLetter, error) {
	switch {
	case l.ID == "":
		return store.DeadLetter{}, fmt.Errorf("it has no id")
	case l.Bodiless:
		return store.DeadLetter{}, fmt.Errorf("it is no message but a gap")
	case l.Body.Truncated:
		return store.DeadLetter{}, fmt.Errorf("its body was cut off: export it again")
	}
	for i := range l.Headers {
		if l.Headers[i].Value.Truncated {
			return store.DeadLetter{}, fmt.Errorf("header %q was cut off: export it again", l.Headers[i].Name)
		}
	}
	d := store.DeadLetter{
		ID: l.ID, Key: l.Raw(), Epoch: l.Epoch, Reason: l.Reason, Target: l.Target, At: l.At,
		Message: store.Message{
			ID: l.RawID(), Metadata: metadata(l.Headers), Payload: payload(l.Body),
			Tries: store.Tries{
				Attempts: l.Attempts, FirstFailed: l.FirstFailed, LastFailed: l.LastFailed, Class: l.Class, Error: l.Error,
				Log: tries.Log(l),
			},
		},
	}
	if l.Revision != nil {
		d.Rev = lane.Revision(*l.Revision)
	}
	return d, nil
}

func metadata(headers []api.Header) map[string]string {
	m := make(map[string]string, len(headers))
	for _, h := range headers {
		m[h.RawName()] = string(h.Value.Raw())
	}
	return m
}

// payload is a body: null is not empty.
func payload(b api.Bytes) []byte {
	switch {
	case b.Null:
		return nil
	case b.Text == nil && b.Base64 == nil:
		return []byte{}
	}
	return b.Raw()
}
