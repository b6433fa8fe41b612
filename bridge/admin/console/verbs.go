package console

import (
	"context"
	"maps"

	"github.com/brokerbridge/bridge/bridge/admin/api"
)

// verbs are the changes that can be made, by their name in an address.
var verbs = joined(routeVerbs, letterVerbs, operationVerbs, keyVerbs)

func joined(all ...map[string]verb) map[string]verb {
	out := map[string]verb{}
	for _, some := range all {
		maps.Copy(out, some)
	}
	return out
}

// routeVerbs are changes of a whole route.
var routeVerbs = map[string]verb{
	"pause": single("Pause the route", "Pause", func(o order) []string { return []string{"routes", "pause", o.Route} },
		func(ctx context.Context, c *Console, o order, ch api.Change) (api.Outcome, error) {
			return c.cfg.API.Pause(ctx, o.Route, ch)
		}),
	"resume": single("Resume the route", "Resume", func(o order) []string { return []string{"routes", "resume", o.Route} },
		func(ctx context.Context, c *Console, o order, ch api.Change) (api.Outcome, error) {
			return c.cfg.API.Resume(ctx, o.Route, ch)
		}),
	"accept-offset": single("Resume, and take the offsets as they are", "Take the offsets as they are",
		func(o order) []string { return []string{"routes", "resume", o.Route, "--accept-offset"} },
		func(ctx context.Context, c *Console, o order, ch api.Change) (api.Outcome, error) {
			ch.AcceptOffset = true
			return c.cfg.API.Resume(ctx, o.Route, ch)
		}),
}

// single is a change of one thing: the API says in a dry run what it would do.
func single(title, button string, words func(order) []string,
	change func(context.Context, *Console, order, api.Change) (api.Outcome, error),
) verb {
	return verb{
		title: title, button: button, command: words,
		plan: func(ctx context.Context, c *Console, o order) (plan, error) {
			out, err := change(ctx, c, o, o.change(true))
			return plan{Says: out.Says}, err
		},
		do: func(ctx context.Context, c *Console, o order) (says, next string, err error) {
			out, err := change(ctx, c, o, o.change(false))
			return out.Says, string(routePage(o.Route)), err
		},
	}
}
