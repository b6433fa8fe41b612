package spans_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"go.opentelemetry.io/otel/trace"

	"github.com/brokerbridge/bridge/ordering/spans"
)

// TestOffCostsNothing: without a provider there is no tracer, and none allocates,
// nor stands in the way of a batch.
func TestOffCostsNothing(t *testing.T) {
	off := spans.New(nil, spans.Flow{Route: "orders"})
	if off != nil {
		t.Fatal("there is a tracer")
	}
	msgs := []*message.Message{message.NewMessage("id", nil)}
	ctx := msgs[0].Context()
	from := off.From(spans.End{})
	var links []*trace.SpanContext
	if n := testing.AllocsPerRun(1000, func() {
		from.Receive(msgs)
		p := off.Process(msgs[0], spans.Try{})
		p.Done()
		p.Failed("transient", nil)
		off.Tries(msgs[0]).Begin(msgs[0], 1).Done()
		if off.Link(msgs[0]) != nil || p.Context().IsValid() {
			t.Fatal("there is a context")
		}
		off.Settle(0, links, time.Time{})
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	next := func([]*message.Message) []error { return nil }
	if reflect.ValueOf(off.Send(next, nil)).Pointer() != reflect.ValueOf(next).Pointer() {
		t.Error("something stands in front of what publishes")
	}
	if msgs[0].Context() != ctx || len(msgs[0].Metadata) != 0 {
		t.Error("the message changed")
	}
}
