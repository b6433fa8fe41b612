package spans_test

import (
	"testing"
	"unicode/utf8"

	"github.com/ThreeDotsLabs/watermill/message"
	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/brokerbridge/bridge/ordering/spans"
)

// FuzzHeaders: no headers stop a message, change it, or get text into a span that a
// backend would refuse.
func FuzzHeaders(f *testing.F) {
	f.Add("id", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "a=b", "c=d")
	f.Add("\xff", "00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01", "\xff", "=")
	f.Add("", "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-later", ",", ";;")
	f.Fuzz(func(t *testing.T, id, parent, state, baggage string) {
		rec := tracetest.NewSpanRecorder()
		tracer := spans.New(sdk.NewTracerProvider(sdk.WithSpanProcessor(rec)), spans.Flow{Describe: func(m *message.Message) []attribute.KeyValue {
			return []attribute.KeyValue{attribute.String("key", m.Metadata["traceparent"])}
		}})
		m := message.NewMessage(id, nil)
		m.Metadata["traceparent"], m.Metadata["tracestate"], m.Metadata["baggage"] = parent, state, baggage
		p := tracer.Process(m, spans.Try{Revision: 1, Number: 2})
		tracer.Send(func(msgs []*message.Message) []error {
			if md := msgs[0].Metadata; len(md) != 3 || md["traceparent"] != parent || md["tracestate"] != state || md["baggage"] != baggage {
				t.Errorf("%v", md)
			}
			return []error{nil}
		}, func(error) string { return "" })([]*message.Message{m})
		p.Done()
		if c := spans.Creation(m.Metadata); c.IsValid() && rec.Ended()[0].SpanContext().TraceID() != c.TraceID() && c.IsSampled() {
			t.Errorf("it is in another trace than %v", c)
		}
		for _, s := range rec.Ended() {
			for _, kv := range s.Attributes() {
				if v := kv.Value.AsString(); kv.Value.Type() == attribute.STRING && (!utf8.ValidString(v) || len(v) > 1024) {
					t.Errorf("%s: %d bytes, %q", kv.Key, len(v), v)
				}
			}
		}
	})
}
