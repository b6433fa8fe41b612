package bridge_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/brokerbridge/bridge/bridge"
	"github.com/brokerbridge/bridge/bridge/admin/api"
	"github.com/brokerbridge/bridge/ordering/spans"
	"github.com/brokerbridge/bridge/ordering/store"
	memorystore "github.com/brokerbridge/bridge/ordering/store/memory"
	"github.com/brokerbridge/bridge/policies"
)

const (
	parent      = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	parentTrace = "0af7651916cd43dd8448eb211c80319c"
)

// followed is a rig of which the spans are kept.
type followed struct {
	*rig
	*tracetest.SpanRecorder
	t     *testing.T
	store store.Store
}

// follow runs the topology, and keeps its spans.
func follow(t *testing.T, text string) *followed {
	t.Helper()
	f := &followed{rig: brokers(), SpanRecorder: tracetest.NewSpanRecorder(), t: t, store: memorystore.New()}
	limits := sdk.NewSpanLimits()
	limits.LinkCountLimit = -1 // ours counts
	p := sdk.NewTracerProvider(sdk.WithSpanProcessor(f.SpanRecorder), sdk.WithRawSpanLimits(limits))
	f.run(t, text, bridge.Options{Store: f.store, TracerProvider: p})
	return f
}

// named are the spans of one name that have ended, in the order of their ends.
func (f *followed) named(name string) (all []sdk.ReadOnlySpan) {
	for _, s := range f.Ended() {
		if s.Name() == name {
			all = append(all, s)
		}
	}
	return all
}

// last awaits so many spans of a name, and returns the last.
func (f *followed) last(name string, n int) sdk.ReadOnlySpan {
	f.t.Helper()
	await(f.t, fmt.Sprintf("%d spans %q", n, name), func() bool { return len(f.named(name)) >= n })
	all := f.named(name)
	if len(all) != n {
		f.t.Fatalf("%d spans %q, want %d", len(all), name, n)
	}
	return all[n-1]
}

// says fails unless a span has these attributes.
func says(t *testing.T, s sdk.ReadOnlySpan, want ...attribute.KeyValue) {
	t.Helper()
	for _, kv := range want {
		if !slices.Contains(s.Attributes(), kv) {
			t.Errorf("%s does not say %v: %v", s.Name(), kv, s.Attributes())
		}
	}
}

func linksTo(s sdk.ReadOnlySpan, of trace.SpanContext) bool {
	return slices.ContainsFunc(s.Links(), func(l sdk.Link) bool {
		return l.SpanContext.TraceID() == of.TraceID() && l.SpanContext.SpanID() == of.SpanID()
	})
}

// TestTraceOfAMessageWithout: the bridge creates the context, in the span that sends,
// and the message carries it.
func TestTraceOfAMessageWithout(t *testing.T) {
	f := follow(t, topology)
	f.in.Put("one", event("a", 1))
	process, send := f.last("process one", 1), f.last("send one", 1)
	receive, settle := f.last("receive one", 1), f.last("settle one", 1)
	for _, c := range []struct {
		span sdk.ReadOnlySpan
		kind trace.SpanKind
		op   string
	}{
		{receive, trace.SpanKindClient, "receive"},
		{process, trace.SpanKindConsumer, "process"},
		{send, trace.SpanKindProducer, "send"},
		{settle, trace.SpanKindClient, "settle"},
	} {
		if c.span.SpanKind() != c.kind || c.span.Status().Code == codes.Error {
			t.Errorf("%s is %s, %v", c.span.Name(), c.span.SpanKind(), c.span.Status())
		}
		says(t, c.span, attribute.String("messaging.operation.type", c.op), attribute.String("messaging.operation.name", c.op),
			attribute.String("messaging.system", "memory"), attribute.String("messaging.destination.name", "one"), attribute.String("bridge.route", "one"))
	}
	for _, s := range []sdk.ReadOnlySpan{receive, settle} {
		says(t, s, attribute.Int("messaging.batch.message_count", 1))
	}
	for _, s := range []sdk.ReadOnlySpan{process, send} {
		says(t, s, attribute.String("messaging.message.id", "a-1"))
	}
	says(t, process, attribute.Int64("bridge.revision", 1))
	if process.Parent().IsValid() || send.Parent().SpanID() != process.SpanContext().SpanID() || !linksTo(settle, process.SpanContext()) {
		t.Errorf("parents %v, %v, and settled is %v", process.Parent(), send.Parent(), settle.Links())
	}
	got := f.out.Messages("one")[0]
	if c := spans.Creation(got.Metadata); c.SpanID() != send.SpanContext().SpanID() || c.TraceID() != send.SpanContext().TraceID() {
		t.Errorf("the message carries %v", got.Metadata)
	}
}

// TestTraceOfAMessageWithOne: the context that was found is the parent, is linked
// to, and goes on as it came, with its state and its baggage.
func TestTraceOfAMessageWithOne(t *testing.T) {
	f := follow(t, topology)
	m := event("a", 1)
	m.Metadata["traceparent"], m.Metadata["tracestate"], m.Metadata["baggage"] = parent, "vendor=1", "tenant=7"
	f.in.Put("one", m)
	process, send := f.last("process one", 1), f.last("send one", 1)
	found := spans.Creation(m.Metadata)
	if process.SpanContext().TraceID().String() != parentTrace || process.Parent().SpanID() != found.SpanID() || !linksTo(process, found) {
		t.Errorf("process: parent %v, links %v", process.Parent(), process.Links())
	}
	if send.SpanKind() != trace.SpanKindClient || !linksTo(send, found) {
		t.Errorf("send is %s, links %v", send.SpanKind(), send.Links())
	}
	if !linksTo(f.last("receive one", 1), found) || !linksTo(f.last("settle one", 1), process.SpanContext()) {
		t.Error("receive and settle are not linked")
	}
	for _, header := range []string{"traceparent", "tracestate", "baggage"} {
		if got := f.out.Messages("one")[0].Metadata[header]; got != m.Metadata[header] {
			t.Errorf("%s became %q", header, got)
		}
	}
}

// TestTraceOfAMessageThatIsNotSampled: its sender decided so.
func TestTraceOfAMessageThatIsNotSampled(t *testing.T) {
	f := follow(t, topology)
	m := event("a", 1)
	m.Metadata["traceparent"] = strings.TrimSuffix(parent, "1") + "0"
	f.in.Put("one", m, event("b", 1))
	f.last("process one", 1) // that of the other
	if s := f.named("process one")[0]; s.SpanContext().TraceID().String() == parentTrace {
		t.Error("it is recorded")
	}
}

// TestTraceOfRetriesAndRedrive: each try is a span, linked to the first one, over a
// dead letter, whose tries know their traces.
func TestTraceOfRetriesAndRedrive(t *testing.T) {
	f := follow(t, topology)
	f.out.Fail("one", func(*message.Message) error { return errors.New("no") })
	f.in.Put("one", event("a", 1))
	f.last("process one", 3)
	tries := f.named("process one")
	first := tries[0].SpanContext()
	for i, s := range tries {
		if s.Status().Code != codes.Error || s.Status().Description != "no" || linksTo(s, first) != (i > 0) {
			t.Errorf("try %d: %v, links %v", i, s.Status(), s.Links())
		}
		says(t, s, attribute.String("error.type", "transient"))
	}
	for _, s := range f.named("send one") {
		says(t, s, attribute.String("error.type", "transient"))
		if s.Status().Description != "no" {
			t.Errorf("%v", s.Status())
		}
	}
	await(t, "the dead letter", func() bool { return len(deadLetters(t, f.store)) == 1 })
	d := deadLetters(t, f.store)["a-1"]
	for i, try := range d.Log.All() {
		if try.Trace.String() != tries[i].SpanContext().TraceID().String() || try.Trace.SpanString() != tries[i].SpanContext().SpanID().String() {
			t.Errorf("try %d has %v", i, try.Trace)
		}
	}
	if _, ok := d.Metadata["traceparent"]; ok {
		t.Errorf("the dead letter is not as it came: %v", d.Metadata)
	}

	f.out.Fail("one", nil)
	if _, err := f.Redrive(t.Context(), "one", d.ID, api.Change{By: "ann", Reason: "mended"}); err != nil {
		t.Fatal(err)
	}
	redriven := f.last("process one", 4)
	says(t, redriven, attribute.Bool("bridge.redriven", true))
	if redriven.Status().Code == codes.Error || !linksTo(redriven, first) {
		t.Errorf("%v, links %v", redriven.Status(), redriven.Links())
	}
	send := f.last("send one", 4)
	await(t, "it to arrive", func() bool { return len(f.out.Messages("one")) == 1 })
	if c := spans.Creation(f.out.Messages("one")[0].Metadata); c.SpanID() != send.SpanContext().SpanID() {
		t.Errorf("it carries %v", c)
	}
}

// TestTraceOfAnOutage: what a breaker does not let through was not tried.
func TestTraceOfAnOutage(t *testing.T) {
	f := follow(t, replace(t, topology, "open_for: 100ms", "open_for: 20ms"))
	f.out.Fail("one", func(*message.Message) error { return policies.As(policies.Unavailable, errors.New("away")) })
	for i := range 25 {
		f.in.Put("one", event(fmt.Sprint("k", i), 1))
	}
	await(t, "the breaker", func() bool { return f.route(t, "one").Breaker != "closed" })
	n := len(f.named("send one"))
	await(t, "two probes", func() bool { return len(f.named("send one")) > n+1 }) // beside each, others are refused
	for _, s := range f.named("process one") {
		says(t, s, attribute.String("error.type", "unavailable"))
		if s.Status().Description != "away" {
			t.Errorf("a try that was none: %s", s.Status().Description)
		}
	}
}

// TestTraceOfABatch: spans about many messages are linked to 128 of them, and the
// messages have spans of their own.
func TestTraceOfABatch(t *testing.T) {
	f := follow(t, topology)
	const n = 300
	var batch []*message.Message
	for i := range n {
		m := event(fmt.Sprint("k", i), 1)
		m.Metadata["traceparent"] = fmt.Sprintf("00-%032x-%016x-01", i+1, i+1)
		batch = append(batch, m)
	}
	f.in.Put("one", batch...)
	f.last("process one", n)
	taken, settled := 0, 0
	await(t, "them to be settled", func() bool {
		settled = 0
		for _, s := range f.named("settle one") {
			settled += count(s)
		}
		return settled == n
	})
	for _, s := range f.named("receive one") {
		taken += count(s)
		if want := min(count(s), 128); len(s.Links()) != want {
			t.Errorf("%d links of %d messages", len(s.Links()), count(s))
		}
	}
	if taken != n {
		t.Errorf("%d were received", taken)
	}
	for _, s := range f.named("settle one") {
		if want := min(count(s), 128); len(s.Links()) != want {
			t.Errorf("%d links of %d settled", len(s.Links()), count(s))
		}
	}
}

func count(s sdk.ReadOnlySpan) int {
	for _, kv := range s.Attributes() {
		if kv.Key == "messaging.batch.message_count" {
			return int(kv.Value.AsInt64())
		}
	}
	return 0
}

// TestTraceOfWhatGoesNowhere: a duplicate and a message that is not taken are
// received and settled, and not processed.
func TestTraceOfWhatGoesNowhere(t *testing.T) {
	f := follow(t, picky(t, "{ header.type: [wanted] }"))
	wanted, filtered := event("a", 1), event("b", 1)
	wanted.Metadata["type"], filtered.Metadata["traceparent"] = "wanted", parent
	f.in.Put("one", wanted)
	f.last("settle one", 1)
	f.in.Put("one", wanted)
	f.last("settle one", 2)
	f.in.Put("one", filtered)
	if s := f.last("settle one", 3); !linksTo(s, spans.Creation(filtered.Metadata)) {
		t.Errorf("settled without its link: %v", s.Links())
	}
	f.last("process one", 1)
	f.last("receive one", 3)
}

// TestTraceOfParked: a message that waited in the store is still in its trace.
func TestTraceOfParked(t *testing.T) {
	f := follow(t, topology)
	second := event("a", 2)
	second.Metadata["traceparent"] = parent
	f.in.Put("one", second)
	await(t, "it to be parked", func() bool { return f.route(t, "one").Counts.Parked == 1 })
	f.in.Put("one", event("a", 1))
	f.last("process one", 2)
	if s := f.named("process one")[1]; s.SpanContext().TraceID().String() != parentTrace {
		t.Errorf("it is in trace %s", s.SpanContext().TraceID())
	}
}

// TestHostileTraceHeaders: what cannot be read is ignored, kept as it came, and
// stops nothing.
func TestHostileTraceHeaders(t *testing.T) {
	f := follow(t, topology)
	broken := map[string]message.Metadata{
		"empty":      {"traceparent": ""},
		"words":      {"traceparent": "none"},
		"uppercase":  {"traceparent": strings.ToUpper(parent)},
		"zero":       {"traceparent": "00-00000000000000000000000000000000-0000000000000000-01"},
		"version ff": {"traceparent": "ff" + parent[2:]},
		"twice":      {"traceparent": parent + "," + parent},
		"too long":   {"traceparent": parent + "-" + strings.Repeat("x", 1<<20)},
		"not UTF-8":  {"traceparent": "\xff\xfe", "tracestate": "\xff", "baggage": "\xff=\xff"},
		"state only": {"tracestate": "a=b"},
		"states":     {"traceparent": parent, "tracestate": strings.Repeat("a=b,", 1<<18)},
		"baggages":   {"traceparent": parent, "baggage": strings.Repeat("a=b,", 1<<18)},
		"many":       {},
	}
	for i := range 10_000 {
		broken["many"][fmt.Sprint("traceparent", i)] = parent
	}
	for name, headers := range broken {
		m := event(name, 1)
		m.UUID = strings.Repeat("\xff", 1000) + name
		for k, v := range headers {
			m.Metadata[k] = v
		}
		f.in.Put("one", m)
	}
	await(t, "them all", func() bool { return len(f.out.Messages("one")) == len(broken) })
	for _, m := range f.out.Messages("one") {
		name := m.Metadata["key"]
		for header, want := range broken[name] {
			if m.Metadata[header] != want {
				t.Errorf("%s: %s is not what it was", name, header)
			}
		}
		_, has := m.Metadata["traceparent"]
		if wants := name != "state only"; has != wants {
			t.Errorf("%s: a traceparent: %v", name, has)
		}
	}
	for _, s := range f.Ended() {
		for _, kv := range s.Attributes() {
			if v := kv.Value.AsString(); kv.Value.Type() == attribute.STRING && len(v) > 1024 || v != strings.ToValidUTF8(v, "") {
				t.Errorf("%s: %s has %d bytes", s.Name(), kv.Key, len(v))
			}
		}
	}
}

// lines is a log.
type lines struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(b)
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.String()
}

// TestDeadLetterIsLoggedWithItsTrace: also where nobody follows the messages.
func TestDeadLetterIsLoggedWithItsTrace(t *testing.T) {
	for name, p := range map[string]trace.TracerProvider{"followed": sdk.NewTracerProvider(), "not followed": nil} {
		t.Run(name, func(t *testing.T) {
			var log lines
			r := brokers()
			r.out.Fail("one", func(*message.Message) error { return policies.As(policies.Permanent, errors.New("bad")) })
			r.run(t, topology, bridge.Options{TracerProvider: p, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			m := event("a", 1)
			m.Metadata["traceparent"], m.Metadata["correlation_id"] = parent, "order-7"
			r.in.Put("one", m)
			await(t, "the line", func() bool { return strings.Contains(log.text(), `msg="dead letter"`) })
			for line := range strings.Lines(log.text()) {
				if !strings.Contains(line, `msg="dead letter"`) {
					continue
				}
				for _, want := range []string{"trace_id=" + parentTrace, "span_id=", "correlation_id=order-7"} {
					if !strings.Contains(line, want) {
						t.Errorf("%s is not in %s", want, line)
					}
				}
			}
		})
	}
}
