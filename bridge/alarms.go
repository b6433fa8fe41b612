package bridge

import (
	"context"
	"slices"

	"github.com/brokerbridge/bridge/bridge/alarm"
	"github.com/brokerbridge/bridge/bridge/config"
	"github.com/brokerbridge/bridge/bridge/events"
)

// hooks are the webhooks of a bridge. Routes that name the same one share it, and
// its rate.
type hooks map[hookID]*alarm.Hook

type hookID struct {
	url, bearer string
	perMinute   int
}

// start has them called and returns what ends that, behind the last alarm.
func (all hooks) start(ctx context.Context) (stop func()) {
	var parts []func(context.Context)
	for _, h := range all {
		parts = append(parts, h.Run)
	}
	return background(context.WithoutCancel(ctx), parts...)
}

// hook returns the hook of a webhook.
func (b *Bridge) hook(w *config.Webhook) *alarm.Hook {
	id := hookID{w.URL.Reveal(), w.Bearer.Reveal(), w.PerMinute}
	if b.hooks[id] == nil {
		b.hooks[id] = alarm.NewHook(*w, b.log)
	}
	return b.hooks[id]
}

// newWatch returns what raises the alarms of a route.
func newWatch(b *Bridge, r *route) *alarm.Watch {
	var told []*alarm.Hook
	for _, w := range []*config.Webhook{r.cfg.Alarms.Webhook, r.cfg.Owner.Webhook} {
		if w != nil && !r.cfg.Alarms.Off && !slices.Contains(told, b.hook(w)) {
			told = append(told, b.hook(w))
		}
	}
	return alarm.New(alarm.Config{
		Route: r.cfg.Name, Owner: r.cfg.Owner.Name, Source: events.Source(b.store.ID(), r.cfg.Name),
		Limits: r.cfg.Alarms, Store: b.store, Events: r.outbox != nil, Hooks: told, Log: r.log,
		Quarantined: r.quarantined,
	})
}

// quarantined is how many keys of the route wait for a person.
func (r *route) quarantined(ctx context.Context) int64 {
	keys := r.face.counts(ctx, r.face.resequencer()).Keys
	return keys["quarantined"] + keys["gap_blocked"]
}
