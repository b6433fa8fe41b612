package policies

import (
	"errors"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/brokerbridge/bridge/ordering/spans"
)

// published is what somebody published.
type published struct{ got []*message.Message }

func (p *published) Publish(_ string, msgs ...*message.Message) error {
	p.got = append(p.got, msgs...)
	return nil
}

func (*published) Close() error { return nil }

// TestTriesAreFollowed: in a plain router each try is a span, which its handler
// finds, linked to the first; what is given up is sent in one, too.
func TestTriesAreFollowed(t *testing.T) {
	rec := tracetest.NewSpanRecorder()
	p := sdk.NewTracerProvider(sdk.WithSpanProcessor(rec))
	tracer := spans.New(p, spans.Flow{Source: spans.End{System: "kafka", Name: "orders"}, Target: spans.End{System: "kafka", Name: "dead"}})
	var dead published
	var found []trace.SpanID
	retry := Retry{Attempts: 3, Initial: time.Millisecond, Spans: tracer}
	h := DeadLetter{Publisher: &dead, Topic: "dead", Spans: tracer}.Middleware(retry.Middleware(func(m *message.Message) ([]*message.Message, error) {
		found = append(found, trace.SpanContextFromContext(m.Context()).SpanID())
		return nil, errors.New("no")
	}))
	if _, err := h(messages(1)[0]); err != nil {
		t.Fatal(err)
	}
	all := rec.Ended()
	if len(all) != 4 || len(found) != 3 {
		t.Fatalf("%d spans of %d tries", len(all), len(found))
	}
	for i, s := range all[:3] {
		linked := len(s.Links()) == 1 && s.Links()[0].SpanContext.SpanID() == found[0]
		if s.Name() != "process orders" || s.SpanContext().SpanID() != found[i] || s.Status().Code != codes.Error || linked != (i > 0) {
			t.Errorf("try %d: %s %v, links %v", i, s.Name(), s.Status(), s.Links())
		}
	}
	if s := all[3]; s.Name() != "send dead" || spans.Creation(dead.got[0].Metadata).SpanID() != s.SpanContext().SpanID() {
		t.Errorf("%s, and the dead letter has %v", s.Name(), dead.got[0].Metadata)
	}
}
