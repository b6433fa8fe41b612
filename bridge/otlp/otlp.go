// Package otlp sends the spans of a bridge to a collector, by the standard
// environment variables of OpenTelemetry.
//
//	OTEL_EXPORTER_OTLP_ENDPOINT            where to; with it, spans are sent
//	OTEL_EXPORTER_OTLP_TRACES_ENDPOINT     likewise, for traces only
//	OTEL_TRACES_EXPORTER                   otlp: send them, also to the default endpoint; none: do not
//	OTEL_EXPORTER_OTLP_PROTOCOL            http/protobuf (default) or grpc; …_TRACES_PROTOCOL likewise
//	OTEL_EXPORTER_OTLP_HEADERS             what the collector asks for, such as a token
//	OTEL_SERVICE_NAME                      default bridge
//	OTEL_RESOURCE_ATTRIBUTES               more about this process
//	OTEL_TRACES_SAMPLER, …_ARG             default parentbased_always_on
//	OTEL_SDK_DISABLED                      true: nothing is sent
//
// The exporters and the SDK read others, too: timeouts, certificates, limits, sizes
// of the queue.
package otlp

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// farewell is how long a stop waits for the collector.
const farewell = 5 * time.Second

// Provider makes spans and sends them. What the collector does not take in time is
// dropped: nobody waits for it but Close.
type Provider struct {
	*sdk.TracerProvider
	abort context.CancelFunc // what is being sent
}

// Start returns a provider as the environment asks for one; nil if it does not. It
// connects to nothing. getenv is os.Getenv; what the exporters and the SDK read they
// read from the environment itself.
func Start(ctx context.Context, getenv func(string) string, version string, log *slog.Logger) (*Provider, error) {
	on, err := wanted(getenv)
	if err != nil || !on {
		return nil, err
	}
	exporter, err := newExporter(ctx, getenv)
	if err != nil {
		return nil, fmt.Errorf("export traces: %w", err)
	}
	about, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithAttributes(semconv.ServiceName("bridge"), semconv.ServiceVersion(version)),
		resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	over, abort := context.WithCancel(context.WithoutCancel(ctx))
	return &Provider{sdk.NewTracerProvider(
		sdk.WithBatcher(&patient{SpanExporter: exporter, log: log, over: over}),
		sdk.WithResource(about),
	), abort}, nil
}

// Close sends what is left, for 5 seconds at most.
func (p *Provider) Close(ctx context.Context) error {
	if p == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	defer p.abort()
	if err := p.Shutdown(ctx); err != nil {
		return fmt.Errorf("some traces were not sent: %w", err)
	}
	return nil
}

// wanted reports whether the environment asks for traces.
func wanted(getenv func(string) string) (bool, error) {
	if strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") {
		return false, nil
	}
	switch exporter := getenv("OTEL_TRACES_EXPORTER"); exporter {
	case "":
		return cmp.Or(getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), getenv("OTEL_EXPORTER_OTLP_ENDPOINT")) != "", nil
	case "otlp":
		return true, nil
	case "none":
		return false, nil
	default:
		return false, fmt.Errorf("OTEL_TRACES_EXPORTER is %q: there are otlp and none", exporter)
	}
}

func newExporter(ctx context.Context, getenv func(string) string) (sdk.SpanExporter, error) {
	protocol := cmp.Or(getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"), getenv("OTEL_EXPORTER_OTLP_PROTOCOL"), "http/protobuf")
	switch protocol {
	case "http/protobuf":
		return otlptracehttp.New(ctx)
	case "grpc":
		return otlptracegrpc.New(ctx)
	default:
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL is %q: there are http/protobuf and grpc", protocol)
	}
}
