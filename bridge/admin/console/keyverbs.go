package console

import (
	"context"
	"strconv"
	"strings"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// keyVerbs are the changes of keys.
var keyVerbs = map[string]verb{
	"skip": aboutKey("Go on without revisions", "Skip", false,
		func(o order) []string { return keyCommand(o, "skip", "--to", o.About.Get("to")) },
		func(ctx context.Context, c *Console, o order, ch api.Change) (api.Outcome, error) {
			return c.cfg.API.Skip(ctx, o.Route, keyOf(o.About), ch)
		}),
	"release": aboutKey("Release the key", "Release", false,
		func(o order) []string {
			if o.About.Get("new_epoch") == "true" {
				return keyCommand(o, "release", "--new-epoch")
			}
			return keyCommand(o, "release")
		},
		func(ctx context.Context, c *Console, o order, ch api.Change) (api.Outcome, error) {
			ch.NewEpoch = o.About.Get("new_epoch") == "true"
			return c.cfg.API.Release(ctx, o.Route, keyOf(o.About), ch)
		}),
	"close": aboutKey("Close a skip", "Close", false,
		func(o order) []string { return keyCommand(o, "close", "--from", o.About.Get("from")) },
		func(ctx context.Context, c *Console, o order, ch api.Change) (api.Outcome, error) {
			return c.cfg.API.CloseSkip(ctx, o.Route, keyOf(o.About), ch)
		}),
	"purge": purge(),
}

// aboutKey is a change of one key. Afterwards its page shows how it stands.
func aboutKey(title, button string, danger bool, words func(order) []string,
	change func(context.Context, *Console, order, api.Change) (api.Outcome, error),
) verb {
	v := single(title, button, words, func(ctx context.Context, c *Console, o order, ch api.Change) (api.Outcome, error) {
		if err := keyChange(o, &ch); err != nil {
			return api.Outcome{}, err
		}
		return change(ctx, c, o, ch)
	})
	planned := v.plan
	v.danger = danger
	v.plan = func(ctx context.Context, c *Console, o order) (plan, error) {
		p, err := planned(ctx, c, o)
		p.Facts = append(p.Facts, fact{"Route", o.Route}, fact{"Key", keyText(keyOf(o.About))})
		return p, err
	}
	return leadingTo(v, func(o order) string { return keyPath(o.Route, keyOf(o.About)) })
}

// keyChange reads which revision and epoch of a key are meant.
func keyChange(o order, ch *api.Change) error {
	if keyOf(o.About) == "" {
		return &api.Error{Code: api.BadRequest, Message: "no key is named", Hint: "start from the page of the key"}
	}
	for _, name := range []string{"to", "from"} { // the API calls both to
		if text := o.About.Get(name); text != "" {
			n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
			if err != nil || n < 0 {
				return &api.Error{Code: api.BadRequest, Message: name + " must be a revision, a whole number", Hint: "go back and give one"}
			}
			ch.To = &n
		}
	}
	if text := o.About.Get("epoch"); text != "" {
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return &api.Error{Code: api.BadRequest, Message: "epoch must be a number", Hint: "start from the page of the key"}
		}
		epoch := uint32(n)
		ch.Epoch = &epoch
	}
	return nil
}

// keyCommand is the command of a change of a key. A key that looks like a flag comes
// last, behind what says that none follows.
func keyCommand(o order, verb string, flags ...string) []string {
	key := keyOf(o.About)
	flags = append([]string{"--route", o.Route}, flags...)
	if epoch := o.About.Get("epoch"); epoch != "" {
		flags = append(flags, "--epoch", epoch)
	}
	if strings.HasPrefix(key, "-") {
		return append(append([]string{"keys", verb}, flags...), "--", key)
	}
	return append([]string{"keys", verb, key}, flags...)
}

// purge is the one change of a key that nothing brings back: who asks for it types
// the key.
func purge() verb {
	v := aboutKey("Forget what is stored of the key", "Purge", true,
		func(o order) []string { return keyCommand(o, "purge") },
		func(ctx context.Context, c *Console, o order, ch api.Change) (api.Outcome, error) {
			ch.To, ch.Epoch = nil, nil
			return c.cfg.API.Purge(ctx, o.Route, keyOf(o.About), ch)
		})
	planned, done := v.plan, v.do
	v.role = "admin"
	v.fields = []field{{Name: "confirm", Label: "The key, once more", Kind: "text", Hint: "as it is shown above: this cannot be undone"}}
	v.plan = func(ctx context.Context, c *Console, o order) (plan, error) {
		p, err := planned(ctx, c, o)
		p.Warns = append(p.Warns, "This cannot be undone: bodies and headers of all stored messages of the key are removed.")
		return p, err
	}
	v.do = func(ctx context.Context, c *Console, o order) (says, next string, err error) {
		key, typed := keyOf(o.About), o.Form.Get("confirm")
		if typed != key && typed != keyText(key) {
			return "", "", &api.Error{Code: api.BadRequest, Message: "that is not the key: nothing was changed", Hint: "type it as it is shown"}
		}
		return done(ctx, c, o)
	}
	return v
}
