package admin

import (
	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/bridge/admin/tries"
	"github.com/brokerbridge/bridge/ordering/spans"
	"github.com/brokerbridge/bridge/ordering/store"
)

// tries shows what is kept of the tries of a message, and how many are not.
func (c *content) tries(l *store.TryLog) (shown []api.Try, omitted int) {
	for _, t := range l.All() {
		shown = append(shown, c.try(t))
	}
	if l != nil {
		omitted = l.Omitted
	}
	return shown, omitted
}

func (c *content) try(t store.Try) api.Try {
	shown := tries.Of(t)
	shown.Error = c.says(t.Error)
	return shown
}

// lastTry shows the last try of a message; nil: none is known.
func (c *content) lastTry(l *store.TryLog) *api.Try {
	t, ok := l.Latest()
	if !ok {
		return nil
	}
	shown := c.try(t)
	return &shown
}

// traceOf is the id of the trace that a message came with, else of that of its first
// try.
func traceOf(d *store.DeadLetter) string {
	if c := spans.Creation(d.Metadata); c.IsValid() {
		return c.TraceID().String()
	}
	for _, t := range d.Log.All() {
		if t.Trace != (store.Trace{}) {
			return t.Trace.String()
		}
	}
	return ""
}
