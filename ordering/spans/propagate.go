package spans

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// The headers of a context.
const (
	headerParent  = "traceparent"
	headerState   = "tracestate"
	headerBaggage = "baggage"
)

// What is read of a header: more is no context, but an attack or a mistake.
const (
	maxParent  = 55 + 64 // a later version may say more
	maxState   = 8 << 10
	maxBaggage = 8 << 10
)

// Creation is the context in which a message was created, by its headers. It is not
// valid where they say none.
func Creation(headers map[string]string) trace.SpanContext {
	parent, ok := headers[headerParent]
	if !ok || len(parent) > maxParent {
		return trace.SpanContext{}
	}
	read := propagation.MapCarrier{headerParent: parent}
	if state := headers[headerState]; state != "" && len(state) <= maxState {
		read[headerState] = state
	}
	return trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), read))
}

// withBaggage is a context with what a message carries along for whoever handles it.
func withBaggage(ctx context.Context, headers map[string]string) context.Context {
	text := headers[headerBaggage]
	if text == "" || len(text) > maxBaggage {
		return ctx
	}
	b, err := baggage.Parse(text)
	if err != nil {
		return ctx
	}
	return baggage.ContextWithBaggage(ctx, b)
}

// hasContext reports whether a message says anything of a context. What it says is
// kept, whether it can be read or not.
func hasContext(headers map[string]string) bool {
	_, parent := headers[headerParent]
	_, state := headers[headerState]
	return parent || state
}

// maxText bounds what an attribute says of a message.
const maxText = 256

// text is a foreign text that any backend takes: short, and UTF-8.
func text(s string) string { return bounded(s, maxText) }

func bounded(s string, most int) string {
	if len(s) > most {
		s = s[:most]
	}
	return strings.ToValidUTF8(s, "�")
}
