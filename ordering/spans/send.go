package spans

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/ThreeDotsLabs/watermill/message"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Batch handles several messages at once and returns an error for each.
type Batch = func(msgs []*message.Message) []error

// Send tells of each message that next publishes, with the class of the error by
// which it was not. A message that came without a context goes on, as a copy, with
// that of its span.
func (t *Tracer) Send(next Batch, classOf func(error) string) Batch {
	if t == nil {
		return next
	}
	return func(msgs []*message.Message) []error {
		out := slices.Clone(msgs)
		sends := make([]trace.Span, len(msgs))
		for i, m := range msgs {
			out[i], sends[i] = t.sending(m)
		}
		errs := errSent
		defer func() { // also where next panics
			for i, span := range sends {
				if err := errs(i); err != nil {
					fail(span, classOf(err), err.Error())
				}
				span.End()
			}
		}()
		answers := next(out)
		errs = func(i int) error {
			if i < len(answers) {
				return answers[i]
			}
			return errNoAnswer
		}
		return answers
	}
}

var errNoAnswer = errors.New("no answer")

func errSent(int) error { return errNoAnswer }

// sending begins to send a message, and returns what is sent.
func (t *Tracer) sending(m *message.Message) (*message.Message, trace.Span) {
	kind, links := trace.SpanKindProducer, []trace.Link(nil)
	found := hasContext(m.Metadata)
	if found {
		kind = trace.SpanKindClient
		if c := Creation(m.Metadata); c.IsValid() {
			links = []trace.Link{{SpanContext: c}}
		}
	}
	to := t.flow.Target.Name
	if t.flow.Destination != nil {
		if name := t.flow.Destination(m); name != "" {
			to = name
		}
	}
	ctx, span := t.tracer.Start(m.Context(), spanName("send", text(to)),
		trace.WithSpanKind(kind), trace.WithLinks(links...), trace.WithAttributes(t.send...))
	if span.IsRecording() {
		span.SetAttributes(destination(to)...)
		span.SetAttributes(t.about(m)...)
	}
	if found {
		return m, span
	}
	return carrying(ctx, m), span
}

// carrying is a message with the context of its span. The one that came stays as it
// is: it may be parked, or become a dead letter.
func carrying(ctx context.Context, m *message.Message) *message.Message {
	out := &message.Message{UUID: m.UUID, Payload: m.Payload, Metadata: make(message.Metadata, len(m.Metadata)+2)}
	maps.Copy(out.Metadata, m.Metadata)
	propagation.TraceContext{}.Inject(ctx, propagation.MapCarrier(out.Metadata))
	out.SetContext(m.Context())
	return out
}
