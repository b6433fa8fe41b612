package otlp

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlpv1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// receiver is a collector.
type receiver struct {
	collector.UnimplementedTraceServiceServer

	mu    sync.Mutex
	got   []*otlpv1.ResourceSpans
	token string
}

func (r *receiver) take(q *collector.ExportTraceServiceRequest, token string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got, r.token = append(r.got, q.ResourceSpans...), token
}

// Export is the gRPC side.
func (r *receiver) Export(ctx context.Context, q *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	r.take(q, strings.Join(md.Get("x-token"), ","))
	return &collector.ExportTraceServiceResponse{}, nil
}

// ServeHTTP is the HTTP side.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body := io.Reader(req.Body)
	if req.Header.Get("Content-Encoding") == "gzip" {
		body, _ = gzip.NewReader(req.Body)
	}
	doc, err := io.ReadAll(body)
	var q collector.ExportTraceServiceRequest
	if err := errors.Join(err, proto.Unmarshal(doc, &q)); err != nil || req.URL.Path != "/v1/traces" {
		http.Error(w, "no", http.StatusBadRequest)
		return
	}
	r.take(&q, req.Header.Get("x-token"))
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// environment sets variables, for the SDK too, and returns what reads them.
func environment(t *testing.T, vars map[string]string) func(string) string {
	t.Helper()
	for k, v := range vars {
		t.Setenv(k, v)
	}
	return func(name string) string { return vars[name] }
}

// begin starts a provider and fails if there is none.
func begin(t *testing.T, log io.Writer, vars map[string]string) *Provider {
	t.Helper()
	p, err := Start(t.Context(), environment(t, vars), "1.2.3", slog.New(slog.NewTextHandler(log, nil)))
	if err != nil || p == nil {
		t.Fatalf("%v %v", p, err)
	}
	return p
}

// TestSpansArrive by each protocol, with the headers and the names that the
// environment gives them, and whatever bytes a message had put into them.
func TestSpansArrive(t *testing.T) {
	for _, protocol := range []string{"", "http/protobuf", "grpc"} {
		t.Run("protocol "+protocol, func(t *testing.T) {
			var r receiver
			vars := map[string]string{
				"OTEL_EXPORTER_OTLP_ENDPOINT": r.serve(t, protocol == "grpc"), "OTEL_EXPORTER_OTLP_HEADERS": "x-token=secret",
				"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=test",
			}
			if protocol != "" {
				vars["OTEL_EXPORTER_OTLP_PROTOCOL"] = protocol
			}
			var log bytes.Buffer
			p := begin(t, &log, vars)
			_, span := p.Tracer("test").Start(t.Context(), "process one")
			span.SetAttributes(attribute.Int("n", 7))
			span.End()
			if err := p.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if len(r.got) != 1 || len(r.got[0].ScopeSpans) != 1 || r.got[0].ScopeSpans[0].Spans[0].Name != "process one" || r.token != "secret" {
				t.Fatalf("%v, token %q, log %s", r.got, r.token, &log)
			}
			about := map[string]string{}
			for _, kv := range r.got[0].Resource.Attributes {
				about[kv.Key] = kv.Value.GetStringValue()
			}
			if about["service.name"] != "bridge" || about["service.version"] != "1.2.3" || about["deployment.environment"] != "test" {
				t.Errorf("%v", about)
			}
		})
	}
}

// serve starts the collector and returns its address.
func (r *receiver) serve(t *testing.T, overGRPC bool) string {
	t.Helper()
	if !overGRPC {
		s := httptest.NewServer(r)
		t.Cleanup(s.Close)
		return s.URL
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	collector.RegisterTraceServiceServer(s, r)
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	t.Cleanup(func() { s.Stop(); <-done })
	return "http://" + l.Addr().String()
}

// TestCollectorThatHangs: whoever makes spans does not wait, what is waiting does not
// grow, and a stop takes 5 seconds at most.
func TestCollectorThatHangs(t *testing.T) {
	for _, protocol := range []string{"http/protobuf", "grpc"} {
		t.Run(protocol, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var conns []net.Conn
			done := make(chan struct{})
			go func() { // takes calls, and answers none
				defer close(done)
				for c, err := l.Accept(); err == nil; c, err = l.Accept() {
					conns = append(conns, c)
				}
			}()
			t.Cleanup(func() {
				_ = l.Close()
				<-done
				for _, c := range conns {
					_ = c.Close()
				}
			})
			var log bytes.Buffer
			p := begin(t, &log, map[string]string{
				"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + l.Addr().String(), "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
				"OTEL_BSP_SCHEDULE_DELAY": "1",
			})
			began := time.Now()
			for range 100_000 {
				_, span := p.Tracer("test").Start(t.Context(), "span")
				span.End()
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("100,000 spans took %s", took)
			}
			began = time.Now()
			err = p.Close(t.Context())
			if took := time.Since(began); err == nil || took > 6*time.Second {
				t.Errorf("a stop took %s: %v", took, err)
			}
		})
	}
}

// TestCollectorThatIsAwayIsSaidOnce: a line a minute, with how many spans were lost.
func TestCollectorThatIsAwayIsSaidOnce(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) }))
	defer s.Close()
	var log bytes.Buffer
	p := begin(t, &log, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": s.URL, "OTEL_EXPORTER_OTLP_HEADERS": "x-token=secret"})
	for range 10 {
		_, span := p.Tracer("test").Start(t.Context(), "span")
		span.End()
		if err := p.ForceFlush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(log.String(), "traces cannot be sent"); n != 1 || strings.Contains(log.String(), "secret") {
		t.Errorf("%d lines: %s", n, &log)
	}
}

// TestWhenTracesAreSent: by the variables, and never by accident.
func TestWhenTracesAreSent(t *testing.T) {
	for _, c := range []struct {
		name string
		vars map[string]string
		on   bool
		says string
	}{
		{"nothing is set", nil, false, ""},
		{"an endpoint", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, true, ""},
		{"an endpoint for traces", map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1"}, true, ""},
		{"asked for", map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, true, ""},
		{"asked not to", map[string]string{"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, false, ""},
		{"disabled", map[string]string{"OTEL_SDK_DISABLED": "TRUE", "OTEL_TRACES_EXPORTER": "otlp"}, false, ""},
		{"another exporter", map[string]string{"OTEL_TRACES_EXPORTER": "zipkin"}, false, `OTEL_TRACES_EXPORTER is "zipkin": there are otlp and none`},
		{
			"another protocol",
			map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"},
			false,
			`OTEL_EXPORTER_OTLP_PROTOCOL is "http/json"`,
		},
		{"broken attributes", map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_RESOURCE_ATTRIBUTES": "a"}, false, "OTEL_RESOURCE_ATTRIBUTES"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := Start(t.Context(), environment(t, c.vars), "", slog.New(slog.DiscardHandler))
			if (p != nil) != c.on || (err != nil) != (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v %v", p, err)
			}
			if err := p.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestSamplerOfTheEnvironment: and by default whoever created a message decides.
func TestSamplerOfTheEnvironment(t *testing.T) {
	for sampler, want := range map[string]bool{"": true, "always_off": false, "parentbased_always_off": false} {
		t.Run(sampler, func(t *testing.T) {
			vars := map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}
			if sampler != "" {
				vars["OTEL_TRACES_SAMPLER"] = sampler
			}
			p := begin(t, io.Discard, vars)
			_, span := p.Tracer("test").Start(t.Context(), "span")
			if span.SpanContext().IsSampled() != want {
				t.Errorf("sampled: %v", !want)
			}
			_ = p.Close(t.Context())
		})
	}
}
