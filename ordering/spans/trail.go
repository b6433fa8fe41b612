package spans

import (
	"context"
	"sync/atomic"

	"github.com/ThreeDotsLabs/watermill/message"
	"go.opentelemetry.io/otel/trace"
)

// Trail is what is known of a message's spans, and the context of the message while
// it is on its way: what is asked of it is answered by the try under way. There is
// one for a message, however often it is tried, so that contexts do not pile up.
type Trail struct {
	context.Context // as the message came
	source          *Source
	creation        trace.SpanContext
	try             atomic.Pointer[tried]
}

// tried is the context of a try.
type tried struct {
	context.Context
	of trace.SpanContext
}

type trailKey struct{}

// Value answers for the try under way.
func (r *Trail) Value(key any) any {
	if key == (trailKey{}) {
		return r
	}
	if t := r.try.Load(); t != nil {
		return t.Context.Value(key)
	}
	return r.Context.Value(key)
}

// trailOf is the trail of a message, which it is given if it has none.
func (s *Source) trailOf(m *message.Message) *Trail {
	if r, ok := m.Context().Value(trailKey{}).(*Trail); ok {
		return r
	}
	r := &Trail{Context: m.Context(), source: s, creation: Creation(m.Metadata)}
	m.SetContext(r)
	return r
}

// Link is the context by which a settle span names a message: that of its last try,
// else that of its creation; nil: it has none.
func (t *Tracer) Link(m *message.Message) *trace.SpanContext {
	if t == nil {
		return nil
	}
	r := t.source.trailOf(m)
	of := r.creation
	if tried := r.try.Load(); tried != nil {
		of = tried.of
	}
	if !of.IsValid() {
		return nil
	}
	return &of
}
