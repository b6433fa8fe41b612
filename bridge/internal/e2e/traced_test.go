package e2e_test

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/brokerbridge/bridge/bridge/internal/e2e"
	"github.com/brokerbridge/bridge/bridge/internal/rig"
)

// traces is a collector that a bridge sends to by OTLP.
type traces struct {
	url  string
	mu   sync.Mutex
	seen []*otlp.Span
}

func collect(t *testing.T) *traces {
	t.Helper()
	c := &traces{}
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		doc, _ := io.ReadAll(r.Body)
		var q collector.ExportTraceServiceRequest
		if err := proto.Unmarshal(doc, &q); err != nil {
			t.Errorf("traces: %v", err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, of := range q.ResourceSpans {
			for _, scope := range of.ScopeSpans {
				c.seen = append(c.seen, scope.Spans...)
			}
		}
	}))
	t.Cleanup(s.Close)
	c.url = s.URL
	return c
}

// of are the spans of a trace, by name.
func (c *traces) of(trace, name string) (all []*otlp.Span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.seen {
		if s.Name == name && (trace == "" || hex.EncodeToString(s.TraceId) == trace) {
			all = append(all, s)
		}
	}
	return all
}

// attributes are those of a span as text.
func attributes(s *otlp.Span) map[string]string {
	all := map[string]string{}
	for _, kv := range s.Attributes {
		text := kv.Value.GetStringValue()
		if text == "" {
			text = fmt.Sprint(kv.Value.GetIntValue())
		}
		all[kv.Key] = text
	}
	return all
}

// TestTraceIsFollowed: from the header of a record of Kafka over tries that fail, a
// dead letter, a restart and a redrive to the header of a message of RabbitMQ.
func TestTraceIsFollowed(t *testing.T) {
	t.Parallel()
	const parent, trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "4bf92f3577b34da6a3ce929d0e0e4736"
	exchange, queue, topic := anExchange(t), rig.Queue(t), rig.Topic(t, 1)
	record := func(key string, more ...kgo.RecordHeader) *kgo.Record {
		return &kgo.Record{Key: []byte(key), Value: []byte(key), Headers: append(more,
			kgo.RecordHeader{Key: "key", Value: []byte(key)}, kgo.RecordHeader{Key: "revision", Value: []byte("1")}, kgo.RecordHeader{Key: "to", Value: []byte("all")})}
	}
	rig.Produce(t, topic,
		record("with", kgo.RecordHeader{Key: "traceparent", Value: []byte(parent)}, kgo.RecordHeader{Key: "tracestate", Value: []byte("a=b")}),
		record("without"))
	c := collect(t)
	b := e2e.Prepare(t, e2e.Options{Routes: e2e.Route{
		From: []e2e.Place{e2e.Topic(topic)}, To: e2e.Exchange(exchange, "header.to"),
		Rest: "retry: { jitter: 0, rules: [{ reason: unroutable, attempts: 2, initial: 300ms, max: 300ms }] }",
	}.String()})
	env := []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.url, "OTEL_BSP_SCHEDULE_DELAY=50"}
	b.Run(env)
	b.AwaitAlive()
	e2e.Rest{Messages: 2, Dead: 2}.Await(b, settleTimeout)
	ids := map[string]string{}
	for _, d := range b.DeadLetters("orders") {
		ids[d.Raw()] = d.ID
		if len(d.Tries) != 2 || d.Tries[1].Trace == "" || d.Tries[0].Took <= 0 || d.Trace != d.Tries[0].Trace {
			t.Errorf("%s: trace %q, tries %+v", d.Raw(), d.Trace, d.Tries)
		}
		if d.Raw() == "with" && d.Trace != trace {
			t.Errorf("it is in trace %q", d.Trace)
		}
	}
	if out := b.Must("dlq", "show", ids["with"]); !strings.Contains(out, "trace         "+trace) || strings.Count(out, ", trace "+trace) != 2 {
		t.Errorf("dlq show:\n%s", out)
	}
	if !strings.Contains(b.Log(), "trace_id="+trace) && !strings.Contains(b.Log(), `"trace_id":"`+trace) {
		t.Error("the log does not name the trace")
	}
	stopped(t, b)

	bind(t, rig.Channel(t), exchange, queue, "all")
	b.Run(env)
	b.AwaitAlive()
	for _, id := range ids {
		b.Must("dlq", "redrive", id, "--reason", "bound now")
	}
	e2e.Rest{Messages: 2}.Await(b, settleTimeout)
	stopped(t, b)

	process, send := c.of(trace, "process "+topic), c.of(trace, "send "+exchange)
	if len(process) != 3 || len(send) != 3 {
		t.Fatalf("%d tries and %d sendings in its trace, want 3", len(process), len(send))
	}
	for i, s := range process {
		a := attributes(s)
		if failed := s.Status.GetCode() == otlp.Status_STATUS_CODE_ERROR; failed != (i < 2) || failed != (a["error.type"] == "permanent") {
			t.Errorf("try %d: %v %v", i, s.Status, a)
		}
		if a["messaging.system"] != "kafka" || a["messaging.kafka.offset"] != "0" || a["messaging.destination.partition.id"] != "0" || a["messaging.consumer.group.name"] != topic {
			t.Errorf("try %d: %v", i, a)
		}
		if linked := len(s.Links) == 2 && string(s.Links[1].SpanId) == string(process[0].SpanId); linked != (i > 0) {
			t.Errorf("try %d has %d links", i, len(s.Links))
		}
		if a := attributes(send[i]); a["messaging.system"] != "rabbitmq" || a["messaging.destination.name"] != exchange || a["server.port"] != "5672" {
			t.Errorf("sending %d: %v", i, a)
		}
	}
	if len(c.of("", "receive "+topic)) == 0 || len(c.of("", "settle "+topic)) == 0 {
		t.Error("nothing was received, or settled")
	}
	headers := map[string]string{}
	for _, d := range e2e.Deliveries(t, queue) {
		headers[string(d.Body)], _ = d.Headers["traceparent"].(string)
		if string(d.Body) == "with" && d.Headers["tracestate"] != "a=b" {
			t.Errorf("%v", d.Headers)
		}
	}
	if headers["with"] != parent {
		t.Errorf("its context became %q", headers["with"])
	}
	created := false
	for _, s := range c.of("", "send "+exchange) {
		created = created || headers["without"] == fmt.Sprintf("00-%x-%x-01", s.TraceId, s.SpanId) && s.Status.GetCode() != otlp.Status_STATUS_CODE_ERROR
	}
	if !created {
		t.Errorf("the other one has %q, which no span of ours made", headers["without"])
	}
}

// TestTraceIsFollowed_StockClients: through Watermill's own subscriber and publisher
// a context is kept, or made, as through the bridge's.
func TestTraceIsFollowed_StockClients(t *testing.T) {
	t.Parallel()
	const parent, trace = "00-5bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "5bf92f3577b34da6a3ce929d0e0e4736"
	from, topic := rig.Queue(t), rig.Topic(t, 1)
	with, without := ordered("with", 1), ordered("without", 1)
	with.Headers["traceparent"] = parent
	rig.Publish(t, from, with, without)
	c := collect(t)
	b := e2e.Prepare(t, e2e.Options{Client: "watermill", Routes: e2e.Route{From: e2e.Queues(from), To: e2e.Topic(topic)}.String()})
	b.Run([]string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.url})
	b.AwaitAlive()
	e2e.Rest{Messages: 2}.Await(b, settleTimeout)
	stopped(t, b)
	headers := map[string]string{}
	for _, r := range e2e.Records(t, topic) {
		h := e2e.Headers(r)
		headers[h["key"]] = h["traceparent"]
	}
	sent := c.of("", "send "+topic)
	if headers["with"] != parent || len(c.of(trace, "process "+from)) != 1 || len(c.of(trace, "send "+topic)) != 1 || len(sent) != 2 {
		t.Errorf("%v, %d sent", headers, len(sent))
	}
	made := func(s *otlp.Span) bool { return headers["without"] == fmt.Sprintf("00-%x-%x-01", s.TraceId, s.SpanId) }
	if !slices.ContainsFunc(sent, made) {
		t.Errorf("the other one has %q, which no span of ours made", headers["without"])
	}
}
