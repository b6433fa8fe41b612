package spans

import (
	"context"
	"errors"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Try is what is known of a message before it is tried.
type Try struct {
	Revision int64             // 0: none
	Number   int               // from 1
	Redriven bool              // it was a dead letter
	First    trace.SpanContext // of its first try, if that failed
}

// Process is a span that is under way. A nil one does nothing.
type Process struct{ span trace.Span }

// Process begins a try of a message: whoever handles it finds the span in its
// context.
func (t *Tracer) Process(m *message.Message, try Try) *Process {
	if t == nil {
		return nil
	}
	r := t.source.trailOf(m)
	ctx := withBaggage(r.Context, m.Metadata)
	var links []trace.Link
	if r.creation.IsValid() {
		links = append(links, trace.Link{SpanContext: r.creation})
		if !trace.SpanContextFromContext(ctx).IsValid() {
			ctx = trace.ContextWithRemoteSpanContext(ctx, r.creation)
		}
	}
	if try.First.IsValid() {
		links = append(links, trace.Link{SpanContext: try.First, Attributes: []attribute.KeyValue{attribute.String("bridge.link", "first_try")}})
	}
	from := topicOf(r.source, m)
	ctx, span := t.tracer.Start(ctx, spanName("process", text(from)),
		trace.WithSpanKind(trace.SpanKindConsumer), trace.WithLinks(links...), trace.WithAttributes(r.source.process...))
	if span.IsRecording() {
		span.SetAttributes(destination(from)...)
		span.SetAttributes(t.about(m)...)
		span.SetAttributes(try.attributes()...)
	}
	r.try.Store(&tried{ctx, span.SpanContext()})
	return &Process{span}
}

func (t Try) attributes() (kvs []attribute.KeyValue) {
	if t.Revision > 0 {
		kvs = append(kvs, attribute.Int64("bridge.revision", t.Revision))
	}
	if t.Number > 1 {
		kvs = append(kvs, attribute.Int("bridge.attempt", t.Number))
	}
	if t.Redriven {
		kvs = append(kvs, attribute.Bool("bridge.redriven", true))
	}
	return kvs
}

// Context is that of the span, if it is recorded.
func (p *Process) Context() trace.SpanContext {
	if p == nil || !p.span.SpanContext().IsSampled() {
		return trace.SpanContext{}
	}
	return p.span.SpanContext()
}

// Done ends the span of a message that was delivered.
func (p *Process) Done() {
	if p != nil {
		p.span.End()
	}
}

// Failed ends the span of one that was not, with the class of the failure and its
// text. What a breaker did not let through (an error that says Untried) was no try,
// and is not told of.
func (p *Process) Failed(class string, err error) {
	if p == nil || wentNowhere(err) {
		return
	}
	fail(p.span, class, err.Error())
	p.span.End()
}

func wentNowhere(err error) bool {
	var u interface{ Untried() bool }
	return errors.As(err, &u) && u.Untried()
}

// Tries are those of somebody who tries a message several times in one call.
type Tries struct {
	tracer *Tracer
	first  trace.SpanContext
}

// Tries begins them; nil where somebody follows the message already, as a Resequencer
// in front does.
func (t *Tracer) Tries(m *message.Message) *Tries {
	if t == nil || m.Context().Value(trailKey{}) != nil {
		return nil
	}
	return &Tries{tracer: t}
}

// Begin begins one of them, by its number from 1.
func (s *Tries) Begin(m *message.Message, number int) *Process {
	if s == nil {
		return nil
	}
	p := s.tracer.Process(m, Try{Number: number, First: s.first})
	if !s.first.IsValid() {
		s.first = p.Context()
	}
	return p
}

// maxError bounds the text of an error in a span.
const maxError = 2048

func fail(span trace.Span, class, why string) {
	if span.IsRecording() {
		span.SetAttributes(semconv.ErrorTypeKey.String(class))
		span.SetStatus(codes.Error, bounded(why, maxError))
	}
}

// Receive tells of messages that came together, and has them remember where from.
func (s *Source) Receive(msgs []*message.Message) {
	if s == nil {
		return
	}
	var links []trace.Link
	for _, m := range msgs {
		if r := s.trailOf(m); r.creation.IsValid() && len(links) < mostLinks {
			links = append(links, trace.Link{SpanContext: r.creation})
		}
	}
	s.batch("receive", s.receive, len(msgs), links, time.Now())
}

// Settle tells of messages of which the source was told that they are done. Links
// are theirs ([Tracer.Link]), of n messages.
func (t *Tracer) Settle(n int, links []*trace.SpanContext, began time.Time) {
	if t == nil {
		return
	}
	var named []trace.Link
	for _, link := range links {
		if link != nil && len(named) < mostLinks {
			named = append(named, trace.Link{SpanContext: *link})
		}
	}
	t.source.batch("settle", t.source.settle, n, named, began)
}

// batch is a span about messages, which is over.
func (s *Source) batch(operation string, kvs []attribute.KeyValue, n int, links []trace.Link, began time.Time) {
	_, span := s.tracer.tracer.Start(context.Background(), spanName(operation, text(s.name)), trace.WithSpanKind(trace.SpanKindClient),
		trace.WithTimestamp(began), trace.WithLinks(links...), trace.WithAttributes(kvs...))
	if span.IsRecording() {
		span.SetAttributes(destination(s.name)...)
		span.SetAttributes(semconv.MessagingBatchMessageCount(n))
	}
	span.End()
}
