// Package spans follows messages through the bridge with OpenTelemetry, by its
// conventions for messaging: receive, process, send and settle.
//
// Each try of a message is a process span. Its parent is the context in which the
// message was created, if it came with one (the W3C headers traceparent and
// tracestate), to which it is linked, too; a later try, and one after a redrive, is
// linked to the first. A send span is its child. A context that a message came with
// is kept on its way; only a message without one is given that of its send span.
// Receive and settle are about many messages, and linked to them.
//
// A nil [*Tracer] does nothing, and costs nothing. What messages say of traces is
// foreign: what cannot be read is ignored, and never an error.
package spans
