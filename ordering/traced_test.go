package ordering_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/brokerbridge/bridge/ordering"
	"github.com/brokerbridge/bridge/ordering/spans"
	"github.com/brokerbridge/bridge/ordering/store/memory"
	"github.com/brokerbridge/bridge/policies"
)

// TestAnybodysRouterIsFollowed: a handler of Watermill behind the Resequencer finds
// the span of its try, and what the message carries along; each message is settled.
func TestAnybodysRouterIsFollowed(t *testing.T) {
	rec := tracetest.NewSpanRecorder()
	provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(rec))
	db := memory.New()
	found := map[string][]trace.SpanContext{}
	tenants := map[string]string{}
	handle := func(m *message.Message) error {
		_, inner := provider.Tracer("mine").Start(m.Context(), "mine")
		inner.End()
		found[m.UUID] = append(found[m.UUID], trace.SpanContextFromContext(m.Context()))
		tenants[m.UUID] = baggage.FromContext(m.Context()).Member("tenant").Value()
		if m.UUID == "a-2" && len(found[m.UUID]) == 1 {
			return errors.New("no")
		}
		return nil
	}

	resequencer, err := ordering.New(ordering.Config{
		Route: "orders", Store: db, SingleInstance: true, First: 1,
		Identify: ordering.By{Key: []ordering.Field{ordering.Header("key")}, Revision: ordering.Header("revision")}.Identify,
		Spans:    spans.New(provider, spans.Flow{Route: "orders", Source: spans.End{System: "rabbitmq", Name: "orders"}}),
	})
	if err != nil {
		t.Fatal(err)
	}
	router, err := message.NewRouter(message.RouterConfig{}, watermill.NopLogger{})
	if err != nil {
		t.Fatal(err)
	}
	pubsub := gochannel.NewGoChannel(gochannel.Config{Persistent: true}, watermill.NopLogger{})
	router.AddConsumerHandler("orders", "orders", pubsub, handle).AddMiddleware(
		resequencer.Middleware,
		policies.Retry{Attempts: 3, Initial: time.Millisecond, Tried: ordering.Attempts}.Middleware,
	)
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for _, rev := range []string{"2", "1"} { // 2 waits in the store: its delivery is over when it is handled
		m := message.NewMessage("a-"+rev, nil)
		m.Metadata["key"], m.Metadata["revision"] = "a", rev
		if rev == "2" {
			m.Metadata["traceparent"], m.Metadata["baggage"] = parent, "tenant=7"
		}
		if err := pubsub.Publish("orders", m); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 2)
	go func() { done <- resequencer.Run(ctx) }()
	go func() { done <- router.Run(ctx) }()
	await(t, "the spans", func() bool {
		n, settled := 0, 0
		for _, s := range rec.Ended() {
			switch s.Name() {
			case "process orders":
				n++
			case "settle orders":
				settled++
			}
		}
		return n == 2 && settled >= 1
	})
	cancel()
	if err := errors.Join(<-done, <-done, router.Close(), pubsub.Close()); err != nil {
		t.Fatal(err)
	}
	if len(found["a-1"]) != 1 || len(found["a-2"]) != 2 || tenants["a-2"] != "7" || tenants["a-1"] != "" {
		t.Fatalf("%v %v", found, tenants)
	}
	if got := found["a-2"][0].TraceID().String(); got != "0af7651916cd43dd8448eb211c80319c" {
		t.Errorf("it is handled in trace %s", got)
	}
	for _, s := range rec.Ended() {
		switch {
		case s.Name() == "process orders" && s.Status().Code == codes.Error:
			t.Errorf("the Retry behind has made it good, and %v", s.Status())
		case s.Name() == "mine" && s.Parent().SpanID() != found["a-1"][0].SpanID() && s.Parent().SpanID() != found["a-2"][0].SpanID():
			t.Errorf("the handler's span has parent %v", s.Parent())
		}
	}
}

// TestFollowedMessagesAreNotChanged: what is parked, given up and compared is what
// came.
func TestFollowedMessagesAreNotChanged(t *testing.T) {
	w, s := newWorld(t, 100), memory.New()
	cfg := config(s, w)
	cfg.Spans = spans.New(sdk.NewTracerProvider(), spans.Flow{})
	r := w.run(cfg)
	d := quarantined(t, w, r, s, "a", 2, 4)
	if len(d.Metadata) != 2 {
		t.Errorf("%v", d.Metadata)
	}
	w.failing()
	if _, err := r.Redrive(t.Context(), d.ID, because); err != nil {
		t.Fatal(err)
	}
	w.delivered("a", upTo(4)...)
	r.accounted(t)
}
