package ordering

import (
	"github.com/ThreeDotsLabs/watermill/message"
	"go.opentelemetry.io/otel/trace"

	"github.com/brokerbridge/bridge/ordering/spans"
	"github.com/brokerbridge/bridge/ordering/store"
)

// beginTry begins the span of a try.
func (l *loop) beginTry(it *item) {
	try := spans.Try{
		Revision: int64(it.id.Revision), Number: it.tries.Attempts + 1,
		Redriven: it.origin == fromDead || it.origin == fromLoose,
	}
	if log := it.tries.Log; log != nil && len(log.First) > 0 {
		first := log.First[0].Trace
		try.First = trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: first.ID, SpanID: first.Span, TraceFlags: trace.FlagsSampled, Remote: true,
		})
	}
	it.span = l.cfg.Spans.Process(it.msg, try)
	if it.first.acker != nil {
		it.first.link = l.cfg.Spans.Link(it.msg)
	}
}

// traced is the span of a try.
func (it *item) traced() store.Trace {
	c := it.span.Context()
	if !c.IsValid() {
		return store.Trace{}
	}
	return store.Trace{ID: c.TraceID(), Span: c.SpanID()}
}

// traits adds to a log line about a message where it is found elsewhere: by its
// trace, and by its correlation id.
func (l *loop) traits(it *item, line ...any) []any {
	of := it.traced()
	if of == (store.Trace{}) {
		if last, ok := it.tries.Log.Latest(); ok {
			of = last.Trace
		}
	}
	if c := spans.Creation(it.msg.Metadata); of == (store.Trace{}) && c.IsValid() {
		of = store.Trace{ID: c.TraceID(), Span: c.SpanID()}
	}
	if of != (store.Trace{}) {
		line = append(line, "trace_id", of.String(), "span_id", of.SpanString())
	}
	if id := l.correlation(it.msg); id != "" {
		line = append(line, "correlation_id", logged(id))
	}
	return line
}

func (l *loop) correlation(m *message.Message) string {
	if l.cfg.Correlation != nil {
		if id := l.cfg.Correlation(m); id != "" {
			return id
		}
	}
	return correlation(m.Metadata)
}
